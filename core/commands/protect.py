"""`faceveil protect PHOTO ... -o OUT`: photos come back that recognisers no longer match, and people still do."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FaceVeilError, InputError, OutputError
from .denoising import add_denoising, makeup_terms, pick_engines, pick_recipe
from .options import (
    add_device,
    add_judging,
    add_protecting,
    load_sides,
    pick_device,
    progress_bar,
    refuse_overwriting,
)
from .parser import output_path
from .pictures import naming, notes_on, read_faces

if TYPE_CHECKING:
    from ..optimise import Step
    from ..protection.objective import Objective
    from ..protector import Protector

_RECIPES = ("published-1", "published-2", "warp", "pixel-noise", "momentum-noise")
_OUT = (
    "the file to write (.png, .jpg, .webp, .tif, .bmp); a name without such an ending is a folder, made when missing. "
    "Several photos need a folder, and keep their names in it"
)


def add(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("protect", help="protect the faces in photos", description=__doc__)
    say = parser.add_argument
    say("photos", nargs="+", type=Path, metavar="PHOTO", help="photos, or folders of photos")
    say("-o", "--out", type=output_path, required=True, help=_OUT)
    add_protecting(parser)
    say("--recipe", choices=_RECIPES, metavar="NAME", help=f"{', '.join(_RECIPES)}: for comparison, not a strength")
    say("--budget", type=float, metavar="LPIPS", help="hold visibility (LPIPS-vgg on the face) at this value")
    say("--mode", choices=("dodge", "decoy"), default="dodge", help="dodge: match nobody; decoy: resemble the --decoy")
    say("--decoy", nargs="+", type=Path, default=[], metavar="IMG", help="a synthetic or consenting face")
    say(
        "--autoencoder",
        metavar="NAME_OR_FILE",
        help="a tiny autoencoder (taesd, taef1 ...) instead of the built-in one",
    )
    say("--mask", type=Path, metavar="IMG", help="change pixels only where this picture is white")
    say("--report", type=output_path, metavar="FILE.json", help="write the verdict as JSON; of several photos, a list")
    say("--keep-metadata", action="store_true", help="keep EXIF, place and camera included")
    add_denoising(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Protect one photo after another; one that fails is named, and the rest go on."""
    from ..images import photos_in

    jobs = list(plan(photos_in(options.photos), options.out))
    sheets = plan_sheets(jobs, options.sheet)
    inputs = [*(source for source, _ in jobs), *options.gallery, *options.decoy, options.mask]
    refuse_overwriting([*(target for _, target in jobs), *sheets, options.report], inputs)
    protector = make_protector(options)
    reports, failed = [], 0
    for (source, target), sheet in zip(jobs, sheets, strict=True):
        try:
            report = protect_file(protector, source, target, sheet, options)
        except FaceVeilError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            named = source.name in str(error)
            print(f"faceveil: {error}" if named else f"faceveil: {source.name}: {error}", file=sys.stderr)
            reports.append({"photo": source.name, "error": str(error)})
        else:
            reports.append({"photo": source.name, **report})
        if options.report:
            write_json(reports[0] if len(jobs) == 1 else reports, options.report)
    if failed:
        print(f"faceveil: {failed} of {len(jobs)} photos failed; the others are done.", file=sys.stderr)
    return 2 if failed else 0


def plan(photos: list[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each photo with the file to write. Several photos go into a folder and keep their names."""
    into_folder = len(photos) > 1 or out.is_dir() or not out.suffix
    if not into_folder:
        yield photos[0], out
        return
    if out.suffix and not out.is_dir():
        raise OutputError(f"There are {len(photos)} photos, so --out must be a folder; {out} looks like a file.")
    targets = [out / f"{photo.stem}{_suffix(photo)}" for photo in photos]
    taken: dict[str, Path] = {}
    for photo, target in zip(photos, targets, strict=True):
        other = taken.setdefault(target.name.casefold(), photo)  # many disks do not tell A.png from a.png
        if other is not photo:
            raise InputError(f"{other} and {photo} would both be written to {target}. Rename one, or use two folders.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made: {error.strerror}.") from error
    yield from zip(photos, targets, strict=True)


def _suffix(photo: Path) -> str:
    """A photo's own format, or PNG when that can only be read."""
    return ".png" if photo.suffix.lower() in (".gif", ".avif") else photo.suffix


def plan_sheets(jobs: list[tuple[Path, Path]], sheet: Path | None) -> list[Path | None]:
    """One sheet a photo: the named file, or with several photos NAME-STEM.png beside it."""
    if sheet is None or len(jobs) == 1:
        return [sheet] * len(jobs)
    stems = [target.stem for _, target in jobs]
    names = [target.stem if stems.count(target.stem) == 1 else target.name.replace(".", "-") for _, target in jobs]
    return [sheet.with_name(f"{sheet.stem}-{name}{sheet.suffix}") for name in names]


def make_protector(options: argparse.Namespace) -> Protector:
    from ..protector import Protector

    device = pick_device(options.device)
    if options.strength and options.recipe:
        raise InputError("Name a --strength or a --recipe, not both.")
    if options.mode == "decoy" and not options.decoy:
        raise InputError("Decoy mode needs a face to resemble: --decoy FACE.png, a synthetic or consenting one.")
    if options.decoy and options.mode != "decoy":
        raise InputError("--decoy was given without --mode decoy.")
    recipe = pick_recipe(options)
    surrogates, judges = load_sides(options.surrogate, options.judge, device)
    return Protector(
        recipe=recipe,
        surrogates=surrogates,
        judges=judges,
        gallery=read_faces(options.gallery, device),
        decoys=read_faces(options.decoy, device, "decoy"),
        **pick_engines(options, recipe, device),
        terms=makeup_terms(options, device),
        faces=options.faces,
        far=options.far,
        seed=options.seed,
        device=device,
    )


def protect_file(
    protector: Protector, source: Path, target: Path, sheet: Path | None, options: argparse.Namespace
) -> dict[str, object]:
    """One photo from file to file; nothing is written unless all of it succeeds."""
    from ..faces.masks import fit_mask
    from ..images import check_target, read_mask, read_photo, to_bchw, write_photo
    from ..verdict.sheet import write_sheet

    photo = read_photo(source)
    check_target(target, [source])
    mask = fit_mask(read_mask(options.mask), photo.height, photo.width) if options.mask else None
    with progress_bar("it", source.name) as bar, naming("photo", source):

        def show(step: Step, objective: Objective | None) -> None:
            scores = objective.scores if objective else None
            closest = {name: f"{float(cosines.max()):.3f}" for name, cosines in (scores or {}).items()}
            bar(step.index + 1, step.of, **closest)

        protected, report = protector(photo, mask, show)
    write_photo(protected, target, keep_metadata=options.keep_metadata, sources=[source])
    if sheet:
        write_sheet(to_bchw(photo.pixels), to_bchw(protected.pixels), report, sheet, sources=[source, target])
    notes = notes_on(photo, target)
    print(f"{source.name} -> {target}")
    print("\n".join([report.text(), *(f"note: {note}" for note in notes)]))
    return {**report.as_dict(), "notes": notes}


def write_json(reports: object, path: Path) -> None:
    """Write the reports so far, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The report could not be written to {path}: {error.strerror}.") from error
