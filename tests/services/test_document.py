"""The example of docs/JUDGES.md is a judge as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from faceveil.core.errors import ModelError, ServiceError
from faceveil.core.services import catalogue
from faceveil.core.services.catalogue import load_judge
from faceveil.core.services.http import Reply

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "JUDGES.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "example.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("my_package.judge", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "my_package.judge", module)
    (name, value) = re.search(r'\n(\w+) = "(.*)"\n```', PAGE).groups()
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [EntryPoint(name, value, group)])
    return module


def test_the_example_judges(example, monkeypatch, crops):
    with pytest.raises(ModelError, match="set MINE_KEY"):
        load_judge("mine", send=True)
    monkeypatch.setenv("MINE_KEY", "the-key")
    calls = []
    monkeypatch.setattr(example, "post_form", lambda *of: calls.append(of) or Reply(200, {"score": 87}, ""))
    judge = load_judge("mine", send=True)
    assert judge.alike(*crops) == 0.87 and judge.limit("1e-2").far == "1e-3"
    title, address, fields, pictures, headers = calls[0]
    assert title == "Mine" and address.startswith("https://") and not fields and headers == {"X-Key": "the-key"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    monkeypatch.setattr(example, "post_form", lambda *of: Reply(403, {}, "no"))
    with pytest.raises(ServiceError, match=r"Mine does not accept the key \(403\): set MINE_KEY"):
        judge.alike(*reversed(crops))


def test_every_service_that_is_built_in_is_described():
    for name in catalogue.BUILT_IN:
        about = catalogue.kind_of(name).about
        assert f"| `{name}` |" in PAGE and about.source in PAGE
        page = Path(__file__).resolve().parents[2] / "docs" / "nodes" / "docs" / "FaceVeilOnlineJudge.md"
        assert f"| `{name}` |" in page.read_text(encoding="utf-8")
