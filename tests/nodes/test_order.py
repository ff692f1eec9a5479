"""What comes after the protection in a graph, and whether it is worth a warning."""

from __future__ import annotations

import pytest

from faceveil.nodes.order import said_after, said_before
from faceveil.nodes.protecting import small_faces


def graph(**nodes):
    """Nodes by number: a kind, and what each takes from where."""
    return {
        number: {"class_type": kind, "inputs": {f"i{place}": list(source) for place, source in enumerate(sources)}}
        for number, (kind, *sources) in nodes.items()
    }


LINE = {"a": ("LoadImage",), "b": ("FaceVeilProtect", ("a", 0))}


@pytest.mark.parametrize(
    "kind", ["ImageUpscaleWithModel", "FaceRestoreCFWithModel", "ReActorFaceSwap", "FaceDetailer", "KSampler"]
)
def test_what_draws_the_face_anew_is_warned_of_after_and_not_before_the_protection(kind):
    behind = graph(**LINE, c=(kind, ("b", 0)), d=("FaceVeilSaveProtected", ("c", 0)))
    assert "may undo it" in said_after(behind, "b")[0] and "may undo it" in said_before(behind, "d")[0]
    before = graph(
        a=("LoadImage",), u=(kind, ("a", 0)), b=("FaceVeilProtect", ("u", 0)), d=("FaceVeilSaveProtected", ("b", 0))
    )
    assert said_after(before, "b") == said_before(before, "d") == []


def test_a_graph_that_keeps_the_picture_says_nothing():
    plain = graph(**LINE, c=("ImageCrop", ("b", 0)), d=("FaceVeilSaveProtected", ("c", 0)), e=("PreviewAny", ("b", 2)))
    assert said_after(plain, "b") == said_before(plain, "d") == []


def test_only_the_picture_counts_not_the_mask_or_the_report():
    masked = graph(**LINE, m=("ImageUpscaleWithModel", ("b", 1)), d=("FaceVeilSaveProtected", ("b", 0)))
    assert said_after(masked, "b") == []


def test_a_branch_beside_the_protection_is_nobodys_business():
    line = {**LINE, "u": ("ImageUpscaleWithModel", ("a", 0)), "c": ("Blend", ("b", 0), ("u", 0))}
    beside = graph(**line, d=("FaceVeilSaveProtected", ("c", 0)))
    assert said_after(beside, "b") == said_before(beside, "d") == []


def test_saving_with_the_prompt_and_as_jpeg_is_told():
    saved = graph(**LINE, c=("SaveImage", ("b", 0)), d=("FaceVeilSaveProtected", ("b", 0)))
    saved["d"]["inputs"]["format"] = "jpeg"
    saved["c"]["_meta"] = {"title": "Keep"}
    said = "\n".join(said_after(saved, "b"))
    assert "'Keep' writes the original's name" in said and "JPEG" in said
    assert "JPEG" in said_before(saved, "d")[0]


def test_without_protection_or_graph_nothing_is_said():
    assert (
        said_before(graph(a=("LoadImage",), u=("KSampler", ("a", 0)), d=("FaceVeilSaveProtected", ("u", 0))), "d") == []
    )
    assert said_after({}, "1") == said_before({}, "1") == []


def test_a_small_face_is_warned_of_and_a_large_one_is_not():
    (said,) = small_faces([(0, 0, 300, 400), (10, 10, 50, 70)], " of picture 2")
    assert "face 1 of picture 2 is only 40 pixels wide" in said
