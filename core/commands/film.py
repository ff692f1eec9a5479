"""`faceveil protect CLIP -o OUT`: a film whose faces recognisers no longer match, frame after frame."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .denoising import pick_recipe
from .options import STRENGTHS, load_sides, progress_bar, refuse_overwriting
from .telling import tell
from .written import text_file

if TYPE_CHECKING:
    from ..film.protect import Wardrobe
    from ..optimise import Step
    from ..protection.objective import Objective
    from ..recognisers.recogniser import Recogniser

_NOT_OF_FILMS = ("mask", "sheet", "decoy", "gallery", "method", "makeup", "autoencoder", "budget", "ray", "jobs")


def protect_film(options: argparse.Namespace) -> int:
    """Watch it, find veils, dress every frame, and look at the finished file."""
    from ..film.files import about, container_of, frames_of, rewrite
    from ..film.protect import dress, find_veils
    from ..film.turning import turned
    from ..film.verdict import judge
    from ..veil.files import save_veil
    from ..verdict.verify import Witness

    given = next((name for name in _NOT_OF_FILMS if getattr(options, name)), None)
    if given:
        raise InputError(f"A film takes no --{given.replace('_', '-')}: leave it out, or protect single photos.")
    source, target = Path(options.photos[0]), _target(options)
    container_of(target)
    refuse_overwriting([target, options.report, options.save_veil], [source, options.veil])
    film = about(source)
    surrogates, judges = load_sides(options.surrogate, options.judge, "cpu")
    wardrobe = _wardrobe(options, surrogates)
    watched = time.perf_counter()
    with progress_bar("frame", f"{source.name}, watched") as bar:
        done = 0

        def searching(step: Step, objective: Objective) -> None:
            bar(done, max(film.frames, done), searching=f"{step.index + 1}/{step.of}")

        def seen(count: int) -> None:
            nonlocal done
            done = count
            bar(done, max(film.frames, done))

        wardrobe.on_step = searching

        worn = find_veils(frames_of(source), wardrobe, options.faces, turned(film.quarters), seen)
    dressing = time.perf_counter()
    with progress_bar("frame", f"{source.name}, written") as bar:
        frames = rewrite(
            source,
            target,
            lambda index, frame: dress(index, frame, worn),
            options.keep_metadata,
            lambda done: bar(done, max(film.frames, done)),
        )
    ended = time.perf_counter()
    witnesses = [Witness(r, "surrogate") for r in surrogates] + [Witness(r) for r in judges]
    verdicts = judge(frames_of(target), worn, witnesses, options.far, frames) if witnesses else []
    notes = film.told(frames)
    if options.save_veil:
        save_veil(worn[0].veil, options.save_veil)
        others = len({id(each.veil) for each in worn}) - 1
        notes += [f"{others} further veils were found; {options.save_veil} holds the first."] if others else []
    figures = {
        "frames": frames,
        "people_and_shots": len(worn),
        "veils": len({id(each.veil) for each in worn}),
        "seconds_watching_and_searching": dressing - watched,
        "seconds_dressing": ended - dressing,
    }
    if options.report:
        with text_file(options.report) as file:
            told = {"film": source.name, **figures, "verdicts": [asdict(each) for each in verdicts], "notes": notes}
            file.write(json.dumps(told, indent=1) + "\n")
    tell(
        f"{source.name} -> {target}",
        f"{frames} frames, {figures['people_and_shots']} faces in its shots, {figures['veils']} veils; watched and "
        f"searched in {dressing - watched:.1f} s, written in {ended - dressing:.1f} s "
        f"({frames / max(ended - dressing, 1e-6):.1f} frames a second)",
        *(each.line() for each in verdicts),
        *(f"note: {note}" for note in notes),
    )
    return 0


def _target(options: argparse.Namespace) -> Path:
    from .pictures import target_of

    return target_of(Path(options.photos[0]), Path(options.out), options.overwrite)


def _wardrobe(options: argparse.Namespace, surrogates: list[Recogniser]) -> Wardrobe:
    from ..film.protect import Wardrobe
    from ..recipes import choose
    from ..veil.files import load_veil

    veil = load_veil(options.veil) if options.veil else None
    if options.refine and not veil:
        raise InputError("--refine goes on from a veil: name it with --veil FILE.")
    recipe = pick_recipe(options)
    if veil and not (options.strength or options.recipe) and veil.origin.recipe in STRENGTHS:
        recipe = choose(veil.origin.recipe)
    if not surrogates and (veil is None or options.refine):
        raise InputError("No recogniser was named to protect against: name at least one.")
    recipe = replace(recipe, aim=replace(recipe.aim, far=options.far))
    return Wardrobe(recipe, surrogates, veil, options.refine, options.seed)
