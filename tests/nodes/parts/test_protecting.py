"""Protecting a batch, without ComfyUI."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.images import to_bchw
from faceveil.core.methods.recipes import choose
from faceveil.core.optimise import Settings
from faceveil.core.photo.protector import Protector
from faceveil.nodes.parts.finding import find_in_pictures
from faceveil.nodes.parts.protecting import protect_pictures


@pytest.fixture
def protector(dlib_recogniser):
    return Protector(replace(choose("light"), settings=Settings(3), budget=None), [dlib_recogniser])


def test_only_the_picture_with_a_face_changes_and_the_text_warns_of_the_other(protector, crop, empty):
    seen = []
    done = protect_pictures(protector, [empty, crop], [None, None], lambda i, step, objective: seen.append(i))
    assert torch.equal(done.pictures[0], empty) and not torch.equal(done.pictures[1], crop)
    assert done.changed[0].max() == 0 and done.reports[0] is None and done.reports[1].faces
    assert torch.equal(done.changed[1].bool(), (done.pictures[1] != crop)[0].any(-1))
    assert "picture 1 of 2\nWARNING: this picture was NOT protected" in done.text and set(seen) == {1}
    (warning,) = done.warnings  # none of faces that are too small, for this one is not
    assert warning.startswith("WARNING: picture 1 of 2 was NOT protected")


def test_a_batch_in_which_nothing_could_be_protected_is_an_error(protector, empty):
    with pytest.raises(NoFaceError, match="None of the 2 pictures was protected"):
        protect_pictures(protector, [empty, empty], [None, None])


def test_a_small_face_is_warned_of_with_its_picture(protector, crop):
    small = torch.full_like(crop, 0.5)
    small[:, :150, :150] = torch.nn.functional.interpolate(to_bchw(crop), (150, 150), mode="area").movedim(1, -1)
    (warning,) = protect_pictures(protector, [crop, small], [None, None]).warnings
    assert warning.startswith("WARNING: face 0 of picture 2 is only")


def test_other_errors_name_the_picture(protector, crop):
    with pytest.raises(InputError, match=r"Picture 2 of 2: The mask"):
        protect_pictures(protector, [crop, crop], [None, torch.zeros(1, 256, 256)])


def test_what_interrupts_is_let_through(protector, crop):
    class Stop(Exception):
        pass

    def stop(index, step, objective):
        raise Stop

    with pytest.raises(Stop):
        protect_pictures(protector, [crop], [None], stop)


def test_faces_that_somebody_chose_are_the_ones_protected(protector, crop):
    with pytest.raises(NoFaceError, match="No face was found in this picture"):
        protect_pictures(protector, [crop], [None], found=[[]])
    with pytest.raises(InputError, match="found in 2 pictures, but 1"):
        protect_pictures(protector, [crop], [None], found=[[], []])
    (face,) = find_in_pictures([crop], "all")[0][0]
    aside = replace(face, points=face.points + 100, box=tuple(side + 100 for side in face.box))
    done = protect_pictures(protector, [crop], [None], found=[[aside]])
    rows, columns = done.changed[0].nonzero().T
    assert rows.min() > face.box[1] + 50 and columns.min() > face.box[0] + 50


def test_what_the_objective_saw_last_is_the_changed_picture(protector, crop):
    seen = []
    protect_pictures(protector, [crop], [None], lambda i, step, goal: seen.append((goal.seen - goal.clean).abs().max()))
    assert seen[0] < 1e-4 < seen[-1]
