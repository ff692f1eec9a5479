"""The built-in detector on real photos, odd pictures, and pictures that somebody else cropped or scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from faceveil.core.errors import ModelError
from faceveil.core.faces import mtcnn
from faceveil.core.faces.face import Face
from faceveil.core.faces.mtcnn import Mtcnn, scaled, smaller_copy, suppress, with_retries

# Read off the enlarged portrait by eye.
PORTRAIT_POINTS = torch.tensor([[203.2, 100.3], [247.4, 102.8], [224.5, 126.6], [202.8, 139.1], [246.2, 139.5]])


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


def read(path) -> Image.Image:
    return Image.open(path).convert("RGB")


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]


def eye_distance(points: torch.Tensor) -> float:
    return float((points[1] - points[0]).norm())


def miss(points: torch.Tensor, truth: torch.Tensor) -> float:
    """The mean distance to where the points should be, as a share of the distance between the eyes."""
    return float((points - truth).norm(dim=1).mean()) / eye_distance(truth)


@pytest.mark.parametrize("name", ["portrait.png", "person-first.jpg", "person-second.jpg"])
def test_every_example_has_one_well_formed_face(detector, examples, name):
    (face,) = detector.find(tensor(read(examples / name)))
    left, top, right, bottom = face.box
    assert face.score > 0.9
    assert face.points.shape == (5, 2) and face.points.dtype == torch.float32
    x, y = face.points.T
    assert ((x > left) & (x < right) & (y > top) & (y < bottom)).all()
    assert x[0] < x[2] < x[1] and x[3] < x[4]
    assert max(y[0], y[1]) < y[2] < min(y[3], y[4])


def test_points_lie_where_a_person_puts_them(detector, examples):
    (face,) = detector.find(tensor(read(examples / "portrait.png")))
    assert (face.points - PORTRAIT_POINTS).abs().max() < 3


def test_every_research_photo_has_its_face_in_the_middle(detector, shared_faces):
    for path in sorted((shared_faces / "a").iterdir()):
        faces = detector.find(tensor(read(path)))
        assert faces, path.name
        assert faces[0].area == max(face.area for face in faces)
        assert abs(faces[0].centre[0] - 128) < 40 and abs(faces[0].centre[1] - 140) < 40
        assert faces[0].size > 90


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(64, 64), (300, 200), (64, 900), (10, 10)])
def test_plain_pictures_have_no_face(detector, value, size):
    assert detector.find(torch.full((1, 3, *size), value)) == []


def test_noise_has_no_face(detector):
    generator = torch.Generator().manual_seed(0)
    for size in (64, 64, 64, 256, 512):
        assert detector.find(torch.rand(1, 3, size, size, generator=generator)) == []


def test_points_do_not_move_when_the_photo_is_cropped_or_scaled(detector, examples):
    photo = read(examples / "person-first.jpg")
    points = detector.find(tensor(photo))[0].points
    for x, y in ((57, 31), (29, 62)):
        cropped = detector.find(tensor(photo)[..., y:, x:])[0].points + torch.tensor([x, y])
        assert miss(cropped, points) < 0.009
    for zoom in (0.5, 0.8, 1.3):
        resized = photo.resize((round(photo.width * zoom), round(photo.height * zoom)), Image.Resampling.BICUBIC)
        exact = torch.tensor([resized.width / photo.width, resized.height / photo.height])
        assert miss((detector.find(tensor(resized))[0].points + 0.5) / exact - 0.5, points) < 0.009


def test_mirrored_photo_has_mirrored_points(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    points = detector.find(image)[0].points
    mirrored = detector.find(image.flip(3))[0].points[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = image.shape[3] - 1 - mirrored[:, 0]
    assert miss(mirrored, points) < 0.05


@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
def test_tilted_heads_are_found(detector, examples, degrees):
    photo = read(examples / "portrait.png")
    points, centre = detector.find(tensor(photo))[0].points, torch.tensor([222.0, 120.0])
    tilted = photo.rotate(degrees, Image.Resampling.BICUBIC, center=(222.5, 120.5))
    angle = torch.deg2rad(torch.tensor(-float(degrees)))
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    assert miss(detector.find(tensor(tilted))[0].points, (points - centre) @ turn.T + centre) < 0.12


def test_a_face_that_fills_its_picture_is_found(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    face = detector.find(image)[0]
    left, top, right, bottom = face.box
    x, y = round(left + 0.12 * (right - left)), round(top + 0.12 * (bottom - top))
    crop = image[..., y : round(bottom - 0.12 * (bottom - top)), x : round(right - 0.12 * (right - left))]
    assert detector._search(crop.contiguous(), 20) == []  # else this proves nothing about the border
    (again,) = detector.find(crop)
    assert miss(again.points + torch.tensor([x, y]), face.points) < 0.1


@pytest.mark.parametrize("size", [112, 160, 256])
def test_aligned_crops_are_found(detector, examples, size):
    photo = read(examples / "portrait.png").resize((size, size), Image.Resampling.BICUBIC, box=(168, 56, 274, 178))
    faces = detector.find(tensor(photo))
    assert len(faces) == 1 and faces[0].size > 0.5 * size


def test_a_face_too_small_for_the_first_look_is_found_enlarged(detector, examples):
    photo = read(examples / "portrait.png").crop((100, 20, 340, 260)).resize((44, 44), Image.Resampling.BOX)
    picture = torch.full((1, 3, 90, 90), 0.4)
    picture[..., 20:64, 30:74] = tensor(photo)
    truth = (PORTRAIT_POINTS - torch.tensor([99.5, 19.5])) * 44 / 240 - 0.5 + torch.tensor([30, 20])
    (face,) = detector.find(picture)
    assert face.size < 20
    assert miss(face.points, truth) < 0.25


def test_a_large_photo_is_searched_in_a_copy_and_answered_in_its_own_pixels(detector, examples, monkeypatch):
    image = tensor(read(examples / "portrait.png"))
    points = detector.find(image)[0].points
    large = F.interpolate(image, scale_factor=6, mode="bicubic").clamp(0, 1)
    seen = []
    search = detector._search
    monkeypatch.setattr(
        detector, "_search", lambda picture, smallest: (seen.append(picture.shape), search(picture, smallest))[1]
    )
    (face,) = detector.find(large)
    assert max(seen[0]) <= mtcnn.LONGEST
    assert miss((face.points + 0.5) / 6 - 0.5, points) < 0.02


def test_in_a_large_photo_points_come_from_the_photo_itself(detector, examples):
    """In the copy of a long panorama a face has few pixels left; the last look is at the photo."""
    image = tensor(read(examples / "portrait.png"))
    points = detector.find(image)[0].points
    panorama = torch.full((1, 3, 512, 9000), 0.5)
    panorama[..., 4507:5019] = image
    (face,) = detector.find(panorama)
    assert miss(face.points - torch.tensor([4507, 0]), points) < 0.015


def test_smallest_face_bounds_the_search(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    assert len(detector.find(image, min_face=60)) == 1
    assert detector.find(image, min_face=300) == []


def test_points_in_a_loose_box_agree_with_the_found_face(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    face = detector.find(image)[0]
    left, top, right, bottom = face.box
    given = (left - 12, top - 6, right + 4, bottom + 14)
    placed = detector.points_in_box(image, given)
    assert placed.box == given
    assert placed.score > 0.9
    assert miss(placed.points, face.points) < 0.05
    assert detector.points_in_box(image, (20, 300, 110, 400)).score < 0.5


def test_a_box_half_outside_is_answered(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    assert torch.isfinite(detector.points_in_box(image, (-80, -80, 40, 40)).points).all()
    assert torch.isfinite(detector.points_in_box(image, (500, 500, 620, 620)).points).all()


def test_layout_of_the_picture_in_memory_does_not_matter(detector, examples):
    image = tensor(read(examples / "portrait.png"))
    assert not image.is_contiguous()
    assert torch.allclose(detector.find(image)[0].points, detector.find(image.contiguous())[0].points, atol=1e-2)


def test_damaged_weights_are_a_model_error(tmp_path, monkeypatch):
    monkeypatch.setattr(mtcnn, "WEIGHTS", tmp_path / "mtcnn.safetensors")
    with pytest.raises(ModelError, match="reinstall"):
        Mtcnn()
    (tmp_path / "mtcnn.safetensors").write_bytes(mtcnn.BUNDLED.joinpath("mtcnn.safetensors").read_bytes()[:100_000])
    with pytest.raises(ModelError, match="reinstall"):
        Mtcnn()


def test_suppress_keeps_the_better_of_two_that_overlap():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]])
    assert suppress(boxes, torch.tensor([0.7, 0.9, 0.8]), 0.5).tolist() == [1, 2]
    assert suppress(boxes, torch.tensor([0.7, 0.9, 0.8]), 0.9).tolist() == [1, 2, 0]
    assert suppress(boxes[:0], boxes[:0, 0], 0.5).tolist() == []


def test_suppress_of_the_smaller_drops_a_box_within_a_box():
    boxes = torch.tensor([[0.0, 0, 40, 40], [10, 10, 20, 20]])
    scores = torch.tensor([0.9, 0.8])
    assert suppress(boxes, scores, 0.7).tolist() == [0, 1]
    assert suppress(boxes, scores, 0.7, of_smaller=True).tolist() == [0]


def test_a_suppressed_box_suppresses_nothing():
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert suppress(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("size", "tries"), [((100, 150), [(100, 150), (180, 230), (360, 460)]), ((300, 200), [(300, 200), (460, 360)])]
)
def test_retries_add_a_border_then_enlarge_small_pictures(size, tries):
    seen = []
    assert with_retries(lambda picture: seen.append(tuple(picture.shape[-2:])) or [], torch.zeros(1, 3, *size)) == []
    assert seen == tries


@pytest.mark.parametrize("when", [0, 1, 2])
def test_retries_bring_coordinates_back(when):
    """A dot that is found at the first, second or third look is always where it was painted."""
    image = torch.zeros(1, 3, 90, 120)
    image[..., 40, 70] = 1
    looks = []

    def find_dot(picture: torch.Tensor) -> list[Face]:
        looks.append(picture)
        if len(looks) <= when:
            return []
        bright = (picture[0, 0] - 0.5 * (picture[0, 0] == 0.5)).clamp_min(0)
        bright = bright * (bright > 0.55) if when else bright
        ys, xs = bright.nonzero(as_tuple=True)
        x, y = xs.float().mean().item(), ys.float().mean().item()
        return [Face((x - 5, y - 5, x + 5, y + 5), torch.tensor([[x, y]]).expand(5, 2), 1.0)]

    (face,) = with_retries(find_dot, image)
    assert torch.allclose(face.points, torch.tensor([70.0, 40.0]), atol=0.26)
    assert face.centre == pytest.approx((70, 40), abs=0.26)


def test_scaled_keeps_pixel_centres_at_whole_numbers():
    """A pixel that becomes two has its middle between them."""
    face = Face((0.0, 0.0, 10.0, 10.0), torch.tensor([[4.0, 7.0]]).expand(5, 2), 0.8)
    larger = scaled(face, 2)
    assert larger.box == (0.5, 0.5, 20.5, 20.5) and larger.points[0].tolist() == [8.5, 14.5]
    back = scaled(larger, 0.5, shift=-3)
    assert back.box == (-3, -3, 7, 7) and back.points[0].tolist() == [1, 4] and back.score == 0.8


def test_smaller_copy_leaves_small_pictures_alone():
    image = torch.rand(1, 3, 30, 40)
    same, zoom = smaller_copy(image, 40)
    assert zoom == 1 and torch.equal(same, image)
    copy, zoom = smaller_copy(image, 20)
    assert zoom == 0.5 and copy.shape == (1, 3, 15, 20)
