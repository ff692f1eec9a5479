"""SCRFD: InsightFace's own class runs on a tiny network with SCRFD's nine outputs that detects red squares."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from red_squares import POINTS, SQUARE, paint, red_squares_in

from faceveil.core.errors import InputError, ModelError
from faceveil.core.faces import scrfd
from faceveil.core.faces.find import find_faces
from faceveil.core.faces.scrfd import find_scrfd_file, load_scrfd, scrfd_in


@pytest.fixture(scope="module")
def red_squares(tmp_path_factory):
    return red_squares_in(tmp_path_factory.mktemp("models"))


def test_faces_are_found_where_they_are(red_squares):
    image = torch.zeros(1, 3, 640, 640)
    paint(image, 200, 320)
    (face,) = load_scrfd(red_squares).find(image)
    assert face.centre == pytest.approx((216, 336), abs=8.5)
    assert face.size == pytest.approx(SQUARE)
    assert face.points.dtype == torch.float32
    assert torch.allclose(face.points, torch.tensor(face.centre) + torch.tensor(POINTS) * 8, atol=0.01)
    assert 0.9 < face.score <= 1


def test_colours_keep_their_order(red_squares):
    """InsightFace wants blue first; were we to hand over red first, blue squares would be found."""
    image = torch.zeros(1, 3, 640, 640)
    paint(image, 200, 320)
    assert load_scrfd(red_squares).find(image.flip(1)) == []


def test_larger_photos_are_answered_in_their_own_pixels(red_squares):
    image = torch.zeros(1, 3, 1920, 2560)
    paint(image, 1600, 800, 160)
    (face,) = load_scrfd(red_squares).find(image)
    assert face.size == pytest.approx(160, abs=1)
    assert face.centre == pytest.approx((1664, 864), abs=34)


def test_the_largest_comes_first(red_squares, monkeypatch):
    detector = load_scrfd(red_squares)
    rows = np.float32([[0, 0, 10, 10, 0.9], [50, 50, 90, 90, 0.8]])
    monkeypatch.setattr(detector._model, "detect", lambda pixels: (rows, np.zeros((2, 5, 2), np.float32)))
    assert [face.size for face in detector.find(torch.zeros(1, 3, 300, 300))] == [40, 10]


def test_nothing_found_is_an_empty_list(red_squares):
    assert load_scrfd(red_squares).find(torch.zeros(1, 3, 64, 64)) == []


def test_without_insightface_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "insightface.model_zoo", None)
    with pytest.raises(ModelError, match=r"insightface.*built-in"):
        load_scrfd(tmp_path / "det_10g.onnx")


def test_files_that_are_no_detector_are_refused(tmp_path):
    pytest.importorskip("insightface.model_zoo")
    (tmp_path / "det_10g.onnx").write_bytes(b"not a network")
    for name in ("det_10g.onnx", "missing.onnx"):
        with pytest.raises(ModelError, match=f"'{name}' is not an SCRFD detector"):
            load_scrfd(tmp_path / name)


def test_a_recogniser_is_refused(shared_recognisers):
    pytest.importorskip("insightface.model_zoo")
    with pytest.raises(ModelError, match="is not an SCRFD detector"):
        load_scrfd(next(iter(sorted(shared_recognisers.glob("*.onnx")))))


def test_a_loaded_analysis_of_another_pack_is_a_detector(red_squares):
    """IPAdapter's, InstantID's and PuLID's loaders give insightface's FaceAnalysis."""
    image = torch.zeros(1, 3, 640, 640)
    paint(image, 200, 320)
    loaded = SimpleNamespace(det_model=load_scrfd(red_squares)._model, models={})
    (face,) = find_faces(image, detector=scrfd_in(loaded))
    assert face.centre == pytest.approx((216, 336), abs=8.5)
    for other in (SimpleNamespace(models={}), SimpleNamespace(det_model=SimpleNamespace(use_kps=True)), "nothing"):
        with pytest.raises(InputError, match="no face detector"):
            scrfd_in(other)


def test_a_loaded_analysis_serves_the_node_as_well(red_squares):
    from faceveil.nodes.parts.finding import find_in_pictures

    picture = torch.zeros(1, 640, 640, 3)
    picture[:, 320:360, 200:240, 0] = 1
    found, mask = find_in_pictures([picture], "all", detector=load_scrfd(red_squares))
    assert len(found[0]) == 1 and mask.amax() > 0.9


def test_the_most_exact_file_is_found_in_any_pack(monkeypatch, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(scrfd, "model_folders", lambda kind: [first, second] if kind == "insightface" else [])
    files = [
        first / "a" / "b" / "c" / "det_10g.onnx",  # too deep
        second / "scrfd_2.5g.onnx",
        first / "scrfd_10g_bnkps.onnx",
        first / "models" / "buffalo_sc" / "det_500m.onnx",
        second / "buffalo_l" / "det_10g.onnx",
    ]
    first.mkdir()
    assert find_scrfd_file() is None
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
        assert find_scrfd_file() == (file if number else None)
