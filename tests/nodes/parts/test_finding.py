"""Finding faces over a batch, without ComfyUI."""

from __future__ import annotations

import pytest

from faceveil.core.errors import NoFaceError
from faceveil.core.images import to_bchw
from faceveil.nodes.parts.finding import find_in_pictures, refuse_faceless


def test_faces_of_a_batch_and_their_masks(crop, empty):
    found, mask = find_in_pictures([crop, empty], "all")
    assert [len(faces) for faces in found] == [1, 0]
    assert mask.shape == (2, 256, 256) and mask[0].max() == 1 and mask[1].max() == 0
    assert find_in_pictures([crop], "all", grow=1.4)[1].sum() > 1.5 * mask[0].sum()


def test_no_face_at_all_is_an_error_however_many_pictures(empty):
    with pytest.raises(NoFaceError, match="Crop closer"):
        find_in_pictures([empty], "all")
    with pytest.raises(NoFaceError, match="None of the 2 pictures"):
        find_in_pictures([empty, empty], "all")


def test_a_gallery_photo_without_a_face_is_named(crop, empty):
    refuse_faceless([to_bchw(crop)], "gallery")
    with pytest.raises(NoFaceError, match="picture 2 of the input 'gallery'"):
        refuse_faceless([to_bchw(crop), to_bchw(empty)], "gallery")
