"""`faceveil protect CLIP -o OUT`: a film whose faces recognisers no longer match, frame after frame."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .judging import refuse_services_for
from .options import load_sides, progress_bar, refuse_overwriting
from .telling import tell
from .veiling import veil_and_recipe
from .written import write_told

if TYPE_CHECKING:
    from ..film.protect import Wardrobe
    from ..optimise import Step
    from ..protection.objective import Objective
    from ..recognisers.recogniser import Recogniser

_NOT_OF_FILMS = ("mask", "sheet", "decoy", "gallery", "method", "makeup", "autoencoder", "budget", "ray", "jobs")


def protect_film(options: argparse.Namespace) -> int:
    """Watch it, find veils, dress every frame, and look at the finished file."""
    from ..film.files import about, container_of
    from ..film.protect import veils_of
    from ..film.run import protect_file
    from ..veil.files import save_veil
    from ..verdict.verify import witnesses_of

    given = next((name for name in _NOT_OF_FILMS if getattr(options, name)), None)
    if given:
        raise InputError(f"A film takes no --{given.replace('_', '-')}: leave it out, or protect single photos.")
    refuse_services_for(options, "films")
    source, target = Path(options.photos[0]), _target(options)
    container_of(target)
    refuse_overwriting([target, options.report, options.save_veil], [source, options.veil])
    film = about(source)
    surrogates, judges = load_sides(options, "cpu")
    wardrobe = _wardrobe(options, surrogates)
    with ExitStack() as bars:
        watched, written = (
            bars.enter_context(progress_bar("frame", f"{source.name}, {what}")) for what in ("watched", "written")
        )
        seen = 0

        def on_watched(count: int) -> None:
            nonlocal seen
            seen = count
            watched(seen, max(film.frames, seen))

        def on_step(step: Step, objective: Objective) -> None:
            watched(seen, max(film.frames, seen), searching=f"{step.index + 1}/{step.of}")

        wardrobe.on_step = on_step
        done = protect_file(
            source,
            film,
            target,
            wardrobe,
            witnesses_of(surrogates, judges),
            options.far,
            options.faces,
            keep_metadata=options.keep_metadata,
            on_watched=on_watched,
            on_written=lambda count: written(count, max(film.frames, count)),
        )
    veils, notes = veils_of(done.worn), done.notes
    if options.save_veil:
        save_veil(veils[0], options.save_veil)
        others = len(veils) - 1
        notes += [f"{others} further veils were found; {options.save_veil} holds the first."] if others else []
    figures = {
        "frames": done.frames,
        "people_and_shots": len(done.worn),
        "veils": len(veils),
        "seconds_watching_and_searching": done.seconds_searching,
        "seconds_dressing": done.seconds_writing,
    }
    if options.report:
        verdicts = [asdict(each) for each in done.verdicts]
        write_told(options.report, {"film": source.name, **figures, "verdicts": verdicts, "notes": notes})
    tell(
        f"{source.name} -> {target}",
        f"{done.frames} frames, {len(done.worn)} faces in its shots, {len(veils)} veils; watched and "
        f"searched in {done.seconds_searching:.1f} s, written in {done.seconds_writing:.1f} s "
        f"({done.frames / max(done.seconds_writing, 1e-6):.1f} frames a second)",
        *(each.line() for each in done.verdicts),
        *(f"note: {note}" for note in notes),
    )
    return 0


def _target(options: argparse.Namespace) -> Path:
    from .pictures import target_of

    return target_of(Path(options.photos[0]), Path(options.out), options.overwrite)


def _wardrobe(options: argparse.Namespace, surrogates: list[Recogniser]) -> Wardrobe:
    from ..film.protect import Wardrobe

    veil, recipe = veil_and_recipe(options)
    if not surrogates and (veil is None or options.refine):
        raise InputError("No recogniser was named to protect against: name at least one.")
    recipe = replace(recipe, aim=replace(recipe.aim, far=options.far))
    return Wardrobe(recipe, surrogates, veil, options.refine, options.seed)
