"""What may change: nothing outside the mask, no more than the bound, the same at every resolution."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.perception.colour import luma
from faceveil.core.veil.change import Bundle, ColourField
from faceveil.core.veil.latent import LatentOffset
from faceveil.core.veil.light import FeatureContrast, LumaField, lit
from faceveil.core.veil.warp import FREE, WarpField, _proportions

POINTS = torch.tensor([[[24.0, 26.0], [40.0, 26.0], [32.0, 35.0], [25.0, 45.0], [39.0, 45.0]]])
"""A face in a window of 64 px; its eyes are 16 px apart."""


def picture(size: int = 64) -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.8, size)
    return torch.stack([ramp[:, None].expand(size, size), ramp.expand(size, size), (ramp[:, None] + ramp) / 2])[None]


def half_mask(size: int = 64) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., : size // 2] = 1
    return mask


class Halving:
    """A stand-in autoencoder: average pooling and nearest upsampling, off by a known amount."""

    name, multiple = "halving", 2

    def encode(self, image):
        return torch.nn.functional.avg_pool2d(image, 2)

    def decode(self, latent):
        return torch.nn.functional.interpolate(latent, scale_factor=2) * 0.9 + 0.02


def variables():
    return {
        "warp": WarpField(POINTS, 64, 0.06),
        "luma": LumaField(POINTS, 64, 5 / 255, [64]),
        "colour": ColourField(1, 8 / 255, 64),
        "latent": LatentOffset(Halving(), picture()),
        "bundle": Bundle([WarpField(POINTS, 64, 0.06), LumaField(POINTS, 64, 5 / 255, [64])]),
    }


def stir(variable) -> None:
    generator = torch.Generator().manual_seed(0)
    for parameter, _ in variable.groups():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 3


@pytest.mark.parametrize("name", variables())
def test_at_rest_nothing_changes(name):
    changed = variables()[name].apply(picture(), torch.ones(1, 1, 64, 64))
    assert (changed - picture()).abs().max() < 2e-6


@pytest.mark.parametrize("name", variables())
def test_outside_the_mask_nothing_changes(name):
    variable = variables()[name]
    stir(variable)
    difference = (variable.apply(picture(), half_mask()) - picture()).abs()
    assert difference[..., :30].max() > 1e-3
    assert difference[..., 32:].max() < 2e-6


@pytest.mark.parametrize("name", variables())
def test_a_search_can_leave_where_nothing_changes_yet(name):
    """Versions of torch differ in what slope a clamp has at its bound; every search begins there."""
    variable = variables()[name]
    towards = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    total = (variable.apply(picture(), half_mask()) * towards).sum()
    for gradient in torch.autograd.grad(total, [parameter for parameter, _ in variable.groups()]):
        assert gradient.abs().max() > 0


def test_fields_keep_their_bound():
    for field, bound in ((ColourField(1, 8 / 255, 64), 8 / 255), (LumaField(POINTS, 64, 5 / 255, [64]), 5 / 255)):
        for parameter, _ in field.groups():
            parameter.data[:] = 99.0 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)).sign()
        change = luma(field.apply(picture(), torch.ones(1, 1, 64, 64)) - picture()).abs().max()
        assert bound * 0.1 < change <= bound * 1.001
    field = ColourField(1, 8 / 255, 64)
    field.field.data = 99 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).sign()
    for side in (64, 75, 150, 40):
        flat = torch.full((1, 3, side, side), 0.5)
        assert (field.apply(flat, torch.ones(1, 1, side, side)) - flat).abs().max() <= 8 / 255 + 1e-6


def skin(side: int = 96) -> torch.Tensor:
    """Brown skin with a white highlight in its middle and a black nostril."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    shine = torch.exp(-(x**2 + (y + 0.3) ** 2) / 0.02)[None, None]
    shade = torch.exp(-(x**2 + (y - 0.6) ** 2) / 0.02)[None, None]
    brown = torch.tensor([0.55, 0.38, 0.28]).view(1, 3, 1, 1) * (1 - 0.95 * shade)
    return torch.lerp(brown, torch.ones_like(brown), 0.8 * shine)


def in_light(change: float) -> torch.Tensor:
    return lit(skin(), torch.full((1, 1, 96, 96), change), torch.ones(1, 1, 96, 96))


