"""Choosing among faces (pure), and asking for the faces of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError, ModelError, NoFaceError
from faceveil.core.faces import find
from faceveil.core.faces.align import align
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import checked_boxes, choose, find_faces
from faceveil.core.images import read_photo, to_bchw

SMALL = Face((10.0, 10.0, 30.0, 40.0), torch.zeros(5, 2))
LARGE = Face((50.0, 20.0, 110.0, 90.0), torch.ones(5, 2))
FACES = [LARGE, SMALL]


@pytest.fixture(scope="module")
def portrait(examples) -> torch.Tensor:
    pixels = np.asarray(Image.open(examples / "portrait.png").convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@pytest.fixture(scope="module")
def pair(portrait) -> torch.Tensor:
    """The portrait twice side by side, the left one smaller."""
    picture = torch.full((1, 3, 512, 900), 0.5)
    picture[..., 388:] = portrait
    picture[..., :358, :358] = torch.nn.functional.interpolate(portrait, size=(358, 358), mode="area")
    return picture


@pytest.mark.parametrize(
    ("which", "chosen"),
    [("all", FACES), ("largest", [LARGE]), (0, [LARGE]), (1, [SMALL]), ("1", [SMALL]), (" 0 ", [LARGE])],
)
def test_choose(which, chosen):
    assert choose(FACES, which) == chosen


def test_largest_goes_by_area_not_by_order():
    assert choose([SMALL, LARGE], "largest") == [LARGE]


def test_nearest_needs_a_point():
    assert choose(FACES, "nearest", near=(25, 30)) == [SMALL]
    assert choose(FACES, "nearest", near=(500, 500)) == [LARGE]
    with pytest.raises(InputError, match="which point"):
        choose(FACES, "nearest")


@pytest.mark.parametrize("which", ["left", "", None, "1.5"])
def test_unknown_choice_lists_the_choices(which):
    with pytest.raises(InputError, match="all, largest, nearest"):
        choose(FACES, which)


@pytest.mark.parametrize("which", [2, "7", -1])
def test_number_out_of_range_says_how_many_there_are(which):
    with pytest.raises(InputError, match="2 faces were found"):
        choose(FACES, which)
    with pytest.raises(InputError, match="1 face was found"):
        choose([LARGE], which)


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([], "empty"),
        ([(1, 2, 3)], "four numbers"),
        ([None], "four numbers"),
        ([(1, 2, "a", 4)], "four numbers"),
        ([(30, 10, 10, 40)], "left, top, right and bottom"),
        ([(10, 10, float("nan"), 40)], "left, top, right and bottom"),
        ([(10, 10, 40, 40), (300, 10, 340, 50)], "outside"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused(boxes, says):
    with pytest.raises(InputError, match=says):
        checked_boxes(boxes, 100, 120)


def test_faces_of_a_picture_come_largest_first(pair):
    faces = find_faces(pair)
    assert len(faces) == 2 and faces[0].area > faces[1].area
    assert faces[0].centre[0] > 500 > faces[1].centre[0]
    assert find_faces(pair, which=1)[0].box == faces[1].box
    assert find_faces(pair, which="nearest", near=(100, 100))[0].box == faces[1].box


def test_auto_is_the_built_in_detector_whatever_lies_around(portrait, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "find_scrfd_file", lambda: tmp_path / "det_10g.onnx")
    assert torch.equal(find_faces(portrait)[0].points, find_faces(portrait, detector="mtcnn")[0].points)


def test_no_face_says_what_was_tried_and_what_to_do():
    with pytest.raises(NoFaceError, match=r"at least 20 px.*border.*Crop closer") as plain:
        find_faces(torch.zeros(1, 3, 300, 300))
    assert "enlarged" not in str(plain.value) and "box" not in str(plain.value)
    with pytest.raises(NoFaceError, match="enlarged"):
        find_faces(torch.zeros(1, 3, 64, 64))
    with pytest.raises(NoFaceError, match="at least 40 px"):
        find_faces(torch.zeros(1, 3, 1000, 1000))


@pytest.mark.parametrize(
    ("photo", "turn", "back"),
    [
        ("portrait.png", 1, "90 degrees clockwise"),
        ("portrait.png", 2, "180 degrees"),
        ("person-first.jpg", -1, "90 degrees counter-clockwise"),
    ],
)
def test_a_turned_picture_is_told_from_one_without_a_face(examples, photo, turn, back):
    picture = to_bchw(read_photo(examples / photo).pixels).rot90(turn, (2, 3)).contiguous()
    with pytest.raises(NoFaceError, match=f"like a face when the picture is turned by {back}: rotate it first"):
        find_faces(picture)
    with pytest.raises(NoFaceError, match="Crop closer"):
        find_faces(picture, look_turned=False)


def test_boxes_give_one_face_each_in_their_order(pair):
    right, left = find_faces(pair)
    boxes = [tuple(side + d for side, d in zip(face.box, (-15, -5, 8, 12), strict=True)) for face in (left, right)]
    faces = find_faces(pair, boxes=boxes)
    assert [face.box for face in faces] == boxes
    for face, truth in zip(faces, (left, right), strict=True):
        assert (face.points - truth.points).abs().max() < 2
    assert find_faces(pair, which=1, boxes=boxes)[0].box == boxes[1]
    assert find_faces(pair, which="largest", boxes=boxes)[0].box == boxes[1]


def test_a_box_much_larger_than_the_face_still_means_the_face(pair):
    truth = find_faces(pair)[0].points
    (face,) = find_faces(pair, boxes=[(450, 5, 770, 260)])
    assert (face.points - truth).abs().max() < 2


def test_a_box_without_a_face_is_believed_with_a_low_score(portrait):
    box = (20.0, 300.0, 110.0, 400.0)
    (face,) = find_faces(portrait, boxes=[box])
    assert face.box == box and face.score < 0.5
    assert torch.isfinite(face.points).all()


def test_points_can_be_differentiated_through_after_inference_mode(portrait):
    """Nodes run in inference mode; tensors made there could not be saved for the way back."""
    with torch.inference_mode():
        (face,) = find_faces(portrait.clone())
        (boxed,) = find_faces(portrait.clone(), boxes=[face.box])
    image = portrait.clone().requires_grad_()
    for points in (face.points, boxed.points):
        assert not points.is_inference()
        align(image, points[None], "arcface", 112).square().sum().backward()
    assert image.grad.abs().sum() > 0


def test_unknown_detector_lists_the_known():
    with pytest.raises(InputError, match="auto, mtcnn, scrfd"):
        find_faces(torch.zeros(1, 3, 64, 64), detector="yolo")


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 64, 64, 3), (3, 64, 64), (1, 4, 64, 64)])
def test_anything_but_one_rgb_picture_is_refused(shape):
    with pytest.raises(InputError, match="one RGB picture"):
        find_faces(torch.zeros(shape))


def test_scrfd_without_a_file_says_where_to_put_one(monkeypatch):
    monkeypatch.setattr(find, "find_scrfd_file", lambda: None)
    with pytest.raises(ModelError, match=r"det_10g\.onnx.*models/insightface"):
        find_faces(torch.zeros(1, 3, 64, 64), detector="scrfd")


def test_scrfd_is_asked_when_named(monkeypatch, tmp_path):
    class Fake:
        def __init__(self, path):
            loaded.append(path)

        def find(self, image):
            return list(FACES)

    loaded = []
    find._load_scrfd.cache_clear()
    monkeypatch.setattr(find, "find_scrfd_file", lambda: tmp_path / "det_10g.onnx")
    monkeypatch.setattr(find, "load_scrfd", Fake)
    (largest,) = find_faces(torch.zeros(1, 3, 200, 200), which="largest", detector="scrfd")
    assert largest.box == LARGE.box
    found = find_faces(torch.zeros(1, 3, 200, 200), detector="scrfd")
    assert [(face.box, face.number) for face in found] == [(face.box, number) for number, face in enumerate(FACES)]
    assert loaded == [tmp_path / "det_10g.onnx"]
    find._load_scrfd.cache_clear()
