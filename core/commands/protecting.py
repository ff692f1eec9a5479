"""What protecting one photo and protecting many share: models as the options name them, and one photo done."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .apart import Copies
from .denoising import makeup_terms, pick_engines
from .film import make_filming
from .options import load_sides, pick_device, progress_bar
from .pictures import naming, notes_on, read_faces
from .veiling import veil_and_recipe, whose

if TYPE_CHECKING:
    from torch import Tensor

    from ..film.run import Finished
    from ..images import Photo
    from ..optimise import Step
    from ..photo.protector import Protector
    from ..search.objective import Objective
    from ..verdict.report import Report
    from .many import Work


def make_protector(options: argparse.Namespace) -> Protector:
    from ..photo.protector import Protector

    device = pick_device(options.device)
    if options.mode == "decoy" and not options.decoy:
        raise InputError("Decoy mode needs a face to resemble: --decoy FACE.png, a synthetic or consenting one.")
    if options.decoy and options.mode != "decoy":
        raise InputError("--decoy was given without --mode decoy.")
    veil, owned, recipe = veil_and_recipe(options)
    if options.save_veil and veil is None and not recipe.makes_veil:
        raise InputError(
            f"'{recipe.name}' changes pixels or a latent of this one photo, which is no veil: leave out --save-veil."
        )
    surrogates, judges = load_sides(options, device)
    return Protector(
        recipe=recipe,
        surrogates=surrogates,
        judges=judges,
        gallery=read_faces(options.gallery, device),
        decoys=read_faces(options.decoy, device, "decoy"),
        **pick_engines(options, recipe, device),
        terms=makeup_terms(options, device),
        faces=options.faces,
        detector=options.detector,
        far=options.far,
        seed=options.seed,
        device=device,
        veil=veil,
        refine=options.refine,
        whose=whose(owned, [*surrogates, *judges], options.far, device),
    )


def make_protecting(options: argparse.Namespace) -> Work:
    """For many photos and films: models are loaded once."""
    from ..film.files import is_film

    protector, filming = make_protector(options), None
    copies = None if options.apart is None else Copies(options, protector.device)

    def work(source: Path, target: Path, sheet: Path | None) -> tuple[Report | Finished, list[str]]:
        nonlocal filming
        if not is_film(source):
            apart = copies.before(target) if copies else ()
            protected = protect_quietly(protector, source, target, sheet, options, apart=apart)
            if copies:
                copies.add(target)
            return protected
        filming = filming or make_filming(options, (protector.surrogates, protector.judges))
        done = filming(source, target)
        return done, done.notes

    return work


def protect_quietly(
    protector: Protector,
    source: Path,
    target: Path,
    sheet: Path | None,
    options: argparse.Namespace,
    bar_title: str | None = None,
    apart: Sequence[Tensor] = (),
) -> tuple[Report, list[str]]:
    """One photo from file to file; nothing is written unless all of it succeeds.

    `apart` are copies of the same person that were made before.
    """
    from ..faces.masks import fit_mask
    from ..images import check_target, read_mask, read_photo, to_bchw, write_photo
    from ..veil.files import save_veil
    from ..verdict.sheet import write_sheet

    photo = read_photo(source)
    check_target(target, [source], photo)
    if sheet:
        check_target(sheet, [source, target])
    mask = fit_mask(read_mask(options.mask), photo.height, photo.width) if options.mask else None
    with naming("photo", source), ExitStack() as bars:
        bar = bars.enter_context(progress_bar("it", bar_title)) if bar_title else None

        def show(step: Step, objective: Objective | None) -> None:
            if bar is None:
                return
            scores = objective.scores if objective else None
            closest = {name: f"{float(cosines.max()):.3f}" for name, cosines in (scores or {}).items()}
            bar(step.index + 1, step.of, **closest)

        protected, report, veil = protector.with_veil(photo, mask, show, apart=apart)
        notes = [kept_apart(protector, protected, apart)] if apart else []
    write_photo(protected, target, keep_metadata=options.keep_metadata, sources=[source])
    if options.save_veil and veil is not None:
        save_veil(veil, options.save_veil)
    if sheet:
        write_sheet(to_bchw(photo.pixels), to_bchw(protected.pixels), report, sheet, sources=[source, target])
    return report, [*notes, *notes_on(photo, target, report)]


def kept_apart(protector: Protector, protected: Photo, apart: Sequence[Tensor]) -> str:
    """Whether anybody who is asked about a copy matches it with earlier ones."""
    from ..images import image_of
    from ..verdict.linked import in_words, linked

    picture = image_of(protected).to(protector.device)
    return in_words(linked(picture, apart, protector.witnesses, protector.far, protector.detector))
