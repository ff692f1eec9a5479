"""The campaign: hostile cases of every kind, seeded, and a table of what became of them.

FACEVEIL_HOSTILE=2000 pytest tests/hostile tries that many; FACEVEIL_HOSTILE_SEED begins elsewhere.
"""

from __future__ import annotations

import random
import warnings

import pytest
from hostility import SEED, Tally

_TALLY = Tally()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def tally(request):
    """Judges cases; the test fails when any ended badly, once all are tried."""
    before = len(_TALLY.stories)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield _TALLY
    found = _TALLY.stories[before:]
    if found:
        pytest.fail(f"{len(found)} cases ended badly, seed {SEED}:\n" + "\n".join(found[:8]), pytrace=False)


@pytest.fixture
def chance(request):
    return random.Random(f"{SEED} {request.node.name}")


def pytest_terminal_summary(terminalreporter):
    if _TALLY.counts:
        terminalreporter.section(f"hostile cases, seed {SEED}")
        for line in _TALLY.table():
            terminalreporter.write_line(line)
