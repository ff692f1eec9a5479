"""`faceveil protect CLIP -o OUT`: a film whose faces recognisers no longer match, frame after frame."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Cancelled, InputError
from ..plain import plain
from .judging import refuse_services_for
from .options import load_sides, pick_device, progress_bar, refuse_overwriting
from .pictures import inputs_of
from .settings import settings_of
from .telling import tell
from .veiling import veil_and_recipe, whose
from .written import write_json

if TYPE_CHECKING:
    from ..film.run import Finished
    from ..optimise import Step
    from ..recognisers.judge import Judge
    from ..recognisers.recogniser import Recogniser
    from ..search.objective import Objective

_NOT_OF_FILMS = ("mask", "decoy", "method", "makeup", "autoencoder", "budget")
_OF_ONE_PHOTO = ("sheet", "gallery")
"""What is for photos and does no harm where films lie among them."""


def protect_film(options: argparse.Namespace) -> int:
    """Watch it, find veils, dress every frame, and look at the finished file."""
    from ..film.files import container_of
    from ..film.protect import veils_of
    from ..veil.files import save_veil

    _refuse(options, (*_OF_ONE_PHOTO, "ray", "jobs"))
    source, target = Path(options.photos[0]), _target(options)
    container_of(target)
    refuse_overwriting([target, options.report, options.save_veil], inputs_of(options))
    try:
        done = make_filming(options)(source, target, source.name)
    except (KeyboardInterrupt, Cancelled):
        tell(f"What is done of '{plain(source.name)}' is kept: the same command goes on from there.")
        raise
    veils, notes = veils_of(done.worn), done.notes
    if options.save_veil:
        save_veil(veils[0], options.save_veil)
        others = len(veils) - 1
        notes += [f"{others} further veils were found; {options.save_veil} holds the first."] if others else []
    if options.report:
        write_json(options.report, {"film": source.name, **done.as_dict(), "notes": notes})
    tell(f"{source.name} -> {target}", *lines_of(done), *(f"note: {note}" for note in notes))
    return 0


def make_filming(
    options: argparse.Namespace, sides: tuple[Sequence[Recogniser], Sequence[Judge]] | None = None
) -> Callable[..., Finished]:
    """What protects one film after the other, from file to file, with a bar where there is a title; who protects and
    who judges is loaded once, where it is not there already."""
    from ..film.files import about, pyav
    from ..film.protect import Wardrobe
    from ..film.run import protect_file
    from ..model_files.hashes import content_of
    from ..verdict.verify import witnesses_of

    _refuse(options, _NOT_OF_FILMS)
    if options.mode != "dodge":
        raise InputError(f"A film takes no --mode {options.mode}: leave it out, or protect single photos.")
    refuse_services_for(options, "films")
    device = pick_device(options.device)
    veil, owned, recipe = veil_and_recipe(options)
    surrogates, judges = sides or load_sides(options, device)
    if not surrogates and (options.refine or not options.veil):
        raise InputError("No recogniser was named to protect against: name at least one.")
    owners = whose(owned, [*surrogates, *judges], options.far, device)
    settings = settings_of(options, recipe)

    def film(source: Path, target: Path, title: str | None = None) -> Finished:
        seen, known = 0, about(source)
        aim = replace(recipe.aim, far=options.far)
        wardrobe = Wardrobe(replace(recipe, aim=aim), surrogates, veil, options.refine, options.seed, owners)
        with ExitStack() as bars:
            watched, written = (
                bars.enter_context(progress_bar("frame", f"{title}, {what}")) if title else _silent
                for what in ("watched", "written")
            )

            def on_watched(count: int) -> None:
                nonlocal seen
                seen = count
                watched(seen, max(known.frames, seen))

            def on_step(step: Step, objective: Objective) -> None:
                watched(seen, max(known.frames, seen), searching=f"{step.index + 1}/{step.of}")

            wardrobe.on_step = on_step
            return protect_file(
                source,
                known,
                target,
                wardrobe,
                witnesses_of(surrogates, judges),
                options.far,
                options.faces,
                keep_metadata=options.keep_metadata,
                on_watched=on_watched,
                on_written=lambda count: written(count, max(known.frames, count)),
                detector=options.detector,
                device=device,
                settings=f"{settings}:{content_of(source)}:{pyav().__version__}",
            )

    return film


def lines_of(done: Finished) -> list[str]:
    from ..film.protect import veils_of

    rate = done.frames / max(done.seconds_writing, 1e-6)
    return [
        f"{done.frames} frames, {len(done.worn)} faces in its shots, {len(veils_of(done.worn))} veils; watched and "
        f"searched in {done.seconds_searching:.1f} s, written in {done.seconds_writing:.1f} s ({rate:.1f} frames a "
        "second)",
        *(each.line() for each in done.verdicts),
    ]


def _silent(*counts: object, **figures: object) -> None:
    """The bar of a film among many: the run has one."""


def _refuse(options: argparse.Namespace, names: Sequence[str]) -> None:
    given = next((name for name in names if getattr(options, name)), None)
    if given:
        raise InputError(f"A film takes no --{given.replace('_', '-')}: leave it out, or protect single photos.")


def _target(options: argparse.Namespace) -> Path:
    from .pictures import target_of

    return target_of(Path(options.photos[0]), Path(options.out), options.overwrite)
