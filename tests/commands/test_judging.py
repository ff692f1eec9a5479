"""Which of the names behind `--judge` are services, and which are recognisers."""

from __future__ import annotations

import pytest

from faceveil.core.commands.judging import services_in, without_services
from faceveil.core.errors import InputError


def test_names_are_sorted_into_services_and_the_rest():
    names = ["dlib", "rekognition", "other.onnx", "rekognition", "facenet"]
    assert services_in(names) == ["rekognition"] and without_services(names) == ["dlib", "other.onnx", "facenet"]


@pytest.mark.parametrize(("name", "meant"), [("rekogniton", "rekognition"), ("face-pp", "facepp"), ("diddit", "didit")])
def test_a_slip_in_a_services_name_is_said_to_be_one(name, meant):
    with pytest.raises(InputError, match=f"no service called '{name}'. Did you mean '{meant}'"):
        without_services([name])


def test_a_file_of_nearly_that_name_is_a_recogniser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "didit2").write_bytes(b"")
    assert without_services(["didit2"]) == ["didit2"]
