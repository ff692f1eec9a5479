"""Options that several verbs share, so that one name means one thing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ..recognisers.recogniser import Recogniser


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
        help="recognisers that only judge (see: faceveil recognisers)",
    )
    parser.add_argument(
        "--far", default="1e-2", choices=("1e-1", "1e-2", "1e-3", "1e-4"), help="false-accept rate of the thresholds"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a picture of the verdict")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps ...")


def pick_device(name: str) -> str:
    """A torch device that works here; "auto" takes a GPU when there is one."""
    import torch

    from ..errors import InputError

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"The device '{name}' cannot be used here ({str(error).splitlines()[0]}). Try --device cpu."
        ) from error
    return name


@contextmanager
def progress_bar(unit: str, title: str | None = None) -> Iterator[Callable[..., None]]:
    """A bar on a terminal and nothing elsewhere; call what it gives with (done, of) and figures to show."""
    from tqdm import tqdm

    with tqdm(unit=unit, desc=title, leave=False, disable=None, unit_scale=unit == "B") as bar:

        def show(done: int, of: int, **figures: str) -> None:
            bar.total = of or None
            bar.set_postfix(figures, refresh=False)
            bar.update(done - bar.n)

        yield show


def load_recognisers(names: list[str], device: str) -> list[Recogniser]:
    """Recognisers by name or file, ready on the device."""
    from ..recognisers.catalogue import load_recogniser

    return [load_recogniser(name).to(device) for name in names]


def refuse_overwriting(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Before any work: no output may be an input or another output, and every output's folder must exist."""
    from ..errors import OutputError

    taken = {path.resolve(): "an input" for path in inputs if path is not None}
    for path in outputs:
        if path is None:
            continue
        real = path.resolve()
        if real in taken:
            raise OutputError(f"{path} is {taken[real]} already and will not be overwritten: take another name.")
        if path.is_dir() or not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: it is a folder, or its folder does not exist.")
        taken[real] = "another output"


def read_pictures(paths: list[Path], device: str) -> list[Tensor]:
    """Photos as (1, 3, H, W)."""
    from ..images import read_photo, to_bchw

    return [to_bchw(read_photo(path).pixels).to(device) for path in paths]
