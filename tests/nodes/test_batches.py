"""Finding, protecting and judging over batches, without ComfyUI."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.recipes import choose
from faceveil.core.optimise import Settings
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.verdict.verify import Witness
from faceveil.nodes.parts.drawing import draw_faces, draw_progress
from faceveil.nodes.parts.finding import find_in_pictures, refuse_faceless
from faceveil.nodes.parts.judging import LOOKED_AT, judge_pictures, look_at, stack
from faceveil.nodes.parts.protecting import protect_pictures


@pytest.fixture(scope="module")
def portrait(examples):
    """The middle of it, which is quicker."""
    return read_photo(examples / "portrait.png").pixels[:, :256, 100:356]


@pytest.fixture(scope="module")
def empty(portrait):
    return torch.linspace(0, 1, portrait.shape[2]).view(1, 1, -1, 1).expand_as(portrait).clone()


@pytest.fixture(scope="module")
def dlib():
    return load_recogniser("dlib")


@pytest.fixture
def protector(dlib):
    return Protector(replace(choose("light"), settings=Settings(3)), [dlib])


def test_faces_of_a_batch_and_their_masks(portrait, empty):
    found, mask = find_in_pictures([portrait, empty], "all")
    assert [len(faces) for faces in found] == [1, 0]
    assert mask.shape == (2, 256, 256) and mask[0].max() == 1 and mask[1].max() == 0
    assert find_in_pictures([portrait], "all", grow=1.4)[1].sum() > 1.5 * mask[0].sum()
    drawn = draw_faces(portrait, found[0])
    assert drawn.shape == portrait.shape and not torch.equal(drawn, portrait)


def test_no_face_at_all_is_an_error_however_many_pictures(empty):
    with pytest.raises(NoFaceError, match="Crop closer"):
        find_in_pictures([empty], "all")
    with pytest.raises(NoFaceError, match="None of the 2 pictures"):
        find_in_pictures([empty, empty], "all")


def test_a_gallery_photo_without_a_face_is_named(portrait, empty):
    refuse_faceless([to_bchw(portrait)], "gallery")
    with pytest.raises(NoFaceError, match="picture 2 of the input 'gallery'"):
        refuse_faceless([to_bchw(portrait), to_bchw(empty)], "gallery")


def test_only_the_picture_with_a_face_changes_and_the_text_warns_of_the_other(protector, portrait, empty):
    seen = []
    done = protect_pictures(protector, [empty, portrait], [None, None], lambda i, step, objective: seen.append(i))
    assert torch.equal(done.pictures[0], empty) and not torch.equal(done.pictures[1], portrait)
    assert done.changed[0].max() == 0 and done.reports[0] is None and done.reports[1].faces
    assert torch.equal(done.changed[1].bool(), (done.pictures[1] != portrait)[0].any(-1))
    assert "picture 1 of 2\nWARNING: this picture was NOT protected" in done.text and set(seen) == {1}


def test_a_batch_in_which_nothing_could_be_protected_is_an_error(protector, empty):
    with pytest.raises(NoFaceError, match="None of the 2 pictures was protected"):
        protect_pictures(protector, [empty, empty], [None, None])


def test_a_small_face_is_warned_of_with_its_picture(protector, portrait):
    small = torch.full_like(portrait, 0.5)
    small[:, :150, :150] = torch.nn.functional.interpolate(to_bchw(portrait), (150, 150), mode="area").movedim(1, -1)
    assert protect_pictures(protector, [portrait], [None]).warnings == []
    (said,) = protect_pictures(protector, [portrait, small], [None, None]).warnings
    assert said.startswith("WARNING: face 0 of picture 2 is only")


def test_other_errors_name_the_picture(protector, portrait):
    with pytest.raises(InputError, match=r"Picture 2 of 2: The mask"):
        protect_pictures(protector, [portrait, portrait], [None, torch.zeros(1, 256, 256)])


def test_what_interrupts_is_let_through(protector, portrait):
    class Stop(Exception):
        pass

    def stop(index, step, objective):
        raise Stop

    with pytest.raises(Stop):
        protect_pictures(protector, [portrait], [None], stop)


def test_an_untouched_picture_scores_below_0_and_a_wrecked_one_above(dlib, portrait, empty):
    same = judge_pictures([portrait, empty], [portrait, empty], [Witness(dlib)])
    assert not same.protected and same.score < 0 and "not judged" in same.text
    assert same.reports[0].faces and same.reports[1] is None
    assert same.sheets.shape[0] == 1 and same.sheets.shape[-1] == 3
    blank = portrait.clone()
    blank[:, 60:180, 70:180] = 0.5
    gone = judge_pictures([portrait], [blank], [Witness(dlib)])
    assert gone.protected and gone.score > 0


def test_without_thresholds_nothing_is_claimed(dlib, portrait):
    done = judge_pictures([portrait], [portrait], [Witness(dlib)], far="1e-9")
    assert not done.protected and done.score == 0 and "Nothing can be said" in done.text


def test_a_node_shows_what_it_was_asked_to_look_at_and_no_verdict_where_nobody_was_asked(dlib, portrait, empty):
    veiled, faceless = look_at([portrait, empty], [portrait, empty], [Witness(dlib)])
    assert veiled.verdict["state"] == "known" and faceless.verdict["state"] == "untouched"
    (edited,) = look_at([empty], [portrait], [])
    assert edited.verdict is None and set(edited.views) == {"before", "after"}


def test_faces_that_were_chosen_are_those_looked_at(dlib, portrait):
    (none,) = look_at([portrait], [portrait], [Witness(dlib)], faces=[[]])
    assert none.verdict["state"] == "untouched"


def test_of_many_frames_a_node_shows_the_first(empty):
    assert len(look_at([empty] * 50, [empty] * 50, [])) == LOOKED_AT


def test_unequal_batches_are_refused(dlib, portrait):
    with pytest.raises(InputError, match="2 originals and 1 protected"):
        judge_pictures([portrait] * 2, [portrait], [Witness(dlib)])
    with pytest.raises(InputError, match="found in 2 pictures, but 1"):
        judge_pictures([portrait], [portrait], [Witness(dlib)], faces=[[], []])


def test_sheets_of_different_sizes_are_padded_with_white():
    batch = stack([torch.zeros(1, 4, 6, 3), torch.zeros(1, 5, 3, 3)])
    assert batch.shape == (2, 5, 6, 3) and batch[0, 4].min() == 1 and batch[1, :, 3:].min() == 1
    assert batch[0, :4].max() == 0


def test_the_progress_picture_has_a_row_a_recogniser(dlib, portrait):
    face = to_bchw(portrait)
    matched = draw_progress(face, {"dlib": torch.tensor([0.99])}, [dlib], "1e-2")
    free = draw_progress(face, {"dlib": torch.tensor([0.5])}, [dlib], "1e-2")
    assert matched.size == free.size == (256, 278)
    assert matched.getpixel((2, 276 - 3)) != free.getpixel((2, 276 - 3))
    assert draw_progress(face, None, [dlib], "1e-2").size == (256, 278)


def test_faces_that_somebody_chose_are_the_ones_protected(protector, portrait):
    with pytest.raises(NoFaceError, match="No face was found in this picture"):
        protect_pictures(protector, [portrait], [None], found=[[]])
    with pytest.raises(InputError, match="found in 2 pictures, but 1"):
        protect_pictures(protector, [portrait], [None], found=[[], []])
    (face,) = find_in_pictures([portrait], "all")[0][0]
    aside = replace(face, points=face.points + 100, box=tuple(side + 100 for side in face.box))
    done = protect_pictures(protector, [portrait], [None], found=[[aside]])
    rows, columns = done.changed[0].nonzero().T
    assert rows.min() > face.box[1] + 50 and columns.min() > face.box[0] + 50


def test_what_the_objective_saw_last_is_the_changed_picture(protector, portrait):
    seen = []
    protect_pictures(
        protector, [portrait], [None], lambda i, step, goal: seen.append((goal.seen - goal.clean).abs().max())
    )
    assert seen[0] < 1e-4 < seen[-1]
