"""What comes after the protection in a graph, and whether it is worth a warning."""

from __future__ import annotations

import pytest

from faceveil.nodes.parts.order import warnings_after, warnings_before, warnings_in


def graph(**nodes):
    """Nodes by number: a kind, and what each takes from where."""
    return {
        number: {"class_type": kind, "inputs": {f"i{place}": list(source) for place, source in enumerate(sources)}}
        for number, (kind, *sources) in nodes.items()
    }


LINE = {"a": ("LoadImage",), "b": ("FaceVeilProtect", ("a", 0))}


@pytest.mark.parametrize(
    "kind",
    [
        *("ImageUpscaleWithModel", "FaceRestoreCFWithModel", "ReActorFaceSwap", "FaceDetailer", "KSampler"),
        *("easy fullkSampler", "ImpactKSamplerBasicPipe", "UltimateSDUpscale"),
    ],
)
def test_what_draws_the_face_anew_is_warned_of_after_and_not_before_the_protection(kind):
    behind = graph(**LINE, c=(kind, ("b", 0)), d=("FaceVeilSaveProtected", ("c", 0)))
    assert "may undo it" in warnings_after(behind, "b")[0] and "may undo it" in warnings_before(behind, "d")[0]
    before = graph(
        a=("LoadImage",), u=(kind, ("a", 0)), b=("FaceVeilProtect", ("u", 0)), d=("FaceVeilSaveProtected", ("b", 0))
    )
    assert warnings_after(before, "b") == warnings_before(before, "d") == []


def test_a_graph_that_keeps_the_picture_says_nothing():
    plain = graph(**LINE, c=("ImageCrop", ("b", 0)), d=("FaceVeilSaveProtected", ("c", 0)), e=("PreviewAny", ("b", 2)))
    assert warnings_after(plain, "b") == warnings_before(plain, "d") == []


def test_only_the_picture_counts_not_the_mask_or_the_report():
    masked = graph(**LINE, m=("ImageUpscaleWithModel", ("b", 1)), d=("FaceVeilSaveProtected", ("b", 0)))
    assert warnings_after(masked, "b") == []


def test_a_branch_beside_the_protection_is_nobodys_business():
    line = {**LINE, "u": ("ImageUpscaleWithModel", ("a", 0)), "c": ("Blend", ("b", 0), ("u", 0))}
    beside = graph(**line, d=("FaceVeilSaveProtected", ("c", 0)))
    assert warnings_after(beside, "b") == warnings_before(beside, "d") == []


def test_saving_with_the_prompt_and_as_jpeg_is_told():
    saved = graph(**LINE, c=("SaveImage", ("b", 0)), d=("FaceVeilSaveProtected", ("b", 0)))
    saved["d"]["inputs"]["format"] = "jpeg"
    saved["c"]["_meta"] = {"title": "Keep"}
    text = "\n".join(warnings_after(saved, "b"))
    assert "'Keep' writes the original's name" in text and "JPEG" in text
    for kind in ("SaveImageAdvanced", "SaveImageKJ", "SaveImageWithAlpha"):
        assert "writes the original's name" in warnings_after(graph(**LINE, c=(kind, ("b", 0))), "b")[0]
    assert "JPEG" in warnings_before(saved, "d")[0]


def test_another_packs_way_to_save_a_jpeg_is_told_as_well():
    saved = graph(**LINE, c=("Image Save", ("b", 0)))
    saved["c"]["inputs"]["extension"] = "jpg"
    assert "JPEG" in warnings_after(saved, "b")[0]


def test_of_a_whole_graph_each_node_of_ours_is_told_with_its_own_warnings():
    whole = graph(**LINE, c=("SaveImage", ("b", 0)), d=("FaceVeilSaveProtected", ("b", 0)))
    assert dict(warnings_in(whole)) == {"b": "\n".join(warnings_after(whole, "b"))}
    whole["d"]["inputs"]["i0"] = ["a", 0]
    assert set(dict(warnings_in(whole))) == {"b", "d"}
    assert list(warnings_in(graph(**LINE))) == list(warnings_in({})) == []


def test_without_a_graph_nothing_is_said():
    assert warnings_after({}, "1") == warnings_before({}, "1") == []


def test_a_preview_that_nothing_saves_is_warned_of_and_one_beside_a_saved_picture_is_not():
    looked = graph(**LINE, c=("PreviewImage", ("b", 0)), d=("FaceVeilVerdict", ("a", 0), ("b", 0)))
    assert "nothing saves the protected picture" in warnings_after(looked, "b")[0]
    assert warnings_after({**looked, **graph(e=("FaceVeilSaveProtected", ("b", 0)))}, "b") == []
    # Nobody has looked yet: there is nothing to save by hand, and the node shows the picture itself.
    assert warnings_after(graph(**LINE), "b") == []


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ({"d": ("FaceVeilSaveProtected", ("a", 0))}, "nothing before 'FaceVeilSaveProtected' protects"),
        ({"u": ("KSampler", ("a", 0)), "d": ("FaceVeilSaveProtected", ("u", 0))}, "saves the picture as it came"),
        ({"v": ("FaceVeilVerdict", ("b", 0)), "d": ("FaceVeilSaveProtected", ("v", 1))}, "with the original face"),
        ({"v": ("FaceVeilFindFaces", ("b", 0)), "d": ("FaceVeilSaveProtected", ("v", 2))}, "boxes and numbers"),
        ({"v": ("FaceVeilSharing", ("b", 0)), "d": ("FaceVeilSaveProtected", ("v", 0))}, "Simulate Sharing made"),
    ],
)
def test_saving_another_picture_than_the_protected_one_is_warned_of(nodes, text):
    (warning,) = warnings_before(graph(**LINE, **nodes), "d")
    assert warning.startswith("WARNING") and text in warning


@pytest.mark.parametrize("kind", ["FaceVeilApplyVeil", "FaceVeilProtectFrames", "FaceVeilTrajectoryEditor"])
def test_whatever_protects_will_do(kind):
    assert (
        warnings_before(graph(a=("LoadImage",), b=(kind, ("a", 0)), d=("FaceVeilSaveProtected", ("b", 0))), "d") == []
    )
