"""The command line, called as a user calls it."""

from __future__ import annotations

import pytest
import shortening

from faceveil.core import cli
from faceveil.core.methods import recipes


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *arguments) -> str:
    """One sentence on stderr, exit code 2, no traceback."""
    code, _, err = run(capsys, *arguments)
    assert code == 2 and err.startswith("faceveil: ") and len(err.strip().splitlines()) == 1
    return err


def cut_short(patch: pytest.MonkeyPatch, iterations: int = 3) -> None:
    """A few iterations instead of many, in whatever recipe, until the patch is undone."""
    shortening.cut_short(recipes, iterations, patch.setitem, patch.setattr)
