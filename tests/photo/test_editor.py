"""From a photo and a wish to an edited, protected photo: whose faces count, whatever the edit makes of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from small_flux import Doubling, SmallFlux

from faceveil.core.errors import NoFaceError
from faceveil.core.faces.find import find_faces
from faceveil.core.images import Photo, read_photo, to_bchw
from faceveil.core.methods.guard import GuardRecipe
from faceveil.core.methods.recipes import OTHERS
from faceveil.core.methods.wish import Edit
from faceveil.core.optimise import Settings
from faceveil.core.photo import editor
from faceveil.core.photo.editor import Editor
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.dlib_resnet import load_dlib

WISH = Edit("red", steps=2)


@pytest.fixture(scope="module")
def photo(examples):
    return read_photo(examples / "portrait.png")


def protector(**more):
    return Protector(replace(OTHERS["pixel-noise"], settings=Settings(2)), [load_dlib()], **more)


def made(monkeypatch, picture):
    """An edit that makes this picture of any photo, for one that only asks what becomes of it."""
    done = SimpleNamespace(image=picture, unguarded=picture, evaluations=7)
    guards = []
    monkeypatch.setattr(editor, "edit_image", lambda *arguments, **more: guards.append(arguments[-2]) or done)
    return guards


def test_without_a_face_nothing_is_worked_on(monkeypatch):
    sky = Photo(torch.full((1, 200, 200, 3), 0.5))
    guards = made(monkeypatch, to_bchw(sky.pixels))
    mask = torch.ones(1, 1, 200, 200)
    with pytest.raises(NoFaceError):
        Editor(SmallFlux(), Doubling(), protector=protector())(sky, mask, WISH)
    assert not guards
    assert Editor(SmallFlux(), Doubling())(sky, mask, WISH).report is None


@pytest.mark.parametrize("in_loop", [None, GuardRecipe()])
def test_a_face_that_the_edit_hides_is_judged_where_it_was(monkeypatch, photo, in_loop):
    face = find_faces(to_bchw(photo.pixels))[0]
    made(monkeypatch, torch.full((1, 3, 512, 512), 0.5))
    done = Editor(SmallFlux(), Doubling(), protector=protector(), in_loop=in_loop)(
        photo, torch.ones(1, 1, 512, 512), WISH
    )
    assert done.report.faces[0].box == face.box and done.report.protected is False
    assert not done.report.faces[0].recognisers[0].matched_before


def test_the_guard_wants_what_the_verdict_asks(monkeypatch, photo):
    guards = made(monkeypatch, to_bchw(photo.pixels))
    Editor(SmallFlux(), Doubling(), protector=protector(far="1e-3"), in_loop=GuardRecipe())(
        photo, torch.ones(1, 1, 512, 512), WISH
    )
    assert guards[0].recipe.aim.far == "1e-3"
