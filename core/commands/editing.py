"""What editing one photo and editing many share: models as the options name them, and one photo done."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from .masking import drawn, part_named
from .models import BUNDLED, load_model
from .options import load_sides, pick_device, progress_bar
from .pictures import naming, notes_on, read_faces

if TYPE_CHECKING:
    from torch import Tensor

    from ..images import Photo
    from ..methods.guard import GuardRecipe
    from ..methods.wish import Edit
    from ..optimise import Step
    from ..photo.editor import Editor
    from ..search.objective import Objective
    from ..search.recipe import Recipe
    from ..trajectory.record import Trajectory
    from ..trajectory.solvers import Moment
    from ..verdict.report import Report
    from .many import Work


def make_editing(options: argparse.Namespace) -> Work:
    """For many photos: models are loaded once."""
    editor = make_editor(options, pick_device(options.device))
    return lambda source, target, sheet: edit_quietly(editor, source, target, sheet, options)


def edit_quietly(
    editor: Editor | None,
    source: Path,
    target: Path,
    sheet: Path | None,
    options: argparse.Namespace,
    bar_title: str | None = None,
) -> tuple[Report | None, list[str]]:
    """One photo from file to file; nothing is written unless all of it succeeds. The first note says what was edited.

    Without an editor one is loaded, once it is known that the photo can be read, the wish met and the result written.
    """
    from ..images import check_target, read_photo, to_bchw, write_photo
    from ..trajectory.files import save_trajectory
    from ..trajectory.solvers import evaluations
    from ..verdict.sheet import write_sheet

    photo = read_photo(source)
    check_target(target, [source], photo)
    if sheet:
        check_target(sheet, [source, target])
    image = to_bchw(photo.pixels)
    mask, where = where_to_edit(options, photo, image, source)
    known, spent = known_path(options), 0
    new = options.trajectory is not None and known is None
    editor, edit_wish = editor or make_editor(options, pick_device(options.device)), wish(options)
    with naming("photo", source), ExitStack() as bars:
        shown = [bars.enter_context(progress_bar(unit, bar_title)) for unit in ("step", "it")] if bar_title else []

        def on_edit(moment: Moment) -> None:
            if shown:
                shown[0](moment.step + 1, moment.of)

        def on_protect(step: Step, objective: Objective | None) -> None:
            if shown:
                shown[1](step.index + 1, step.of)

        if new:
            known = editor.path_of(photo, mask, edit_wish, on_edit)
            spent = evaluations(edit_wish.solver, edit_wish.steps)
        done = editor(photo, mask, edit_wish, on_edit, on_protect, known)
    write_photo(done.photo, target, keep_metadata=options.keep_metadata, sources=[source])
    if new and known is not None:
        save_trajectory(known, options.trajectory)
    if done.report is not None and sheet:
        write_sheet(image, to_bchw(done.photo.pixels), done.report, sheet, sources=[source, target])
    notes = notes_on(photo, target, done.report) if done.report else []
    return done.report, [f"edited {where} ({spent + done.evaluations} evaluations of the model)", *notes]


def known_path(options: argparse.Namespace) -> Trajectory | None:
    """The one in the file of --trajectory, where that is there; before a model is loaded."""
    from ..trajectory.files import load_trajectory

    if options.trajectory is None or not options.trajectory.exists():
        return None
    return load_trajectory(options.trajectory)


def where_to_edit(options: argparse.Namespace, photo: Photo, image: Tensor, source: Path) -> tuple[Tensor, str]:
    """The mask, and in words what it covers."""
    from ..faces.masks import fit_mask
    from ..images import read_mask

    if options.mask:
        return fit_mask(read_mask(options.mask), photo.height, photo.width), "the mask"
    regions = options.region or part_named(options, options.prompt)
    return drawn(options, image, source, regions)[0], ", ".join(regions)


def recipe_of(options: argparse.Namespace) -> Recipe | GuardRecipe | None:
    """How the result is protected; None when it is not."""
    from ..methods import guard
    from ..methods.recipes import choose

    if options.no_protect:
        return None
    return guard.GuardRecipe() if options.in_loop else choose(options.strength)


def make_editor(options: argparse.Namespace, device: str) -> Editor:
    from ..methods.guard import GuardRecipe
    from ..methods.recipes import choose
    from ..photo.editor import Editor
    from ..photo.protector import Protector

    protector = None
    if not options.no_protect:
        surrogates, judges = load_sides(options, device)
        protector = Protector(
            recipe=choose(options.strength),
            surrogates=surrogates,
            judges=judges,
            gallery=read_faces(options.gallery, device),
            faces=options.faces,
            detector=options.detector,
            far=options.far,
            seed=options.seed,
            device=device,
        )
    denoiser, autoencoder = load_model(options, device)
    size = options.size or (256 if options.model == BUNDLED else 512)
    in_loop = GuardRecipe() if options.in_loop and protector else None
    return Editor(denoiser, autoencoder, size, protector, in_loop, device)


def wish(options: argparse.Namespace) -> Edit:
    from ..engines.words import refuse_unknown
    from ..methods.wish import Edit

    if options.model == BUNDLED:
        refuse_unknown(options.prompt)
    return Edit(
        options.prompt,
        options.source_prompt,
        options.guidance,
        steps=options.steps,
        solver=options.solver,
        editor=options.editor,
        inject=options.inject,
        seed=options.seed,
    )
