"""Face++ and Didit, spoken to as their references say, and every error that these list: one sentence each."""

from __future__ import annotations

import socket

import pytest

from faceveil.core.errors import ModelError, ServiceError
from faceveil.core.services import http
from faceveil.core.services.didit import Didit
from faceveil.core.services.facepp import FacePlusPlus
from faceveil.core.services.service import Answer, Busy

SAME = {"confidence": 96.46, "thresholds": {"1e-3": 62.3, "1e-4": 69.1, "1e-5": 73.9}, "faces1": [{}], "faces2": [{}]}
MATCHED = {"request_id": "x", "face_match": {"status": "Approved", "score": 80, "warnings": []}}


@pytest.fixture
def facepp(server, monkeypatch):
    for name, value in {"API_KEY": "the-key", "API_SECRET": "the-secret", "URL": server.url}.items():
        monkeypatch.setenv(f"FACEPP_{name}", value)
    return FacePlusPlus()


@pytest.fixture
def didit(server, monkeypatch):
    monkeypatch.setenv("DIDIT_API_KEY", "the-key")
    monkeypatch.setenv("DIDIT_URL", server.url)
    return Didit()


def test_facepp_is_sent_two_pictures_and_says_its_thresholds(facepp, server):
    server.answers((200, SAME))
    answer = facepp.compare(b"one", b"other")
    assert answer.score == pytest.approx(0.9646) and answer.thresholds["1e-3"] == pytest.approx(0.623)
    (request,) = server.requests
    assert request.path == "/facepp/v3/compare"
    assert request.form == {
        "api_key": b"the-key",
        "api_secret": b"the-secret",
        "image_file1": b"one",
        "image_file2": b"other",
    }


def test_didit_is_asked_to_keep_nothing(didit, server):
    server.answers((200, MATCHED))
    assert didit.compare(b"one", b"other") == Answer(0.8)
    (request,) = server.requests
    assert request.path == "/v3/face-match/" and request.headers["x-api-key"] == "the-key"
    assert request.form == {"save_api_request": b"false", "user_image": b"one", "ref_image": b"other"}


def test_that_there_is_no_face_is_an_answer(facepp, didit, server):
    for empty in ({"faces1": [], "faces2": [{}]}, {"faces1": [{}], "faces2": []}):
        server.answers((200, empty))
        assert facepp.compare(b"one", b"other") == Answer(None)
    for score in (0, None):
        warned = {"status": "Declined", "score": score, "warnings": [{"risk": "NO_REFERENCE_IMAGE"}]}
        server.answers((200, {"face_match": warned}))
        assert didit.compare(b"one", b"other") == Answer(None)
    low = {"status": "Declined", "score": 12, "warnings": [{"risk": "LOW_FACE_MATCH_SIMILARITY"}]}
    server.answers((200, {"face_match": low}))
    assert didit.compare(b"one", b"other") == Answer(0.12)


