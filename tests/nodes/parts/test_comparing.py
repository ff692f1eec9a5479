"""What the page is sent of a protected picture, to show before and after and who still knows the face."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from faceveil.core.verdict.facts import FaceVerdict, Quality, RecogniserVerdict
from faceveil.core.verdict.report import Report
from faceveil.nodes.parts.comparing import SIDE, batches, compared, not_judged, shrunk, verdict_data
from faceveil.nodes.parts.guard_report import UNGUARDED

VIEW = Path(__file__).resolve().parents[3] / "docs" / "nodes" / "compare"


def row(name: str, after: float, half: float = 0.0, before: bool = True, threshold: float | None = 0.3, role="judge"):
    still = threshold is not None and max(after, half) > threshold
    return RecogniserVerdict(name, name, role, "1e-2", threshold, 1.0, after, 0.0, 0.0, half, before, still)


def face(*rows: RecogniserVerdict, paint: float = 0.1, worst: tuple[int, int] | None = None) -> FaceVerdict:
    return FaceVerdict((0, 0, 9, 9), rows, Quality(30, 0.9, None, None, 0.1, 0.5, 0.0, paint=paint, worst=worst))


@pytest.mark.parametrize(
    ("faces", "state", "counted"),
    [
        ([face(row("a", 0.1), row("b", 0.2))], "hidden", (2, 2)),
        ([face(row("a", 0.1), row("b", 0.4))], "partly", (2, 1)),
        # One that guided the search still matches: no judge does, but that is not all well.
        ([face(row("a", 0.1), row("b", 0.4, role="surrogate"))], "partly", (2, 1)),
        ([face(row("a", 0.5), row("b", 0.4))], "known", (2, 0)),
        ([face(row("a", 0.1)), face(row("a", 0.6))], "known", (1, 0)),
        ([face(row("a", 0.1, before=False))], "unknown", (0, 0)),
        ([face(row("a", 0.1, before=False), row("b", 0.1))], "hidden", (1, 1)),
    ],
)
def test_it_counts_who_knew_the_face_and_no_longer_does(faces, state, counted):
    verdict = verdict_data(Report(faces))
    assert (verdict["state"], verdict["matched_before"], verdict["hidden"]) == (state, *counted)


def test_a_bar_is_that_of_the_copy_which_is_most_alike():
    ((bar, other),) = verdict_data(Report([face(row("a", 0.1, half=0.25), row("b", 0.2, threshold=None))]))["faces"]
    assert (bar["after"], bar["copy"], bar["state"]) == (0.25, "half", "hidden")
    assert other["state"] == "unmeasured"


def test_a_picture_that_was_not_protected_says_so_and_shows_no_worst_place():
    picture = torch.rand(1, 40, 50, 3)
    shown = compared(picture, picture, None)
    assert shown.verdict["state"] == "untouched" and set(shown.views) == {"before", "after"}


def test_the_page_has_words_and_a_colour_for_pictures_that_nobody_judged():
    """In every language; the editor without recognisers is told of in English nowhere but in its report."""
    words = json.loads((VIEW / "words.json").read_text(encoding="utf-8"))
    states = [not_judged("edited")["state"], verdict_data(None)["state"]]
    assert all(len({language[state] for language in words.values()}) == len(words) for state in states)
    assert words["en"]["edited"] in UNGUARDED
    assert all(f'"{state}"' in (VIEW / "verdict.js").read_text(encoding="utf-8") for state in states)
    assert ".faceveil-edited" in (VIEW / "compare.css").read_text(encoding="utf-8")


def test_the_worst_place_is_that_of_the_face_where_most_shows_and_is_not_scaled():
    before, after = torch.zeros(1, 900, 1800, 3), torch.zeros(1, 900, 1800, 3)
    after[:, 700, 1500] = 1
    report = Report([face(row("a", 0.1), paint=0.2, worst=(50, 50)), face(row("a", 0.1), paint=0.4, worst=(1500, 700))])
    views = compared(before, after, report).views
    assert views["close_after"].shape == (1, 320, 320, 3) and views["close_after"].max() == 1
    assert views["close_before"].max() == 0
    assert views["after"].shape == (1, SIDE // 2, SIDE, 3)


def test_a_small_picture_is_sent_as_it_is():
    picture = torch.rand(1, 40, 50, 3)
    assert shrunk(picture) is picture


def test_a_batch_keeps_whose_views_are_whose(monkeypatch):
    pictures = [torch.full((1, 20, 30, 3), value) for value in (0.1, 0.2, 0.3)]
    reports = [None, Report([face(row("a", 0.1), worst=(3, 3))]), None]
    rows = [compared(each, each, report) for each, report in zip(pictures, reports, strict=True)]
    assert [(name, whose) for name, whose, _ in batches(rows)] == [
        ("before", [0, 1, 2]),
        ("after", [0, 1, 2]),
        ("close_before", [1]),
        ("close_after", [1]),
    ]
    data = sent(monkeypatch, rows)["faceveil"]
    assert [set(each["views"]) for each in data] == [{"before", "after"}, {*rows[1].views}, {"before", "after"}]
    assert data[2]["views"]["before"]["filename"] == f"{0.3:.1f}.png"
    # What the websocket carries.
    json.dumps(data)
    assert all(not each["views"] for each in sent(monkeypatch, rows, pictures=False)["faceveil"])


def sent(monkeypatch: pytest.MonkeyPatch, rows: list, **options: bool) -> dict:
    """As ComfyUI's own helper saves them, which is stood in for."""

    def preview(batch: torch.Tensor) -> SimpleNamespace:
        saved = [{"filename": f"{each.max():.1f}.png", "subfolder": "", "type": "temp"} for each in batch]
        return SimpleNamespace(as_dict=lambda: {"images": saved, "animated": (False,)})

    latest = ModuleType("comfy_api.latest")
    latest.ui = SimpleNamespace(PreviewImage=preview)
    monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    monkeypatch.delitem(sys.modules, "faceveil.nodes.parts.comparing", raising=False)
    from faceveil.nodes.parts.comparing import page_data

    monkeypatch.delitem(sys.modules, "faceveil.nodes.parts.comparing", raising=False)
    return page_data(rows, **options)


def test_the_pack_has_every_file_that_the_view_asks_for():
    served = {"view.js", "words.js", "verdict.js", "words.json", "compare.css"}
    assert {path.name for path in VIEW.iterdir()} == {"extension.js", *served}
    scripts = "".join(path.read_text(encoding="utf-8") for path in VIEW.glob("*.js"))
    assert all(f'"./{name}"' in scripts for name in served)
