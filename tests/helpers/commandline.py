"""The command line, called as a user calls it."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
    """A few iterations instead of many, in whatever recipe, also where a latent is searched and where our own way
    through a denoising is learned; and no look at how much of so little may show."""
    for table in (recipes.RECIPES, recipes._LATENTS):
        for name, recipe in list(table.items()):
            settings = replace(recipe.settings, iterations=iterations)
            patch.setitem(table, name, replace(recipe, settings=settings, budget=None))
    how = recipes.OUR_DENOISING
    learning = replace(how.learning, iterations=iterations)
    patch.setattr(recipes, "OUR_DENOISING", replace(how, learning=learning))