REFUSALS = {
    "facepp": [
        (401, "AUTHENTICATION_ERROR", "pair of key and secret"),
        (403, "AUTHORIZATION_ERROR: Insufficient Account Balance", "no money left"),
        (403, "AUTHORIZATION_ERROR: Denied by Admin", "does not let this key compare"),
        (400, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_file1", "could not read a picture"),
        (400, "INVALID_IMAGE_SIZE: image_file2", "no picture of this size"),
        (400, "IMAGE_FILE_TOO_LARGE: image_file1", "too large"),
        (413, "Request Entity Too Large", "too large"),
        (400, "MISSING_ARGUMENTS: api_key", r"refused \(400\).*MISSING_ARGUMENTS"),
    ],
    "didit": [
        (400, "file too large", "too large"),
        (400, "user_image: unsupported extension", r"refused \(400\).*unsupported"),
        (401, "invalid key", r"does not accept the key \(401\): set DIDIT_API_KEY"),
        (403, "not enough credits", "no credits left"),
        (403, "no permission", r"does not accept the key \(403\)"),
    ],
}


@pytest.mark.parametrize(
    ("name", "status", "response", "message"), [(n, *row) for n, rows in REFUSALS.items() for row in rows]
)
def test_a_refusal_is_one_sentence_and_final(request, server, name, status, response, message):
    service = request.getfixturevalue(name)
    server.answers((status, response if status == 413 else {"error_message": response}))
    with pytest.raises(ServiceError, match=message) as error:
        service.compare(b"one", b"other")
    assert not isinstance(error.value, Busy) and str(error.value).isprintable()
    assert "the-key" not in str(error.value) and "the-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "status", "response", "message"),
    [
        ("facepp", 403, "CONCURRENCY_LIMIT_EXCEEDED", "asked too often"),
        ("facepp", 500, "INTERNAL_ERROR", r"fault of its own \(500\)"),
        ("facepp", 502, "<html>bad gateway", r"fault of its own \(502\)"),
        ("didit", 429, "slow down", "asked too often"),
        ("didit", 503, "", "fault of its own"),
    ],
)
def test_what_may_pass_is_worth_another_try(request, server, name, status, response, message):
    service = request.getfixturevalue(name)
    server.answers((status, {"error_message": response}, {"Retry-After": "7"}))
    with pytest.raises(Busy, match=message) as error:
        service.compare(b"one", b"other")
    assert error.value.after == 7


def test_no_answer_in_time_and_no_connection_are_worth_another_try(facepp, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.05)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        facepp.url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(Busy, match="did not answer in time"):
            facepp.compare(b"one", b"other")
    with pytest.raises(Busy, match="could not be reached"):
        facepp.compare(b"one", b"other")


@pytest.mark.parametrize("name", ["facepp", "didit"])
@pytest.mark.parametrize("response", ["", "no json", "[]", {}, {"confidence": "many"}, {"face_match": {"score": "x"}}])
def test_an_answer_that_is_none_is_one_sentence(request, server, name, response):
    server.answers((200, response))
    with pytest.raises(ServiceError, match="something else than its reference says"):
        request.getfixturevalue(name).compare(b"one", b"other")


def test_an_answer_without_end_is_given_up(didit, server, monkeypatch):
    monkeypatch.setattr(http, "LARGEST", 100)
    server.answers((200, "x" * 200))
    with pytest.raises(ServiceError, match="more than any answer has"):
        didit.compare(b"one", b"other")


def test_pictures_and_keys_go_nowhere_that_a_server_points_to(didit, server):
    server.answers((302, {}, {"Location": f"{server.url}/elsewhere"}), (200, MATCHED))
    with pytest.raises(ServiceError, match=r"refused \(302\)"):
        didit.compare(b"one", b"other")
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://example.com", "ftp://127.0.0.1", "file:///etc/passwd", "https://", "nonsense"])
def test_faces_travel_encrypted(monkeypatch, facepp, didit, url):
    for name, kind in (("FACEPP_URL", FacePlusPlus), ("DIDIT_URL", Didit)):
        monkeypatch.setenv(name, url)
        with pytest.raises(ModelError, match="has to begin with https"):
            kind()


def test_where_pictures_go_is_said_as_it_is(facepp, didit, server, monkeypatch):
    """Also because answers are remembered by it: those of a double are nobody else's."""
    assert facepp.about.place == didit.about.place == server.url.removeprefix("http://")
    monkeypatch.delenv("DIDIT_URL")
    assert Didit().about.place == "verification.didit.me"


@pytest.mark.parametrize("kind", [FacePlusPlus, Didit])
def test_without_a_key_one_sentence_says_where_it_belongs(monkeypatch, kind):
    with pytest.raises(ModelError, match=r"set (FACEPP|DIDIT)_API_KEY"):
        kind()
    for name in ("FACEPP_API_KEY", "FACEPP_API_SECRET", "DIDIT_API_KEY"):
        monkeypatch.setenv(name, "a key\nX-Evil: 1")
    with pytest.raises(ModelError, match="no key"):
        kind()
