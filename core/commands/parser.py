"""How the command line reads its arguments: every mistake is one line that says where to read on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from ..errors import InputError
from ..plain import plain
from .telling import shortened


class Parser(argparse.ArgumentParser):
    """argparse's own errors begin with a usage of twenty lines, under which the mistake is lost."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{shortened(message)}. See: {self.prog} --help")


def output_path(text: str) -> Path:
    """A file or folder to write; an empty name would silently be the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty: name the file or folder to write")
    return Path(text)


def text_path(text: str) -> Path:
    """A file of text to write. A photo's name is a slip, and would be the end of that photo."""
    from ..images import SUFFIXES

    path = output_path(text)
    if path.suffix.lower() in SUFFIXES:
        raise argparse.ArgumentTypeError(f"'{plain(text)[:200]}' is the name of a photo, and this is to be text")
    return path


def place_name(text: str) -> str:
    """A file, folder or URL as it was typed: a path would make s3:/ of s3://."""
    output_path(text)
    return text


def job_count(text: str) -> int | str:
    """How many workers, or "auto"."""
    try:
        return text if text == "auto" else _between(text, 1, 10_000)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"'{text}' is neither auto nor a number of 1 or more") from None


def count(text: str) -> int:
    """Of tries, of lines: none are enough as well."""
    return _between(text, 0, 10_000)


def seed_number(text: str) -> int:
    """What a generator takes for a seed."""
    return _between(text, 0, 2**64 - 1)


def positive(text: str) -> int:
    """Of steps, pixels, pairs: so many that it is a slip of the keyboard are none."""
    return _between(text, 1, 10_000)


def seconds(text: str) -> float:
    try:
        if 0 < float(text) < float("inf"):
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{plain(text)[:40]}' is no number of seconds above 0")


def _between(text: str, low: int, high: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 20 and low <= int(text) <= high:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{plain(text)[:40]}' is no whole number from {low} to {high}")


def face_choice(text: str) -> str:
    """Which faces. "nearest" needs a point, which the command line has no option for."""
    if text in ("all", "largest") or (text.isascii() and text.isdecimal() and len(text) < 10):
        return text
    raise argparse.ArgumentTypeError(f"'{text}' is none of: all, largest, or a number (0 is the largest face)")
