"""Options that several verbs share, so that one name means one thing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..plain import plain
from .judging import add_online, load_services, refuse_to_protect, without_services
from .parser import face_choice, output_path, seed_number
from .telling import tell

if TYPE_CHECKING:
    from ..recognisers.judge import Judge
    from ..recognisers.recogniser import Recogniser

STRENGTHS = ("light", "balanced", "strong")
"""`recipes.STRENGTHS`, by heart: declaring options must not load what recipes need."""
FARS = ("1e-1", "1e-2", "1e-3", "1e-4")
"""`calibrate.RATES`, by heart for the same reason."""


def add_protecting(parser: argparse.ArgumentParser) -> None:
    """Which faces, how much they may change, and who must no longer match them."""
    say = parser.add_argument
    names = "|".join(STRENGTHS)
    say("--strength", choices=STRENGTHS, metavar=names, help="how much may change (default: balanced)")
    say(
        "--surrogate",
        nargs="+",
        default=["auto"],
        metavar="NAME_OR_FILE",
        help="recognisers to protect against (default: auto, all that are built in and the strongest of each further "
        "family that is here and may be used for everything)",
    )
    add_faces(parser)
    say("--seed", type=seed_number, default=0, help="the same seed gives the same picture")


def add_faces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--faces",
        type=face_choice,
        default="all",
        metavar="all|largest|N",
        help="which faces (default: all; 0 is the largest)",
    )
    add_detector(parser)


def add_detector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detector",
        choices=("auto", "mtcnn", "scrfd"),
        default="auto",
        help="who finds faces: auto is the built-in mtcnn; scrfd is InsightFace's, where one of its files is here",
    )


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Who judges, against what, and where the report goes."""
    parser.add_argument(
        "--gallery",
        nargs="+",
        type=Path,
        default=[],
        metavar="IMG",
        help="other photos of the same person to match against",
    )
    parser.add_argument(
        "--judge",
        nargs="+",
        default=[],
        metavar="NAME_OR_FILE",
        help="recognisers, or services, that only judge (see: faceveil recognisers)",
    )
    add_online(parser)
    add_far(parser, "false-accept rate of the thresholds")
    parser.add_argument(
        "--research", action="store_true", help="auto may also take recognisers that are for research alone"
    )
    parser.add_argument("--sheet", type=output_path, metavar="FILE.png", help="write a picture of the verdict")


def add_far(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--far", default="1e-2", type=_as_known, choices=FARS, help=what)


def _as_known(rate: str) -> str:
    """However a known rate is written: .01 is 1e-2."""
    try:
        return next((known for known in FARS if float(known) == float(rate)), rate)
    except ValueError:
        return rate


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (mps: untested)")


def pick_device(name: str) -> str:
    """`devices.usable`, for verbs that have nothing heavy loaded yet."""
    from ..devices import usable

    return usable(name)


@contextmanager
def progress_bar(unit: str, title: str | None = None) -> Iterator[Callable[..., None]]:
    """A bar on a terminal and nothing elsewhere; call what it gives with (done, of) and figures to show."""
    from tqdm import tqdm

    title = plain(title) if title else None
    with tqdm(unit=unit, desc=title, leave=False, disable=None, unit_scale=unit == "B") as bar:

        def show(done: int, of: int, **figures: str) -> None:
            bar.total = of or None
            bar.set_postfix(figures, refresh=False)
            bar.update(done - bar.n)

        yield show


def settle_surrogates(options: argparse.Namespace) -> None:
    """Put names in the place of "auto" before anything is done or compared with earlier runs; say who is left out."""
    from ..recognisers.automatic import AUTO, expand, left_out

    if AUTO not in options.surrogate:
        return
    judges = without_services(options.judge)
    options.surrogate = expand(options.surrogate, judges, options.far, options.research)
    out = left_out(options.far, options.research)
    idle = [f"{name} ({why})" for name, why in out.items() if name not in (*options.surrogate, *options.judge)]
    if idle:
        tell(f"note: here, but without part unless named: {', '.join(idle)}.")


def load_recognisers(names: list[str], device: str) -> list[Recogniser]:
    """Recognisers by name or file, ready on the device; each once, however often it is named."""
    from ..recognisers.catalogue import load_recogniser

    return [load_recogniser(name).to(device) for name in _distinct(names).values()]


def load_judges(options: argparse.Namespace, names: list[str], device: str) -> list[Judge]:
    """Recognisers by name or file, and services, if `--online` agreed to them."""
    return [*load_recognisers(without_services(names), device), *load_services(options, names)]


def load_sides(options: argparse.Namespace, device: str) -> tuple[list[Recogniser], list[Judge]]:
    """Who protects and who judges. Whoever protects cannot judge as well: its verdict would be listed twice."""
    refuse_to_protect(options.surrogate)
    judges = without_services(options.judge)
    protecting = _distinct(options.surrogate)
    judging = {key: name for key, name in _distinct([*options.surrogate, *judges]).items() if key not in protecting}
    twice = [name for key, name in _distinct(judges).items() if key in protecting]
    if twice:
        tell(f"note: {', '.join(twice)} protects already and cannot judge as well; name another --judge.")
    services = load_services(options, options.judge)
    return load_recognisers(list(protecting.values()), device), [
        *load_recognisers(list(judging.values()), device),
        *services,
    ]


def _distinct(names: list[str]) -> dict[Path | str, str]:
    """Names by what they stand for; an error when two things go by one name, for reports could not tell them apart."""
    from ..errors import InputError
    from ..recognisers.catalogue import find

    found: dict[Path | str, str] = {}
    called: dict[str, Path | str] = {}
    for name in names:
        entry = find(name)
        key = real(entry.path) if entry.path else entry.name
        if called.setdefault(entry.name, key) != key:
            raise InputError(f"Two recognisers are called '{entry.name}': {called[entry.name]} and {key}. Rename one.")
        found.setdefault(key, name)
    return found


def real(path: Path) -> Path:
    """Without links, like `Path.resolve`, which fails for those that lead in circles."""
    return Path(os.path.realpath(path))


def refuse_overwriting(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Before any work: no output may be an input or another output, and each output's folder must be there and open."""
    from ..errors import OutputError
    from ..images import check_place
    from ..whole import is_stream, refuse_locked, refuse_special_file

    taken = {real(path): "an input" for path in inputs if path is not None}
    for path in outputs:
        if path is None:
            continue
        where = real(path)
        if where in taken:
            raise OutputError(f"{path} is {taken[where]} already and will not be overwritten: take another name.")
        check_place(path)
        if not is_stream(path):
            refuse_special_file(path)
            refuse_locked(path.parent)
        taken[where] = "another output"
