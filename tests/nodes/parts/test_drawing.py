"""Small pictures for the canvas."""

from __future__ import annotations

import torch

from faceveil.core.faces.find import find_faces
from faceveil.core.images import to_bchw
from faceveil.nodes.parts.drawing import draw_faces, draw_progress


def test_faces_are_drawn_into_the_picture_and_nothing_far_from_them_changes(crop):
    faces = find_faces(to_bchw(crop))
    drawn = draw_faces(crop, faces)
    left, top, right, bottom = (round(side) for side in faces[0].box)
    changed = (drawn != crop)[0].any(-1)
    assert drawn.shape == crop.shape and changed[top : bottom + 1, left : right + 1].any()
    changed[max(0, top - 4) : bottom + 5, max(0, left - 4) : right + 5] = False
    assert not changed.any()


def test_the_progress_picture_has_a_row_a_recogniser(dlib_recogniser, crop):
    face = to_bchw(crop)
    matched = draw_progress(face, {"dlib": torch.tensor([0.99])}, [dlib_recogniser], "1e-2")
    free = draw_progress(face, {"dlib": torch.tensor([0.5])}, [dlib_recogniser], "1e-2")
    assert matched.size == free.size == (256, 278)
    assert matched.getpixel((2, 276 - 3)) != free.getpixel((2, 276 - 3))
    assert draw_progress(face, None, [dlib_recogniser], "1e-2").size == (256, 278)
