"""The verdict on photos whose answer is known, and its promises about keys and wording."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from other_device import DEVICE, OtherDevice

from faceveil.core.attacks.registry import VERDICT
from faceveil.core.errors import InputError
from faceveil.core.faces import crops
from faceveil.core.faces.find import find_faces
from faceveil.core.faces.masks import face_oval
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.dlib_resnet import load_dlib
from faceveil.core.verdict.facts import FaceVerdict, Quality, RecogniserVerdict
from faceveil.core.verdict.report import Report
from faceveil.core.verdict.sheet import _BAD, _GOOD, draw_sheet, write_sheet
from faceveil.core.verdict.verify import Witness, verify

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def portrait(examples) -> torch.Tensor:
    return to_bchw(read_photo(examples / "portrait.png").pixels)


@pytest.fixture(scope="module")
def people(examples) -> list[torch.Tensor]:
    """In half their size, which is quicker and large enough."""
    photos = [to_bchw(read_photo(examples / f"person-{which}.jpg").pixels) for which in ("first", "second")]
    return [F.interpolate(photo, scale_factor=0.5, mode="bilinear", antialias=True) for photo in photos]


@pytest.fixture(scope="module")
def compared(people, judge) -> Report:
    """One person with another photo of theirs."""
    first, second = people
    return verify(first, first, [judge], gallery=[second])


@pytest.fixture(scope="module")
def judge() -> Witness:
    return Witness(load_dlib())


@pytest.fixture(scope="module")
def untouched(portrait, judge) -> Report:
    return verify(portrait, portrait, [judge])


def test_an_untouched_photo_is_matched_in_every_copy(untouched):
    row = untouched.faces[0].recognisers[0]
    assert row.before == pytest.approx(1.0, abs=1e-5) and row.after > 0.99
    assert min(row.after_jpeg75, row.after_jpeg50, row.after_half) > row.threshold
    assert row.matched_before and row.matched_after and not untouched.protected
    quality = untouched.faces[0].quality
    assert quality.psnr == 100 and quality.outside_max == 0 and quality.chroma < 1e-4


def test_a_face_is_called_as_it_was_chosen(portrait, judge):
    half = F.interpolate(portrait, scale_factor=0.5, mode="bilinear", antialias=True)
    both = torch.cat([portrait, F.pad(half, (0, 0, 0, half.shape[-2]))], dim=-1)
    report = verify(both, both, [judge], faces=find_faces(both, which=1), attacks=())
    (face,) = report.faces
    assert face.box[0] > portrait.shape[-1] and face.number == 1 and list(report.boxes) == [1]
    assert report.text().startswith("face 1 at ") and report.as_dict()["faces"][0]["number"] == 1


def test_the_json_is_as_its_published_schema_says(untouched):
    data = json.loads(json.dumps(untouched.as_dict()))
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    schema.validate({"photo": "me.jpg", **data, "notes": []})
    for damaged in ({**data, "schema": 2}, {**data, "more": 1}, {**data, "faces": [{"box": [0, 0, 1, 1]}]}):
        assert not schema.is_valid(damaged)
    assert data["evaluations"]["recogniser"] == 5 + len(VERDICT) and data["compared_with"] == "original"


def test_gallery_photos_are_the_reference_when_given(compared, judge):
    row = compared.faces[0].recognisers[0]
    assert row.threshold < row.before < 0.999 and compared.compared_with == "gallery"
    assert row.after == row.before and row.thresholds_from == judge.recogniser.card.thresholds_from


def test_everybody_in_a_gallery_photo_is_looked_at(portrait, people, judge):
    """Two people, compared with a photo of both: each with themselves, and not the smaller with the larger."""
    both = torch.cat([portrait[..., ::2, ::2], people[0][..., 0:256, 120:376]], -1)
    report = verify(both, both, [judge], gallery=[both])
    assert len(report.faces) == 2
    assert all(face.recognisers[0].before == pytest.approx(1, abs=1e-4) for face in report.faces)
    assert not report.protected and report.sentence().startswith("All 2 faces are still matched")


def test_faces_found_elsewhere_come_along(portrait, judge):
    small = portrait[..., ::2, ::2].contiguous()
    face = find_faces(small)[0]
    here = verify(small, small, [judge], faces=[face])
    with OtherDevice():
        away = Witness(load_dlib().to(DEVICE))
        there = verify(small.to(DEVICE), small.to(DEVICE), [away], faces=[face])
    assert there.faces == here.faces


def test_a_hidden_face_is_found_out(portrait, judge):
    """Noise over the face: not protection, but surely no longer the same person."""
    face = find_faces(portrait)[0]
    mask = face_oval(face.points[None], 512, 512)
    noise = torch.rand(portrait.shape, generator=torch.Generator().manual_seed(0))
    report = verify(portrait, portrait * (1 - mask) + noise * mask, [judge])
    assert not report.faces[0].recognisers[0].matched_after and report.protected
    assert report.faces[0].quality.psnr < 15 and report.faces[0].quality.outside_max == 0


def test_changes_outside_the_mask_are_told(portrait, judge):
    other = portrait.clone()
    other[..., 500, 500] = 1 - other[..., 500, 500]
    assert verify(portrait, other, [judge]).faces[0].quality.outside_max > 0.1


def test_sizes_must_agree(portrait, judge):
    with pytest.raises(InputError, match="512x512 and 256x256"):
        verify(portrait, portrait[..., ::2, ::2], [judge])
    with pytest.raises(InputError, match="No recogniser"):
        verify(portrait, portrait, [])


def report_of(*roles_and_matches: tuple[str, bool], families: str = "") -> Report:
    rows = tuple(
        RecogniserVerdict(
            f"r{i}", families[i] if families else "f", role, "1e-2", 0.5, 0.9, 0.4, 0.4, 0.4, 0.4, True, matched
        )
        for i, (role, matched) in enumerate(roles_and_matches)
    )
    return Report([FaceVerdict((0, 0, 9, 9), rows, Quality(30, 0.9, None, None, 0.1, 0.5, 0.0))])


def test_only_judges_decide_when_there_are_any():
    assert report_of(("surrogate", True), ("judge", False)).protected
    assert not report_of(("surrogate", False), ("judge", True)).protected
    assert not report_of(("surrogate", True)).protected


def test_the_sentence_promises_no_more_than_was_measured():
    assert "still matched" in report_of(("judge", True)).sentence()
    alone = report_of(("surrogate", False)).sentence()
    assert "no longer matched" in alone and "No independent judge" in alone


def test_the_sentence_counts_faces():
    hidden, seen = (report_of(("judge", matched)).faces[0] for matched in (False, True))
    starts = {
        (hidden, hidden): "All 2 faces are no",
        (hidden, seen): "1 of 2 faces",
        (seen, seen): "All 2 faces are still",
    }
    for faces, start in starts.items():
        assert Report(list(faces)).sentence().startswith(start)


def test_nothing_is_said_of_faces_that_were_not_matched_before():
    hidden, seen = (report_of(("judge", matched)).faces[0] for matched in (False, True))
    stranger = replace(hidden, recognisers=(replace(hidden.recognisers[0], matched_before=False),))
    left_out = "1 face was not matched even before, so nothing can be said of it. Of the others: "
    for known, starts, protected in ((hidden, "1 face is no longer", True), (seen, "1 face is still", False)):
        report = Report([stranger, known])
        assert report.sentence().startswith(left_out + starts) and report.protected == protected
    report = Report([stranger, stranger, hidden, hidden])
    assert report.sentence().startswith("2 faces were not matched even before, so nothing can be said of them.")
    assert "All 2 faces are no longer matched" in report.sentence()
    assert not Report([stranger]).protected and not stranger.protected


def test_what_was_not_measured_decides_nothing():
    report = report_of(("surrogate", False), ("judge", False))
    face = report.faces[0]
    silent = replace(face.recognisers[1], threshold=None)
    report.faces = [replace(face, recognisers=(face.recognisers[0], silent))]
    assert "r1" not in report.sentence() and "No independent judge" in report.sentence()
    report.faces = [replace(face, recognisers=(silent,))]
    assert not report.protected and "Nothing can be said" in report.sentence()
    stranger = replace(face.recognisers[1], matched_before=False)
    report.faces = [replace(face, recognisers=(stranger,))]
    assert "not matched even before" in report.sentence()


def test_a_judge_of_a_surrogates_family_is_not_independent():
    report = report_of(("surrogate", False), ("judge", False))
    assert "No independent judge" in report.sentence() and report.independent is False


@pytest.mark.parametrize("matched", [False, True])
def test_an_independent_judge_is_named_whatever_it_found(matched):
    report = report_of(("surrogate", False), ("judge", matched), ("judge", False), families="aba")
    assert "An independent judge took part, which the protection never asked: r1." in report.sentence()
    assert report.independent is True and report.as_dict()["independent"] is True


def test_an_independent_judge_of_one_face_is_none_of_the_other():
    one, other = (report_of(("surrogate", False), ("judge", False), families=f).faces[0] for f in ("ab", "aa"))
    assert "No independent judge" in Report([one, other]).sentence()


def test_of_pictures_that_somebody_found_nobody_is_called_independent():
    report = report_of(("judge", False), ("judge", False), families="ab")
    assert "Whom it was protected against is not known here" in report.sentence() and report.independent is None


def test_text_names_what_could_not_be_measured():
    assert "LPIPS-alex, LPIPS-vgg" in report_of(("judge", False)).text().split("not measured")[1]


def test_text_tells_figures_in_words_and_json_by_its_keys():
    report = report_of(("judge", False))
    assert "PSNR 30.0 dB, SSIM 0.900, DSSIM 0.100, colour 0.50" in report.text()
    assert "outside the faces: nothing changed" in report.text()
    quality = replace(report.faces[0].quality, lpips_vgg=0.0512, outside_max=28 / 255)
    report.faces = [replace(report.faces[0], quality=quality)]
    assert "LPIPS-vgg 0.051" in report.text() and "changed by up to 28.0 of 255" in report.text()
    keys = set(report.as_dict()["faces"][0]["quality"]) - {"paint", "tint", "shape", "growth"}  # words as they are
    assert not any(key in report.text() for key in keys)


@pytest.mark.parametrize(
    ("matched", "recipe", "says"),
    [
        (False, "balanced", None),
        (True, None, "the strength strong, or protecting"),
        (True, "strong", "help: protecting against more recognisers"),
        (True, "strong+purification", "help: protecting against more recognisers"),
        (True, "in-loop", "help: protecting against more recognisers"),
    ],
)
def test_who_is_still_matched_hears_what_may_help(matched, recipe, says):
    report = report_of(("judge", matched))
    report.recipe = recipe
    advice = [line for line in report.text().splitlines() if line.startswith("What may help")]
    assert [says in line for line in advice] == [True] * bool(says) and "--" not in "".join(advice)


def test_nothing_is_advised_where_nothing_was_matched_before():
    report = report_of(("judge", True))
    face = report.faces[0]
    report.faces = [replace(face, recognisers=(replace(face.recognisers[0], matched_before=False),))]
    assert "What may help" not in report.text()


def test_a_recogniser_without_threshold_never_counts_as_matched(portrait):
    unmeasured = load_dlib()
    unmeasured.card = replace(unmeasured.card, thresholds={})
    row = verify(portrait, portrait, [Witness(unmeasured)]).faces[0].recognisers[0]
    assert row.threshold is None and not row.matched_after


def test_a_region_is_judged_as_the_whole_photo_is(portrait, judge, monkeypatch):
    """Large photos are judged on a part of them; what was re-encoded there must be what is re-encoded in the whole."""
    photo = torch.full((1, 3, 1001, 1203), 0.4)
    photo[..., 300:812, 500:1012] = portrait
    other = (photo * 255 * 0.9).round() / 255
    whole = verify(photo, other, [judge]).faces[0]
    monkeypatch.setattr(crops, "WHOLE", 0)
    part = verify(photo, other, [judge]).faces[0]
    assert part.quality == whole.quality and part.box == whole.box
    for name in ("before", "after", "after_jpeg75", "after_jpeg50"):
        assert getattr(part.recognisers[0], name) == pytest.approx(getattr(whole.recognisers[0], name), abs=2e-5)
    # Odd sides are not halved exactly, and the part's are even.
    assert part.recognisers[0].after_half == pytest.approx(whole.recognisers[0].after_half, abs=2e-3)


def test_similarity_to_the_nearest_decoy_is_told(portrait, people, judge, compared):
    first, second = people
    known = compared.faces[0].recognisers[0]
    row = verify(first, first, [judge], decoys=[portrait, second]).faces[0].recognisers[0]
    assert (row.decoy_before, row.decoy_after) == (known.before, known.after)
    assert known.decoy_before is None and known.decoy_after is None


def test_text_says_how_near_the_decoy_has_come():
    report = report_of(("judge", False))
    assert "decoy" not in report.text()
    face = report.faces[0]
    for after, taken in ((0.4, False), (0.6, True)):
        row = replace(face.recognisers[0], decoy_before=0.1, decoy_after=after)
        report.faces = [replace(face, recognisers=(row,))]
        assert f"similarity to the decoy, r0: 0.100 before, {after:.3f} after" in report.text()
        assert ("taken for the same person" in report.text()) == taken


def test_what_a_budget_left_is_said():
    report = report_of(("judge", False))
    assert "of what was found" not in report.text()
    report.budget, report.amount = 0.3, 0.5
    assert "50% of what was found: no more paint than 0.3 may show" in report.text()


def test_the_sheet_has_room_for_everybody(portrait):
    blank = report_of(*[("judge", True)] * 8)
    blank.faces = [replace(blank.faces[0], box=(100, 100, 300, 300))]
    sheet = np.asarray(draw_sheet(portrait, portrait, blank))
    bars = ((sheet == _BAD) | (sheet == _GOOD)).all(-1).any(1)
    assert int((bars[1:] & ~bars[:-1]).sum()) == 8 * 5


def test_the_sheet_shows_original_and_protected(portrait, untouched, tmp_path):
    sheet = draw_sheet(portrait, portrait, untouched)
    left, right = sheet.crop((12, 62, 332, 382)), sheet.crop((344, 62, 664, 382))
    assert left.tobytes() == right.tobytes() and len(left.getcolors(1 << 20)) > 1000
    write_sheet(portrait, portrait, untouched, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
