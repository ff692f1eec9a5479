"""Whose veil is whose: told by order or by a photo, never guessed."""

from __future__ import annotations

import pytest
import torch
from veils import stirred

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.veil.whose import Owned, Whose


@pytest.fixture(scope="module")
def people(examples):
    """Two photos of one person, and one of another."""
    return [
        to_bchw(read_photo(examples / name).pixels)
        for name in ("person-first.jpg", "person-second.jpg", "portrait.png")
    ]


def test_a_face_wears_the_veil_of_whom_a_photo_shows(people, dlib_recogniser):
    first, second, other = people
    veils = stirred(), stirred()
    whose = Whose([Owned(veils[0], other, "other"), Owned(veils[1], first, "first")], [dlib_recogniser])
    assert whose.veils(second, find_faces(second)) == [veils[1]]
    assert whose.veils(other, find_faces(other)) == [veils[0]]
    strangers = Whose([Owned(veils[0], other, "other")], [dlib_recogniser])
    assert strangers.veils(second, find_faces(second)) == [None]


def test_without_photos_the_order_of_the_faces_decides(portrait):
    veils, face = [stirred(), stirred()], find_faces(portrait)[0]
    whose = Whose([Owned(veil) for veil in veils], [])
    assert whose.veils(portrait, [face, face]) == veils
    with pytest.raises(InputError, match="2 veils and 1 faces"):
        whose.veils(portrait, [face])


class Brightness(torch.nn.Module):
    """Knows people by how bright they are, of one colour channel alone."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        angle = crops[:, self.channel].mean((1, 2)) * 3
        return torch.stack([angle.cos(), angle.sin()], 1)


def by_channel(channel: int) -> Recogniser:
    card = Card(name=f"c{channel}", input_size=32, template="arcface", thresholds={"1e-2": 0.95})
    return Recogniser(card, Brightness(channel))


def plain_face(red: float, green: float) -> torch.Tensor:
    return torch.tensor([red, green, 0.5]).view(1, 3, 1, 1).expand(1, 3, 64, 64)


def test_what_is_not_clear_is_refused(monkeypatch):
    face = Face((16.0, 10, 48, 54), torch.tensor([[24.0, 26], [40, 26], [32, 34], [26, 42], [38, 42]]))
    monkeypatch.setattr("faceveil.core.veil.whose.find_faces", lambda picture: [face])
    ann, bob = Owned(stirred(), plain_face(0.2, 0.2), "ann"), Owned(stirred(), plain_face(0.8, 0.8), "bob")
    judges = [by_channel(0), by_channel(1)]
    whose = Whose([ann, bob], judges)
    assert whose.veils(plain_face(0.2, 0.5), [face]) == [ann.veil], "one knows her, the other nobody"
    assert whose.veils(plain_face(0.5, 0.5), [face]) == [None]
    with pytest.raises(InputError, match="'ann' to one recogniser and like 'bob' to another"):
        whose.veils(plain_face(0.2, 0.8), [face])
    with pytest.raises(InputError, match="'ann' and 'ann again' show the same person"):
        Whose([ann, Owned(stirred(), plain_face(0.21, 0.2), "ann again")], judges)
    with pytest.raises(InputError, match="Either every veil comes with a photo"):
        Whose([ann, Owned(stirred())], judges)
    with pytest.raises(InputError, match="for several faces"):
        Whose([Owned(stirred(rows=2)), ann], judges)
    monkeypatch.setattr("faceveil.core.veil.whose.find_faces", lambda picture: [face, face])
    with pytest.raises(InputError, match="several people"):
        Whose([ann, bob], judges)


def test_a_photo_without_a_face_is_named(dlib_recogniser):
    with pytest.raises(NoFaceError, match="sky"):
        Whose([Owned(stirred(), torch.full((1, 3, 100, 100), 0.5), "sky")], [dlib_recogniser])
