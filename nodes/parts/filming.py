"""Films and long batches of frames, protected with one veil for each person and shot. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from ...core.errors import InputError
from ...core.film import run
from ...core.film.files import CONTAINERS, about
from ...core.film.frames import Picture
from ...core.film.protect import Wardrobe, dress, find_veils, veils_of
from ...core.film.verdict import judge
from ...core.film.worn import Worn
from ...core.methods.recipes import choose
from ...core.optimise import Step
from ...core.recognisers.recogniser import Recogniser
from ...core.search.objective import Objective
from ...core.veil.veil import Veil
from ...core.verdict.verify import Witness
from .veiling import LOOKS_LIKE_NONE

Shown = Callable[[float, str], None]
"""Called with the share of the work that is done, from 0 to 1, and what is being done."""


@dataclass(frozen=True)
class Filming:
    """How the faces of a film are protected, whether it is a file or a batch of frames, and who judges the result."""

    wardrobe: Wardrobe
    which: str
    """Which faces of a frame."""
    amount: float
    witnesses: Sequence[Witness]
    show: Shown
    device: str = "cpu"

    @property
    def far(self) -> str:
        """The false-accept rate that was searched for is the one that is judged by."""
        return self.wardrobe.recipe.aim.far


def wardrobe_of(
    strength: str, far: str, seed: int, surrogates: Sequence[Recogniser], veil: Sequence[Veil | None] | None
) -> Wardrobe:
    """Who gets which veil; a batch's veils are as many faces', of which a film takes one."""
    if veil is not None and (len(veil) != 1 or veil[0] is None):
        raise InputError(
            LOOKS_LIKE_NONE if veil and veil[0] is None else "A film takes one veil: connect a single one."
        )
    recipe = choose(strength)
    return Wardrobe(replace(recipe, aim=replace(recipe.aim, far=far)), surrogates, veil[0] if veil else None, seed=seed)


def protect_file(source: Path, target: Path, how: Filming) -> tuple[str, list[Veil]]:
    """A film from file to file: what was measured in words, and the veils that were worn."""
    film = about(source)
    total = max(film.frames, 1)
    how.wardrobe.on_step = _searching(how.show)
    done = run.protect_file(
        source,
        film,
        target,
        how.wardrobe,
        how.witnesses,
        how.far,
        how.which,
        how.amount,
        on_watched=lambda count: how.show(0.4 * min(count / total, 1), "watching"),
        on_written=lambda count: how.show(0.4 + 0.5 * min(count / total, 1), "writing"),
        device=how.device,
    )
    how.show(1.0, "done")
    lines = [*(each.line() for each in done.verdicts), *done.notes]
    return _text(done.frames, done.worn, lines), veils_of(done.worn)


def protect_batch(frames: Tensor, rate: float, how: Filming) -> tuple[str, list[Veil]]:
    """Frames (B, H, W, C) of a film, changed in place."""
    total = len(frames)

    def pictures() -> list[tuple[float, Picture]]:
        return [(index / rate, Picture(pixels, how.device)) for index, pixels in enumerate(frames)]

    how.wardrobe.on_step = _searching(how.show)
    worn = find_veils(
        pictures(), how.wardrobe, how.which, on_frame=lambda done: how.show(0.4 * done / total, "watching")
    )
    for index, (_, picture) in enumerate(pictures()):
        dress(index, picture, worn, how.amount)
        how.show(0.4 + 0.5 * (index + 1) / total, "writing")
    verdicts = judge(pictures(), worn, how.witnesses, how.far, total) if how.witnesses else []
    how.show(1.0, "done")
    return _text(total, worn, [each.line() for each in verdicts]), veils_of(worn)


def suffix_for(source: Path) -> str:
    """A container that holds whatever the film has."""
    return source.suffix.lower() if source.suffix.lower() in CONTAINERS else ".mkv"


def _searching(show: Shown) -> Callable[[Step, Objective], None]:
    return lambda step, objective: show(0.0, f"searching {step.index + 1} of {step.of}")


def _text(frames: int, worn: Sequence[Worn], lines: Sequence[str]) -> str:
    veils = len(veils_of(worn))
    return "\n".join(
        [f"{frames} frames, {len(worn)} faces in its shots, {veils} veil{'' if veils == 1 else 's'}.", *lines]
    )