def saturation(picture: torch.Tensor) -> torch.Tensor:
    return 1 - picture.amin(1) / picture.amax(1).clamp_min(1e-3)


def hue(colour: torch.Tensor) -> torch.Tensor:
    return colour / colour.sum()


def of_skin(change: float, picture: torch.Tensor, brightness: float) -> tuple[torch.Tensor, torch.Tensor]:
    """An even place of it before and after, where all of the change is to arrive."""
    picture = picture * brightness
    after = lit(picture, torch.full((1, 1, 96, 96), change), torch.ones(1, 1, 96, 96))
    there, before = after[0, :, 48, 8], picture[0, :, 48, 8]
    assert abs(luma((there - before)[None, :, None, None]).item() - change) < 0.01
    return before, there


def test_even_skin_keeps_its_hue_in_more_light():
    before, after = of_skin(0.08, skin(), 1.0)
    assert torch.allclose(hue(after), hue(before), atol=0.01)


@pytest.mark.parametrize("brightness", [0.7, 1.0, 1.6])
def test_skin_that_gets_darker_keeps_most_of_its_red_and_does_not_turn_purple(brightness):
    """The same share of red, green and blue would be ash; of red alone the least, with much blue left, a bruise."""
    before, after = of_skin(-0.08, skin(), brightness)
    assert hue(after)[0] > hue(before)[0] + 0.02
    assert hue(after)[2] < hue(before)[2]


def test_the_redder_skin_is_the_more_red_it_loses():
    tints = [torch.tensor(tint).view(1, 3, 1, 1) for tint in ([0.85, 0.68, 0.58], [0.6, 0.38, 0.24])]
    lost = []
    for tint in tints:
        before, after = of_skin(-0.08, tint.expand(1, 3, 96, 96).clone(), 1.0)
        lost.append((before - after)[0].item())
    assert lost[0] < 0.8 * lost[1] < 0.8 * 1.06 * 0.08


def test_black_and_white_stays_so_and_under_blue_lamps_nothing_turns_red():
    grey = luma(skin()).expand(-1, 3, -1, -1)
    for change in (0.08, -0.08):
        of_grey = lit(grey, torch.full((1, 1, 96, 96), change), torch.ones(1, 1, 96, 96))
        assert (of_grey - luma(of_grey)).abs().max() < 1e-5
    before, after = of_skin(-0.08, skin().flip(1), 1.0)
    assert torch.allclose(hue(after), hue(before), atol=0.01)


def test_a_side_that_is_lit_in_blue_keeps_its_hue_on_a_face_of_skin():
    face = torch.tensor([0.8, 0.6, 0.5]).view(1, 3, 1, 1).expand(1, 3, 96, 96).clone()
    face[..., :24] = torch.tensor([0.45, 0.6, 0.8]).view(1, 3, 1, 1)
    before, after = of_skin(-0.08, face, 1.0)
    assert torch.allclose(hue(after), hue(before), atol=0.01)


def test_no_colour_of_deep_skin_goes_below_nothing():
    deep = torch.tensor([0.35, 0.18, 0.06]).view(1, 3, 1, 1).expand(1, 3, 96, 96).clone()
    after = lit(deep, torch.full((1, 1, 96, 96), -0.08), torch.ones(1, 1, 96, 96))
    assert after.min() >= 0 and luma(deep - after).mean() > 0.04


def test_a_highlight_that_fades_is_skin_and_not_ash():
    before, after = saturation(skin())[0, 34, 48], saturation(in_light(-0.1))[0, 34, 48]
    assert after > before + 0.05


def test_a_nostril_does_not_glow_and_nothing_is_clipped():
    nostril = in_light(0.1)[0, :, 77, 48]
    assert nostril.max() - nostril.min() < 0.6 * (skin()[0, :, 48, 8].max() - skin()[0, :, 48, 8].min())
    for change in (0.1, 0.4):
        assert in_light(change).max() <= 1.0


