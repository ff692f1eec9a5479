"""Cuts, association, smoothing and filling in, on faces whose places are known."""

from __future__ import annotations

import math

import torch
from veils import stirred

from faceveil.core.faces.crops import window_around
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces, follow_face
from faceveil.core.film.cuts import Cuts
from faceveil.core.film.frames import Picture
from faceveil.core.film.smooth import steadied
from faceveil.core.film.track import EVERYWHERE, Course, Follower, Track, course_of
from faceveil.core.film.turning import _back
from faceveil.core.film.worn import Worn

POINTS = torch.tensor([[30.0, 40.0], [70.0, 40.0], [50.0, 60.0], [35.0, 80.0], [65.0, 80.0]])


def face_at(x: float, y: float = 0.0) -> Face:
    return Face((x, y, x + 100.0, y + 110.0), POINTS + torch.tensor([x, y]))


def test_a_cut_is_told_from_a_movement_and_from_light():
    generator = torch.Generator().manual_seed(0)
    one = torch.rand(1, 3, 9, 16, generator=generator).repeat_interleave(10, 2).repeat_interleave(10, 3)
    other = (1 - one).pow(2)
    cuts = Cuts()
    assert cuts.begins(one)
    assert not cuts.begins(one.roll(3, 3)) and not cuts.begins((one * 1.05).clamp(0, 1))
    assert cuts.begins(other) and not cuts.begins(other)


def test_two_faces_that_pass_each_other_stay_two():
    places = [(face_at(10 + 8 * i), face_at(700 - 8 * i, 300)) for i in range(20)]
    index = 0
    follower = Follower(lambda small: list(places[index]))
    for index in range(0, 20):
        follower.see(EVERYWHERE * index, torch.zeros(1, 3, 9, 16), 1.0, float(index))
    assert [len(track.seen) for track in follower.tracks] == [20, 20]
    assert follower.tracks[0].last.box[0] == 10 + 8 * 19


def test_a_face_that_is_lost_for_some_frames_keeps_its_veil():
    times = {index: index / 25 for index in range(100)}
    seen = {index: face_at(10.0 + index) for index in [*range(30, 40), *range(50, 60)]}
    course = course_of(Track(seen), 0, 99, times)
    assert course.first == 15 and course.last == 74, "it lingers for 0.6 s, before and after"
    assert course.at(45) is not None and abs(course.at(45).box[0] - 55) < 1.0, "and is filled in between"
    assert course.at(14) is None and course.at(75) is None


def test_a_course_never_leaves_its_shot():
    times = {index: index / 25 for index in range(20, 31)}
    course = course_of(Track({25: face_at(0)}), 20, 30, times)
    assert (course.first, course.last) == (20, 30)


def test_trembling_goes_and_movement_stays():
    seconds = torch.arange(100) * 0.08
    every = torch.arange(199) * 0.04
    path = lambda t: torch.stack([200 * torch.sin(t), 50 * t], 1)
    noise = torch.randn(100, 2, generator=torch.Generator().manual_seed(0)) * 2
    assert (steadied(path(seconds), seconds, every) - path(every)).norm(dim=1).max() < 1.0
    off = steadied(path(seconds) + noise, seconds, every) - path(every)
    assert off.norm(dim=1).mean() < 0.75 * noise.norm(dim=1).mean()
    assert off.diff(dim=0).norm(dim=1).mean() < 0.3 * noise.diff(dim=0).norm(dim=1).mean()


def test_a_close_window_wears_the_same_veil(portrait):
    """As in the window that it was searched in, at half the pixels, also where the face is tilted."""
    face = find_faces(portrait)[0]
    veil, row = stirred(), torch.cat([torch.tensor(face.box), face.points.flatten()])
    for turned in (0.0, 0.4):
        middle, (sin, cos) = face.points.mean(0), (math.sin(turned), math.cos(turned))
        points = (face.points - middle) @ torch.tensor([[cos, sin], [-sin, cos]]) + middle
        there = Face(face.box, points)
        worn = Worn(Course(0, torch.cat([row[:4], points.flatten()])[None].repeat(3, 1)), veil, [])
        frame = Picture(portrait[0].movedim(0, -1).clone())
        assert worn.put_on(1, frame)
        expected, mask = veil.worn(portrait, [there])
        assert ((frame.pixels.movedim(-1, 0)[None] - expected).abs() * (mask > 0)).max() < 0.03
        outside = (mask == 0).expand_as(portrait)
        assert torch.equal(frame.pixels.movedim(-1, 0)[None][outside], portrait[outside])
        sides = window_around(worn._close.at(1), worn._fitted.shape.margin).width, window_around(face, 0.35).width
        assert sides[0] ** 2 < 0.75 * sides[1] ** 2


def test_few_sightings_and_gaps_are_bridged():
    seconds = torch.tensor([0.0, 0.08, 2.0, 2.08])
    line = 10 * seconds[:, None]
    assert (steadied(line, seconds, torch.tensor([1.0, 5.0])) - torch.tensor([[10.0], [20.8]])).abs().max() < 1e-3
    assert steadied(line[:1], seconds[:1], torch.tensor([0.0, 3.0])).tolist() == [[0.0], [0.0]]
    assert (steadied(line[:2], seconds[:2], torch.tensor([0.04])) - 0.4).abs().max() < 1e-4


def test_faces_of_a_turned_picture_come_back_to_where_they_lie():
    height, width = 60, 100
    picture = torch.zeros(1, 1, height, width)
    picture[0, 0, 12, 70] = 1
    for quarters in (1, 2, 3):
        y, x = (int(v) for v in picture.rot90(quarters, (2, 3))[0, 0].nonzero()[0])
        back = _back(
            Face((x - 2, y - 3, x + 2, y + 3), torch.tensor([[float(x), float(y)]] * 5)), quarters, height, width
        )
        assert back.points[0].tolist() == [70.0, 12.0]
        assert math.isclose(sum(back.box[::2]) / 2, 70) and back.box[0] < back.box[2]


def test_between_looks_at_everything_a_known_face_is_looked_for_where_it_was():
    looked_at = []

    def again(picture, face):
        looked_at.append(face.box[0])
        return face_at(face.box[0] + 1)

    follower = Follower(lambda picture: [face_at(20)], again)
    for index in range(EVERYWHERE):
        follower.see(index, torch.zeros(1, 3, 180, 320), 2.0, index / 25)
    assert looked_at == [20.0, 21.0, 22.0, 23.0, 24.0], "every second frame"
    assert follower.tracks[0].last.box[0] == 50.5


def test_a_face_is_found_again_after_it_moved_and_not_where_none_is(portrait):
    face = find_faces(portrait)[0]
    moved = portrait.roll((6, -8), (2, 3))
    there = follow_face(moved, face)
    assert (there.points - face.points - torch.tensor([-8.0, 6.0])).abs().max() < 4
    assert abs(there.centre[0] - face.centre[0] + 8) < 4 and abs(there.size / face.size - 1) < 0.1
    assert follow_face(torch.full_like(portrait, 0.5), face) is None
