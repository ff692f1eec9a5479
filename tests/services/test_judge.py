"""What any service goes through: what it is sent, how often, and what is remembered of it."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError, ModelError, ServiceError
from faceveil.core.faces.face import Face
from faceveil.core.services import catalogue, memory
from faceveil.core.services.catalogue import load_judge, service_names
from faceveil.core.services.picture import LEAST, as_png, face_crop
from faceveil.core.services.service import About, Answer, Busy, ours

ABOUT = About("mine", "Mine", "mine.example", "nothing", keys="set MINE_KEY", threshold=0.5)


class Says:
    """Answers one after the other, the last for ever; what is an exception is raised."""

    about = ABOUT

    def __init__(self, *answers: object, about: About = ABOUT) -> None:
        self.answers, self.about, self.pairs = list(answers) or [Answer(0.9)], about, []

    def compare(self, one: bytes, other: bytes) -> Answer:
        self.pairs.append((one, other))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def face_at(left: float, top: float, side: float) -> Face:
    return Face((left, top, left + side, top + side), torch.zeros(5, 2), 1.0)


def test_what_is_sent_is_the_face_with_a_margin_pixel_by_pixel_and_nothing_else():
    photo = torch.randint(0, 256, (1, 3, 1200, 1600)) / 255
    crop = face_crop(photo, face_at(700, 500, 200), 1024)
    assert crop.shape == (3, 440, 440)
    assert torch.equal(crop, (photo[0, :, 380:820, 580:1020] * 255).round().to(torch.uint8))
    sent = Image.open(io.BytesIO(as_png(crop, 4_000_000)))
    assert sent.format == "PNG" and sent.mode == "RGB" and not sent.info and not sent.getexif()
    assert torch.equal(torch.frombuffer(bytearray(sent.tobytes()), dtype=torch.uint8), crop.movedim(0, -1).flatten())


def test_beyond_the_photo_nothing_is_made_up_and_sizes_have_bounds():
    photo = torch.rand(1, 3, 300, 400)
    assert face_crop(photo, face_at(0, 0, 250), 1024).shape[1:] != (550, 550)
    assert max(face_crop(photo, face_at(100, 100, 20), 1024).shape) == LEAST
    large = face_crop(torch.rand(1, 3, 1500, 1500), face_at(400, 400, 600), 640)
    assert max(large.shape) == 640
    assert len(as_png(large, 300_000)) <= 300_000


def test_the_same_pictures_are_sent_once_and_remembered_without_them(judging, crops, own_home):
    service = Says(Answer(0.75, {"1e-3": 0.6}))
    judge = judging(service)
    assert judge.alike(*crops) == judge.alike(*crops) == 0.75
    assert len(service.pairs) == 1
    (file,) = [path for path in own_home.rglob("*") if path.is_file()]
    assert json.loads(file.read_text()) == {"score": 0.75, "thresholds": {"1e-3": 0.6}}
    again = judging(service)
    assert again.alike(*crops) == 0.75 and again.remembered == 1 and again.limit("1e-3").threshold == 0.6
    assert len(service.pairs) == 1, "another run asks nothing"
    elsewhere = judging(Says(Answer(0.2), about=replace(ABOUT, place="other.example")))
    assert elsewhere.alike(*crops) == 0.2, "another server is another judge"


def test_an_answer_grows_old_and_a_damaged_one_costs_a_call(judging, crops, own_home, monkeypatch):
    judging(Says(Answer(0.75))).alike(*crops)
    (file,) = own_home.rglob("*.json")
    for text in (
        "",
        "{}",
        "[]",
        '{"score": "x", "thresholds": {}}',
        '{"score": 1, "thresholds": 7}',
        '{"score": 7, "thresholds": {}}',
    ):
        file.write_text(text)
        assert judging(Says(Answer(0.5))).alike(*crops) == 0.5
    old = time.time() - memory.KEPT - 60
    os.utime(file, (old, old))
    assert judging(Says(Answer(0.25))).alike(*crops) == 0.25
    monkeypatch.setenv("FACEVEIL_HOME", os.devnull)
    assert judging(Says(Answer(0.1))).alike(*crops) == 0.1, "no place to keep it is no reason to fail"


def test_who_is_busy_is_asked_again_later_and_later(judging, crops, clock):
    service = Says(Busy("too many."), Busy("too many.", after=9), Busy("too many."), Answer(0.5))
    judge = judging(service)
    assert judge.alike(*crops) == 0.5 and judge.calls == 4
    first, second, third = clock.slept
    assert 0.5 <= first <= 1.5 and second == 9 and 2 <= third <= 6


def test_patience_ends_and_a_refusal_is_final(judging, crops, clock):
    service = Says(Busy("It is asleep."))
    with pytest.raises(ServiceError, match=r"It is asleep\. It was asked 4 times: try again later\."):
        judging(service).alike(*crops)
    assert len(service.pairs) == 4
    for error in (ServiceError("No."), Busy("Closed.", after=3600)):
        service = Says(error)
        with pytest.raises(ServiceError, match=str(error)):
            judging(service).alike(*crops)
        assert len(service.pairs) == 1


def test_calls_have_a_cap_that_tries_again_count_for(judging, crops):
    service = Says(Busy("too many."))
    with pytest.raises(ServiceError, match=r"No more than 2 calls.*only the rest is asked"):
        judging(service, calls=2).alike(*crops)
    assert len(service.pairs) == 2


def test_a_service_is_not_asked_more_quickly_than_it_likes(judging, crops, clock):
    judge = judging(Says(Answer(0.5)))
    judge.patience.pause = 2.0
    for shift in range(3):
        judge.alike(crops[0], crops[1] // (shift + 1))
    assert clock.slept == [2.0, 2.0]


def test_whoever_wants_to_stop_is_heard_before_every_call(judging, crops):
    service = Says(Answer(0.5))
    judge = judging(service)
    judge.patience.on_call = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        judge.alike(*crops)
    assert not service.pairs


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(1.2), Answer(-0.1), Answer(float("nan")), Answer(0.5, {"1e-3": 62.0}), Answer(0.5, {"x": 0.5})),
        *(None, 0.5, Answer([0.5]), Answer(0.5, None), Answer(0.5, {"1e-3": None})),
    ],
)
def test_a_similarity_that_is_none_is_refused(judging, crops, answer):
    with pytest.raises(ServiceError, match="similarity that is none"):
        judging(Says(answer)).alike(*crops)


def test_a_number_of_another_library_is_a_number(judging, crops, own_home):
    service = Says(Answer(np.float32(0.5), {"1e-3": np.float32(0.25)}))
    assert judging(service).alike(*crops) == 0.5
    (file,) = own_home.rglob("*.json")
    assert json.loads(file.read_text()) == {"score": 0.5, "thresholds": {"1e-3": 0.25}}


def test_somebody_elses_fault_is_one_sentence(judging, crops):
    with pytest.raises(ServiceError, match=r"The judge 'mine' failed: KeyError: 'score'"):
        judging(Says(KeyError("score"))).alike(*crops)


def test_a_package_that_imports_this_one_under_another_name_is_understood(judging, crops, clock):
    """Inside ComfyUI the pack is no `faceveil`, and what another package raises is of another family than ours."""
    error = type("FaceVeilError", (Exception,), {})
    busy = type("Busy", (error,), {"after": 3.0})
    theirs = SimpleNamespace(**vars(ABOUT))
    assert judging(Says(busy("Wait."), SimpleNamespace(score=0.5, thresholds={}), about=theirs)).alike(*crops) == 0.5
    assert clock.slept == [3.0]
    with pytest.raises(ServiceError, match="No key"):
        judging(Says(error("No key."), about=theirs)).alike(*reversed(crops))


@pytest.mark.parametrize("after", [None, "soon"])
def test_another_packages_busy_that_names_no_seconds_is_busy(after):
    busy = type("Busy", (Exception,), {"after": after})
    found = ours(busy("Closed."), "other")
    assert isinstance(found, Busy) and found.after == 0 and str(found) == "Closed."


def test_the_nearest_rate_that_a_service_states_is_taken_and_named(judging, crops):
    stated = replace(ABOUT, thresholds={"1e-3": 0.6, "1e-5": 0.8}, thresholds_from="its page")
    judge = judging(Says(about=stated))
    assert [judge.limit(far).far for far in ("1e-1", "1e-2", "1e-3", "1e-4")] == ["1e-3", "1e-3", "1e-3", "1e-3"]
    assert judge.limit("1e-2").source == "0.600 at 1e-3, its page; it states none at 1e-2"
    assert judge.limit("1e-3").source == "0.600 at 1e-3, its page"
    assert 0 < judge.spread < 0.2
    judge = judging(Says(Answer(0.5, {"1e-3": 0.7}), Answer(0.5, {"1e-3": 0.65}), about=stated))
    judge.alike(*crops)
    judge.alike(*reversed(crops))
    assert judge.limit("1e-3").threshold == 0.65, "what comes with answers is newer; of several the hardest to escape"
    alone = judging(Says()).limit("1e-2")
    assert (alone.threshold, alone.far) == (0.5, "unstated") and "it states no rate" in alone.source
    assert judging(Says(about=replace(ABOUT, threshold=None))).limit("1e-2").threshold is None


def test_nothing_is_sent_before_somebody_agreed_to_what_goes_where():
    for name in service_names():
        with pytest.raises(InputError) as raised:
            load_judge(name, calls=7)
        sentence = str(raised.value)
        assert sentence.startswith("Nothing was sent.") and "crops of the faces" in sentence
        assert "at most 7 calls" in sentence and "a call" in sentence and "people who agreed" in sentence


def test_a_slip_in_a_services_name_is_understood():
    with pytest.raises(InputError, match="Did you mean 'rekognition'"):
        load_judge("recognition")


def test_other_packages_bring_judges(monkeypatch, crops):
    module = SimpleNamespace(Mine=Says, Broken=object, Other=Says)
    monkeypatch.setitem(sys.modules, "their_pack", module)
    brought = [
        EntryPoint(name, f"their_pack:{kind}", catalogue.GROUP)
        for name, kind in {"mine": "Mine", "broken": "Broken", "other": "Other", "gone": "No", "didit": "Mine"}.items()
    ]
    monkeypatch.setattr(catalogue, "entry_points", lambda group: brought if group == "faceveil.judges" else [])
    assert service_names() == ["rekognition", "facepp", "didit", "mine", "broken", "other", "gone"]
    notices = []
    judge = load_judge("mine", send=True, on_notice=notices.append)
    assert judge.alike(*crops) == 0.9 and "go to Mine (mine.example)" in notices[0]
    for name in ("broken", "other", "gone"):
        with pytest.raises(ModelError, match=f"'{name}' of another package cannot be loaded"):
            load_judge(name, send=True)
    assert catalogue.kind_of("didit").about.title == "Didit Face Match", "built-in names are reserved"