def test_a_band_of_light_draws_no_patch():
    """What is broader than a band's knots is no part of it, however much its texture would hide."""
    grey, whole = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    changes = []
    for width in (12, 1):
        band = LumaField(POINTS, 64, 0.1, [48])
        rows = (torch.arange(48) // width) % 2 * 198.0 - 99.0
        band.control[0].data[:] = rows[:, None].expand(48, 48)
        changes.append((band.apply(grey, whole) - grey)[..., 12:52, :].mean(3).abs())
    assert changes[0].median() < 1e-3 < 1e-2 < changes[1].median()


def test_warp_keeps_its_bound_in_shares_of_the_eye_distance():
    for bound in (0.03, 0.1):
        warp = WarpField(POINTS, 64, bound)
        for control in warp.control:
            control.data.fill_(-99.0)
        reach = warp.displacement(64, 64).abs().max() * 64 / 16
        assert bound * 0.95 < reach <= bound * 1.05


def test_a_warp_is_even_enough_that_no_part_is_blown_up():
    """Broad levels move far and fine ones little: what a search asks for at random stretches nothing by a third."""
    warp = WarpField(POINTS, 64, 0.14, symmetry=1.0, expression_held=True, growth=2.5)
    stir(warp)
    shift = warp.displacement(256, 256) * 256
    assert max(shift.diff(dim=axis).abs().max() for axis in (2, 3)) < 0.33


def test_no_proportion_grows_beyond_its_limit():
    def changed(growth: float) -> torch.Tensor:
        warp = WarpField(POINTS, 64, 0.4, symmetry=1.0, expression_held=True, growth=growth)
        stir(warp)
        read, _, passes = _proportions()
        return (read @ warp.knots().flatten()).abs() / passes

    assert changed(2.0).max() <= 2.0 + 1e-3 < changed(FREE).max()
    assert changed(0.0).max() < 1e-3


def test_warp_moves_the_picture_the_stated_way():
    """A uniform shift of the sampling place to the right brings in what lies to the right."""
    warp = WarpField(POINTS, 64, 0.2)
    for control in warp.control:
        control.data[:, 0] = 10.0
    moved = warp.apply(picture(), torch.ones(1, 1, 64, 64))
    pixels = 0.2 * 16 / 63
    expected = picture()[..., 32] + pixels * 0.6 * torch.tensor([0, 1, 0.5]).view(1, 3, 1)
    assert (moved[..., 32] - expected).abs().max() < 0.003


def test_a_symmetric_warp_changes_both_sides_alike():
    warp = WarpField(POINTS, 64, 0.1, symmetry=1.0)
    stir(warp)
    x, y = warp.displacement(64, 64)[0]
    # The face's axis is x = 32, so column 1 mirrors column 63; ArcFace's own template leans by a few thousandths.
    assert x.std() > 0.005
    assert torch.allclose(x[:, 1:], -x[:, 1:].flip(1), atol=1e-3)
    assert torch.allclose(y[:, 1:], y[:, 1:].flip(1), atol=1e-3)


def test_a_warp_turns_with_the_face():
    middle = torch.tensor([31.5, 31.5])
    turned = (POINTS - middle).flip(2) * torch.tensor([-1.0, 1.0]) + middle
    upright, sideways = WarpField(POINTS, 64, 0.1), WarpField(turned, 64, 0.1)
    stir(upright)
    for own, other in zip(sideways.control, upright.control, strict=True):
        own.data = other.data.clone()
    there = upright.displacement(64, 64)[0]
    expected = torch.stack([-there[1].rot90(-1), there[0].rot90(-1)])
    assert (sideways.displacement(64, 64)[0] - expected).abs().max() < 2e-4


@pytest.mark.parametrize("name", ["warp", "luma", "bundle"])
def test_renders_alike_at_every_resolution(name):
    variable = variables()[name]
    generator = torch.Generator().manual_seed(0)
    for parameter, _ in variable.groups():
        coarse = torch.randn(*parameter.shape[:2], 4, 4, generator=generator)
        parameter.data = torch.nn.functional.interpolate(coarse, parameter.shape[-2:], mode="bicubic")
    small = variable.apply(picture(64), torch.ones(1, 1, 64, 64))
    large = variable.apply(picture(256), torch.ones(1, 1, 256, 256))
    shrunk = torch.nn.functional.interpolate(large, (64, 64), mode="area")
    assert (small - shrunk).abs().mean() < 0.004


def test_rows_pick_faces():
    field = LumaField(POINTS.expand(3, -1, -1), 64, 0.1, [8])
    field.control[0].data[1, 0, 3:5, 3:5] = 5.0
    clean, mask = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    assert field.apply(clean, mask, torch.tensor([1])).max() > 0.52
    assert torch.equal(field.apply(clean, mask, torch.tensor([2])), clean)


def test_rows_that_are_shared_change_every_face_alike_and_gather_its_gradients():
    points = torch.cat([POINTS, POINTS + 3])
    clean, mask, rows = picture().expand(2, -1, -1, -1), torch.ones(2, 1, 64, 64), torch.arange(2)
    for make in (
        lambda **how: WarpField(points, 64, 0.06, **how),
        lambda **how: FeatureContrast(points, 64, 0.6, ((0.03, 12, 0.3),), **how),
        lambda **how: LumaField(points, 64, 5 / 255, [24], **how),
    ):
        own, shared = make(), make(shared=True)
        stir(shared)
        for (one, _), (all_rows, _) in zip(shared.groups(), own.groups(), strict=True):
            assert len(one) == 1 and len(all_rows) == 2
            all_rows.data[:] = one.data
        changed = shared.apply(clean, mask, rows)
        assert torch.allclose(changed, own.apply(clean, mask, rows), atol=1e-6)
        gathered = torch.autograd.grad(changed.sum(), [one for one, _ in shared.groups()])
        apart = torch.autograd.grad(own.apply(clean, mask, rows).sum(), [each for each, _ in own.groups()])
        for one, each in zip(gathered, apart, strict=True):
            assert torch.allclose(one, each.sum(0, keepdim=True), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["warp", "luma"])
def test_a_mask_of_a_half_is_half_of_the_change(name):
    variable = variables()[name]
    stir(variable)
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    whole, half = (variable.apply(ramp, torch.full((1, 1, 64, 64), m)) - ramp for m in (1.0, 0.5))
    assert (whole[..., 4:-4] / 2 - half[..., 4:-4]).abs().max() < 0.1 * whole.abs().max()


def test_reconstruction_error_of_the_autoencoder_cancels():
    """The decoder darkens everything by a tenth; at offset 0 the picture is untouched, and only differences count."""
    latent = LatentOffset(Halving(), picture())
    latent.offset.data[:] = 0.1
    changed = latent.apply(picture(), torch.ones(1, 1, 64, 64))
    assert torch.allclose(changed - picture(), torch.full_like(changed, 0.09), atol=1e-5)
    assert latent.difference.decodes == 2


def test_a_quick_autoencoder_searches_and_the_full_one_finishes():
    """The quick one is off by a tenth of the change: searching sees that, the finished picture does not have it."""

    class Quick(Halving):
        def decode(self, latent):
            return 0.9 * super().decode(latent)

    latent = LatentOffset(Quick(), picture(), finish=Halving())
    latent.offset.data[:] = 0.1
    mask = torch.ones(1, 1, 64, 64)
    searched = latent.apply(picture(), mask)
    with torch.no_grad():
        finished = latent.apply(picture(), mask)
    whole = LatentOffset(Halving(), picture())
    whole.offset.data[:] = 0.1
    assert torch.allclose(finished, whole.apply(picture(), mask))
    assert torch.allclose(searched - picture(), 0.9 * (finished - picture()), atol=1e-6)
    assert searched.requires_grad and not finished.requires_grad


def test_what_texture_does_not_hide_changes_less():
    hidden = torch.full((1, 1, 64, 64), 0.25)
    latent = LatentOffset(Halving(), picture(), hiding=hidden)
    latent.offset.data[:] = 0.1
    changed = latent.apply(picture(), torch.ones(1, 1, 64, 64))
    assert torch.allclose(changed - picture(), torch.full_like(changed, 0.09 / 4), atol=1e-5)


@pytest.mark.parametrize("name", variables())
def test_gradients_agree_with_finite_differences(name):
    variable = variables()[name]
    stir(variable)
    weight = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    parameters = [parameter for parameter, _ in variable.groups()]
    value = lambda: (variable.apply(picture(), half_mask()).double() * weight).sum()
    for parameter, gradient in zip(parameters, torch.autograd.grad(value(), parameters), strict=True):
        direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
        start, ends = parameter.data.clone(), []
        for sign in (1, -1):
            parameter.data = start + sign * 1e-2 * direction
            ends.append(value().detach())
        parameter.data = start
        # A picture of straight ramps has no kinks, so even the warp's bicubic sampling is smooth.
        assert torch.isclose((ends[0] - ends[1]) / 2e-2, (gradient * direction).sum().double(), rtol=0.02, atol=0.02)
