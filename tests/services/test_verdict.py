"""A service's word in the same verdict as a network's, in the library, on the command line and in films."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from commandline import refused, run
from PIL import Image

import faceveil
from faceveil.core.attacks.registry import VERDICT
from faceveil.core.errors import InputError, ServiceError
from faceveil.core.images import Photo, to_bchw, to_pil
from faceveil.core.methods.recipes import choose
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.dlib_resnet import load_dlib
from faceveil.core.recognisers.ensemble import Ensemble, refuse_services
from faceveil.core.recognisers.judge import UNSTATED
from faceveil.core.services.facepp import FacePlusPlus
from faceveil.core.services.service import About, Answer
from faceveil.core.verdict.facts import Quality
from faceveil.core.verdict.sheet import draw_sheet
from faceveil.core.verdict.verify import Witness, verify, witnesses_of
from faceveil.nodes.adapters.memory import room_for
from faceveil.nodes.parts.judging import judge_pictures

ABOUT = About("eye", "Eye", "eye.example", "nothing", keys="-", threshold=0.8, thresholds_from="a page")


class Eye:
    """Compares pixels, as a service compares faces."""

    about = ABOUT

    def __init__(self, faceless: bool = False) -> None:
        self.shown: list[np.ndarray] = []
        self.faceless = faceless

    def compare(self, one: bytes, other: bytes) -> Answer:
        pair = [np.asarray(Image.open(io.BytesIO(data)).convert("L").resize((64, 64)), float) for data in (one, other)]
        self.shown += pair
        return Answer(None if self.faceless else max(0.0, float(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1])))


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """How visible a change is, and where a face is in a copy, is not what is asked here."""
    quality = Quality(30, 0.9, None, None, 0.1, 0.5, 0.0)
    monkeypatch.setattr("faceveil.core.verdict.verify.measure_quality", lambda *of: quality)
    monkeypatch.setattr("faceveil.core.verdict.verify.find_again", lambda image, face, detector="auto": face)


@pytest.fixture(scope="module")
def portrait(examples):
    """A small part of it, so that faces are found quickly."""
    return to_bchw(faceveil.read_photo(examples / "portrait.png").pixels)[..., :256, 100:356].contiguous()


@pytest.fixture(scope="module")
def changed(portrait):
    """Surely another picture: dark where it was bright."""
    other = portrait.clone()
    other[..., 40:200, 60:190] = 1 - other[..., 40:200, 60:190]
    return other


@pytest.fixture
def photo(portrait, tmp_path):
    path = tmp_path / "photo.png"
    to_pil(portrait.movedim(1, -1)).save(path)
    return path


def test_a_service_and_a_network_stand_side_by_side(portrait, judging):
    judge = judging(Eye())
    report = verify(portrait, portrait, [Witness(load_dlib()), Witness(judge)])
    network, service = report.faces[0].recognisers
    assert network.name == "dlib" and network.matched_after
    assert (service.name, service.family, service.role) == ("eye", "eye", "judge")
    assert service.before == pytest.approx(1) and service.after > 0.99 and service.matched_after
    assert (service.threshold, service.far) == (0.8, UNSTATED)
    assert report.evaluations["recogniser"] == 5 + len(VERDICT), "a call is no network's pass"
    (sent,) = report.online
    assert judge.calls == sent.calls == 4, "before is plain, so that of five comparisons one was known"
    assert "sent for eye: 4 calls so far to Eye (eye.example), each with two crops of a face" in report.text()
    assert "0.800, a page; it states no rate" in report.text()
    assert json.loads(json.dumps(report.as_dict()))["online"][0]["calls"] == 4
    assert draw_sheet(portrait, portrait, report).size[0] > 600


def test_it_finds_out_that_a_face_is_another(portrait, changed, judging):
    report = verify(portrait, changed, [Witness(judging(Eye()))])
    row = report.faces[0].recognisers[0]
    assert row.matched_before and not row.matched_after and report.protected


def test_no_face_seen_is_no_match_and_is_told(portrait, judging):
    report = verify(portrait, portrait, [Witness(judging(Eye(faceless=True)))])
    assert not report.protected and "not matched even before" in report.sentence()
    assert "4 comparisons showed it no face, and count as not matched" in report.text()


def test_a_gallery_photo_is_compared_with_and_nobody_who_did_not_agree_is_sent(portrait, changed, judging):
    judge = judging(Eye())
    row = verify(portrait, changed, [Witness(judge)], gallery=[portrait]).faces[0].recognisers[0]
    assert row.before > 0.9 and not row.matched_after and judge.calls == 5
    both, judge = torch.cat([portrait, portrait], -1), judging(Eye())
    with pytest.raises(ServiceError, match="shows 2 people, and all of them would be sent to Eye"):
        verify(portrait, portrait, [Witness(judge)], gallery=[both])
    assert judge.calls == 0


def test_a_decoy_is_sent_to_nobody(portrait, changed, judging):
    judge = judging(Eye())
    (row,) = verify(portrait, changed, [Witness(judge)], decoys=[portrait]).faces[0].recognisers
    assert row.decoy_before is None and judge.calls == 5


@pytest.fixture
def brief():
    recipe = choose("light")
    return replace(recipe, settings=replace(recipe.settings, iterations=2))


class Gone(Eye):
    def compare(self, one: bytes, other: bytes) -> Answer:
        raise ServiceError("Eye is closed.")


def test_a_service_that_fails_costs_its_word_and_not_the_picture(portrait, judging, brief):
    protector = Protector(brief, [load_dlib()], judges=[judging(Gone())])
    protected, report = protector(Photo(portrait.movedim(1, -1)))
    assert (protected.pixels != portrait.movedim(1, -1)).any()
    assert [row.name for row in report.faces[0].recognisers] == ["dlib"]
    assert "not heard: Eye is closed. Ask again with: faceveil verify" in report.text()


def test_a_batch_says_how_near_the_closest_call_was(portrait, changed, judging):
    pictures = [picture.movedim(1, -1) for picture in (portrait, changed)]
    done = judge_pictures([pictures[0]], [pictures[1]], [Witness(judging(Eye()))])
    assert done.protected and done.score > 0


def test_a_service_takes_no_room_on_a_device(judging):
    judge = judging(Eye())
    assert room_for(judge) == 0 and judge.to("cuda") is judge


def test_nothing_can_be_protected_against_a_service(portrait, judging):
    judge = judging(Eye())
    for door in (
        lambda: Protector("light", [judge]),
        lambda: witnesses_of([judge]),
        lambda: Ensemble([judge]).embed(portrait, torch.rand(1, 5, 2)),
        lambda: refuse_services([judge], "judge films by"),
        lambda: (
            faceveil.protect(faceveil.Photo(portrait.movedim(1, -1)), judge)
            if hasattr(faceveil, "Photo")
            else Protector("light", [judge])
        ),
    ):
        with pytest.raises(InputError, match="'eye' is a service that compares pictures"):
            door()
    assert judge.calls == 0


def test_the_library_takes_it_as_a_judge(photo, judging):
    photo = faceveil.read_photo(photo)
    report = faceveil.verify(photo, photo, judging(Eye()))
    assert [row.name for row in report.faces[0].recognisers] == ["eye"]


def facepp_answers(request):
    """As alike as the two pictures are equal."""
    same = request.form["image_file1"] == request.form["image_file2"]
    confidence = 97.0 if same else 80.0
    return 200, {"confidence": confidence, "thresholds": {"1e-3": 62.3, "1e-4": 69.1, "1e-5": 73.9}}


@pytest.fixture
def account(server, monkeypatch):
    for name, value in {"API_KEY": "the-key", "API_SECRET": "the-secret", "URL": server.url}.items():
        monkeypatch.setenv(f"FACEPP_{name}", value)
    server.says = facepp_answers
    monkeypatch.setattr(FacePlusPlus, "about", replace(FacePlusPlus.about, pause=0.0))
    return server


def test_a_command_line_says_what_goes_where_and_sends_nothing_unless_told(photo, account, capsys):
    message = refused(capsys, "verify", photo, photo, "--judge", "facepp")
    assert "go to Face++ Compare" in message and "Add --online to agree." in message and not account.requests
    message = refused(capsys, "protect", photo.parent, "-o", photo.parent / "out", "--judge", "facepp", "--online")
    assert "judges single photos" in message
    message = refused(capsys, "protect", photo, "-o", "x.png", "--surrogate", "facepp", "--online")
    assert "gives no gradient" in message
    assert not account.requests


def test_a_command_line_asks_once_and_knows_the_answers_the_next_time(photo, account, capsys):
    arguments = ("verify", photo, photo, "--judge", "facepp", "--online", "--json")
    code, out, err = run(capsys, *arguments)
    assert code == 0 and err.startswith("note: facepp: crops of the faces in these photos")
    report = json.loads(out)
    (row,) = report["faces"][0]["recognisers"]
    assert (row["far"], row["threshold"]) == ("1e-3", pytest.approx(0.623)) and row["matched_after"]
    assert "it states none at 1e-2" in row["thresholds_from"]
    assert report["online"][0]["calls"] == len(account.requests) == 4
    code, out, _ = run(capsys, *arguments)
    assert code == 0 and json.loads(out)["online"][0]["remembered"] == 4 and len(account.requests) == 4
    message = run(capsys, *arguments[:-1], "--far", "1e-4")[1]
    assert "0 calls so far" in message and "0.691 at 1e-4" in message


def test_the_cap_holds_and_nothing_is_paid_for_twice(photo, account, capsys):
    arguments = ("verify", photo, photo, "--judge", "facepp", "--online")
    code, _, err = run(capsys, *arguments, "--online-calls", 2)
    assert code == 2 and "No more than 2 calls" in err and len(account.requests) == 2
    assert run(capsys, *arguments, "--online-calls", 2)[0] == 0 and len(account.requests) == 4


def test_services_are_listed_beside_recognisers(capsys):
    assert "rekognition, facepp, didit" in run(capsys, "recognisers")[1]
