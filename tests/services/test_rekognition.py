"""Amazon's client against moto's server, and against a double that answers with CompareFaces' documented errors."""

from __future__ import annotations

import json

import pytest
from service_double import Double, double

from faceveil.core.errors import ModelError, ServiceError
from faceveil.core.services.rekognition import Rekognition
from faceveil.core.services.service import Answer, Busy

boto3 = pytest.importorskip("boto3")


ACCOUNT = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture
def account(monkeypatch):
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def amazon():
    """One client for all tests, for making one takes a second, and the double that it talks to."""
    with pytest.MonkeyPatch.context() as patch, double() as server:
        for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": server.url, "no_proxy": "*"}.items():
            patch.setenv(name, value)
        yield Rekognition(), server


@pytest.fixture
def rekognition(amazon) -> Rekognition:
    return amazon[0]


@pytest.fixture
def server(amazon) -> Double:
    amazon[1].requests.clear()
    return amazon[1]


def test_motos_server_is_understood(account, monkeypatch, caplog):
    moto = pytest.importorskip("moto.server")
    caplog.set_level("ERROR")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        answer = Rekognition().compare(b"one", b"other")
    finally:
        server.stop()
    assert 0 <= answer.score <= 1 and not answer.thresholds


def test_every_similarity_is_asked_for_and_the_best_counts(rekognition, server):
    server.answers((200, {"FaceMatches": [{"Similarity": 91.5}, {"Similarity": 3.0}], "UnmatchedFaces": []}))
    assert rekognition.compare(b"one", b"other") == Answer(0.915)
    (request,) = server.requests
    assert request.headers["x-amz-target"] == "RekognitionService.CompareFaces"
    sent = json.loads(request.body)
    assert sent["SimilarityThreshold"] == 0 and sent["QualityFilter"] == "NONE"
    assert set(sent["SourceImage"]) == set(sent["TargetImage"]) == {"Bytes"}
    assert rekognition.about.place.startswith("eu-west-1, http://127.0.0.1")


def test_a_stranger_is_not_alike_and_no_face_is_an_answer(rekognition, server):
    server.answers((200, {"FaceMatches": [], "UnmatchedFaces": [{}]}))
    assert rekognition.compare(b"one", b"other") == Answer(0.0)
    server.answers((400, {"__type": "InvalidParameterException", "message": "Request has invalid parameters"}))
    assert rekognition.compare(b"one", b"other") == Answer(None)


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (400, "ImageTooLargeException", ServiceError, "too large"),
        (400, "InvalidImageFormatException", ServiceError, "could not read"),
        (400, "AccessDeniedException", ServiceError, r"does not accept the key.*rekognition:CompareFaces"),
        (400, "UnrecognizedClientException", ServiceError, "does not accept the key"),
        (400, "LimitExceededException", ServiceError, "quota"),
        (400, "InvalidS3ObjectException", ServiceError, r"refused \(InvalidS3ObjectException\): why"),
        (400, "ThrottlingException", Busy, "asked too often"),
        (400, "ProvisionedThroughputExceededException", Busy, "asked too often"),
        (500, "InternalServerError", Busy, "fault of its own"),
        (503, "ServiceUnavailable", Busy, r"fault of its own \(503\)"),
    ],
)
def test_documented_errors_are_one_sentence_each(rekognition, server, status, code, kind, message):
    server.answers((status, {"__type": code, "message": "why"}))
    with pytest.raises(ServiceError, match=message) as error:
        rekognition.compare(b"one", b"other")
    assert type(error.value) is kind and len(server.requests) == 1, "trying again is ours"


def test_who_cannot_be_reached_is_worth_another_try(account, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Busy, match="could not be reached"):
        Rekognition().compare(b"one", b"other")


def test_what_amazons_settings_lack_is_said(monkeypatch):
    with pytest.raises(ModelError, match="AWS_ACCESS_KEY_ID"):
        Rekognition()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with pytest.raises(ModelError, match="AWS_DEFAULT_REGION"):
        Rekognition()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ModelError, match="settings are not usable"):
        Rekognition()
