"""Against the lpips package, with the same backbone weights in both."""

from __future__ import annotations

import contextlib

import pytest
import torch
from random_backbones import only_in_the_hub, put_into_the_hub, random_backbone

from faceveil.core.errors import ModelError
from faceveil.core.perception import backbones
from faceveil.core.perception import lpips as ours


@pytest.fixture(params=["alex", "vgg"])
def net(request, tmp_path, monkeypatch) -> str:
    """A machine that has the backbone in torch's hub cache and nowhere else."""
    only_in_the_hub(tmp_path, monkeypatch)
    return put_into_the_hub(request.param, tmp_path)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 64, 64, generator=generator), torch.rand(2, 3, 64, 64, generator=generator)


@pytest.fixture(scope="module")
def torchvision_operators():
    """Declares the operators that torchvision misses when it was built for another torch; lpips calls none of them."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms(Tensor d, Tensor s, float t) -> Tensor", "qnms(Tensor d, Tensor s, float t) -> Tensor"):
        with contextlib.suppress(RuntimeError):
            library.define(name)
    return library


def reference(net: str) -> torch.nn.Module:
    try:
        import lpips
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not import here: {error}")
    return lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()


def test_agrees_with_the_lpips_package(net, torchvision_operators):
    theirs = reference(net)
    state = random_backbone(net)
    slices = [p for name, p in theirs.net.named_parameters()]
    for parameter, value in zip(slices, state.values(), strict=True):
        parameter.data.copy_(value)
    a, b = pictures()
    with torch.no_grad():
        expected = theirs(a, b, normalize=True).flatten()
        assert torch.allclose(ours.Lpips.load(net)(a, b), expected, rtol=1e-4, atol=1e-6)


def test_features_of_one_picture_can_be_kept(net):
    model, (a, b) = ours.Lpips.load(net), pictures()
    kept = model.features(a)
    assert torch.allclose(model.distance(kept, model.features(b)), model(a, b))
    assert torch.equal(model.distance(kept, kept), torch.zeros(2))


def test_gradient_agrees_with_finite_differences(net):
    model, (a, b) = ours.Lpips.load(net).double(), (x[:1].double() for x in pictures())
    b.requires_grad_()
    gradient = torch.autograd.grad(model(a, b).sum(), b)[0]
    direction = torch.randn(b.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        ends = [model(a, b + sign * 1e-7 * direction).sum() for sign in (1, -1)]
    assert torch.isclose((ends[0] - ends[1]) / 2e-7, (gradient * direction).sum(), rtol=1e-3)


def test_without_weights_it_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "candidates", lambda net: [])
    with pytest.raises(ModelError, match="faceveil fetch lpips-vgg"):
        ours.Lpips.load("vgg")


def test_damaged_or_foreign_weights_are_named(tmp_path, monkeypatch):
    damaged, foreign = tmp_path / "vgg16-1.pth", tmp_path / "vgg16-2.pth"
    damaged.write_bytes(b"nothing")
    torch.save(random_backbone("alex"), foreign)
    for path in (damaged, foreign):
        monkeypatch.setattr(backbones, "candidates", lambda net, path=path: [path])
        with pytest.raises(ModelError, match=path.name):
            ours.Lpips.load("vgg")


def test_vgg19_term_is_the_mean_square_of_relu3_4(tmp_path, monkeypatch):
    state = random_backbone("vgg19")
    torch.save(
        {**state, "features.19.weight": torch.zeros(512, 256, 3, 3), "features.19.bias": torch.zeros(512)},
        tmp_path / "v.pth",
    )
    monkeypatch.setattr(backbones, "candidates", lambda net: [tmp_path / "v.pth"])
    a, b = pictures()
    x, y = (
        torch.nn.functional.batch_norm(
            p, torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225]) ** 2, eps=0
        )
        for p in (a, b)
    )
    for index, name in enumerate(n for n in state if n.endswith("weight")):
        if index in (2, 4):
            x, y = (torch.nn.functional.max_pool2d(p, 2) for p in (x, y))
        x, y = (
            torch.relu(torch.nn.functional.conv2d(p, state[name], state[name[:-6] + "bias"], padding=1)) for p in (x, y)
        )
    expected = ((x - y) ** 2).mean((1, 2, 3))
    assert torch.allclose(ours.Vgg19Distance.load()(a, b), expected, rtol=1e-4)
