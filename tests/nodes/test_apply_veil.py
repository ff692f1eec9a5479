"""Apply Veil, with a stand-in for ComfyUI."""

from __future__ import annotations

import sys

import torch
from veils import stirred

from faceveil.core.faces.mtcnn import Mtcnn
from faceveil.core.images import to_bhwc

COPIES = ("before", "after", "jpeg75", "jpeg50", "half")


def test_a_face_is_looked_for_once_in_the_picture_and_afresh_in_every_copy(
    node_of, portrait, dlib_recogniser, monkeypatch
):
    find, sizes = Mtcnn.find, []

    def counted(self, image, *more):
        sizes.append(tuple(image.shape[-2:]))
        return find(self, image, *more)

    node = node_of("apply_veil", "ApplyVeil")
    monkeypatch.setattr(Mtcnn, "find", counted)
    monkeypatch.setattr(sys.modules[node.__module__], "load_automatic", lambda: [dlib_recogniser])
    with torch.inference_mode():
        done = node.execute(to_bhwc(portrait), (stirred(),), 1.0, "all", compare=False)
    assert sizes[0] == (512, 512) and sizes.count((512, 512)) == 1
    assert len(sizes) == 1 + len(COPIES)
    (shown,) = done.ui["faceveil"]
    assert shown["verdict"]["matched_before"] == 1 and not torch.equal(done.outputs[0], to_bhwc(portrait))
