"""What may be handed to the library: one sentence for all that is not a picture, a mask, a seed or a device."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest
import torch
from PIL import Image

import faceveil
from faceveil.core.errors import InputError
from faceveil.core.faces.masks import fit_mask
from faceveil.core.images import Photo
from faceveil.core.methods import recipes
from faceveil.core.methods.wish import Edit, refuse_unusable
from faceveil.core.optimise import Settings
from faceveil.core.photo.editor import Editor
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.dlib_resnet import load_dlib
from faceveil.core.recognisers.sface import load_sface
from faceveil.core.veil import warp


@pytest.fixture(scope="module")
def photo(examples):
    return faceveil.read_photo(examples / "portrait.png")


MASKS = {
    "0 to 255": torch.full((1, 8, 8), 255.0),
    "below 0": torch.full((1, 8, 8), -1.0),
    "not a number": torch.full((1, 8, 8), float("nan")),
    "bytes": torch.ones((1, 8, 8), dtype=torch.uint8),
    "yes and no": torch.ones((1, 8, 8), dtype=torch.bool),
    "double": torch.ones((1, 8, 8), dtype=torch.float64),
    "flat": torch.ones((8, 8)),
    "too deep": torch.ones((1, 1, 8, 8)),
    "empty": torch.ones((1, 0, 8)),
    "no tensor": [[1.0]],
    "a number": 1.0,
    "a name": "mask.png",
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_that_is_none_is_refused_before_it_wrecks_a_face(photo, kind):
    mask = MASKS[kind]
    for call in (
        lambda: fit_mask(mask, 512, 512),
        lambda: faceveil.protect(photo, mask=mask),
        lambda: faceveil.edit(photo, "red lipstick", (), mask=mask),
    ):
        with pytest.raises(InputError, match="A mask must"):
            call()


def test_every_other_tensor_goes_through_the_same_door(photo):
    image, dlib = torch.rand(1, 3, 64, 64), load_dlib()
    for wrong in (image * 255, image[0], image.byte(), image[:, :1], image.double()):
        for name in ("gallery", "decoys"):
            with pytest.raises(InputError, match=r"A (gallery photo|decoy) must"):
                Protector("light", [dlib], **{name: [wrong]})
    protector = Protector("light", [dlib])
    for mask in (torch.full((1, 1, 512, 512), 255.0), torch.ones(1, 512, 512)):
        with pytest.raises(InputError, match="A mask must"):
            protector(photo, mask)
    with pytest.raises(InputError, match="transparency"):
        Photo(torch.rand(1, 64, 64, 3), alpha=torch.rand(1, 64, 65))
    changed = Photo(torch.rand(1, 64, 64, 3))
    changed.pixels = changed.pixels * 255
    for call in (protector, faceveil.find_faces, lambda p: faceveil.verify(p, p), lambda p: faceveil.protect(p)):
        with pytest.raises(InputError, match="photo's pixels must lie"):
            call(changed)
        with pytest.raises(InputError, match="A photo is needed, as read_photo gives it, but this is a str"):
            call("me.jpg")


@pytest.mark.parametrize("seed", [-1, 2**64, 10**30, 0.5, "1", None, float("nan")])
def test_absurd_seeds_are_refused(photo, seed):
    with pytest.raises(InputError, match="seed"):
        faceveil.protect(photo, seed=seed)


@pytest.mark.parametrize("device", ["", "meta", "cuda:99", "nonsense", "cpu:x", "xla", "privateuseone", "mkldnn:0"])
def test_devices_that_are_none_are_refused(photo, device):
    for call in (faceveil.protect, lambda p, device: faceveil.verify(p, p, device=device)):
        with pytest.raises(InputError, match="cannot be used here"):
            call(photo, device=device)


def test_a_device_without_numbers_is_refused_without_asking_it_for_one():
    """torch would load hundreds of modules for its answer."""
    known = [
        sys.executable,
        "-c",
        "import sys, torch\nfrom faceveil.core.devices import InputError, usable\nbefore = len(sys.modules)\n"
        "try:\n    usable('meta')\nexcept InputError as error:\n    print(len(sys.modules) - before, error)",
    ]
    added, message = subprocess.run(known, capture_output=True, text=True, check=True).stdout.split(" ", 1)
    assert int(added) < 50 and "cannot be used here (it holds no numbers)" in message


@pytest.mark.parametrize("size", [0, -8, 7, 10**9, 256.5])
def test_absurd_sizes_are_refused(size):
    with pytest.raises(InputError, match="A model cannot work at"):
        Editor(None, None, size=size)


def test_absurd_guidance_is_refused():
    with pytest.raises(InputError, match="guidance of nan"):
        refuse_unusable(Edit("red lips", guidance=float("nan")), torch.ones(1, 1, 8, 8))


def test_it_works_inside_inference_mode_and_makes_the_same(examples, tmp_path, monkeypatch):
    """A picture is searched by gradients, which nothing that was made in there has."""
    quick = replace(recipes.RECIPES["pixel-noise"], settings=Settings(2, method="sign", betas=(0.0, 0.0)))
    monkeypatch.setitem(recipes.RECIPES, "pixel-noise", quick)
    Image.open(examples / "portrait.png").convert("RGB").crop((100, 0, 356, 256)).save(tmp_path / "photo.png")
    made = []
    for inside in (False, True):
        with torch.inference_mode(inside):
            photo = faceveil.read_photo(tmp_path / "photo.png")
            mask = torch.ones(1, photo.height, photo.width)
            recogniser = faceveil.load_recogniser("dlib")
            protected, report = faceveil.protect(photo, recogniser, "pixel-noise", gallery=[photo], mask=mask)
            made.append(protected.pixels.clone())
            assert report.faces[0].recognisers[0].after < 1
    assert torch.equal(*made)


def test_a_veil_worn_inside_inference_mode_leaves_the_next_search_its_gradients(monkeypatch):
    """What is reckoned once for all warps was asked for in there first, as by a node that wears a veil."""
    for once in (warp._upto_finest, warp._moods, warp._proportions):
        monkeypatch.setattr(warp, once.__name__, cache(once.__wrapped__))
    points = torch.tensor([[[10.0, 12.0], [22.0, 12.0], [16.0, 18.0], [11.0, 23.0], [21.0, 23.0]]])
    field = warp.WarpField(points, 32, 0.1, expression_held=True, growth=0.5)
    with torch.inference_mode():
        field.knots()
    field.knots().square().sum().backward()
    assert all(knots.grad is not None for knots, _ in field.groups())


def test_a_protector_brings_its_company_along(photo):
    """On a device that refuses to mix: recognisers, gallery and decoys are handed over where they are."""
    from other_device import DEVICE, OtherDevice

    small = photo.with_pixels(photo.pixels[:, :256, 100:356])
    with OtherDevice():
        gallery = [small.pixels.movedim(-1, 1).contiguous()]
        protector = Protector("pixel-noise", [load_dlib()], [load_sface()], gallery, gallery, device=str(DEVICE))
        assert {picture.device for picture in (*protector.gallery, *protector.decoys)} == {DEVICE}
        networks = (one.network for one in (*protector.surrogates, *protector.judges))
        assert {weight.device for network in networks for weight in network.parameters()} == {DEVICE}
