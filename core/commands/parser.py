"""How the command line reads its arguments: every mistake is one line that says where to read on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from ..errors import InputError


class Parser(argparse.ArgumentParser):
    """argparse's own errors begin with a usage of twenty lines, under which the mistake is lost."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. See: {self.prog} --help")


def output_path(text: str) -> Path:
    """A file or folder to write; an empty name would silently be the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty: name the file or folder to write")
    return Path(text)


def place_name(text: str) -> str:
    """A file, folder or URL as it was typed: a path would make s3:/ of s3://."""
    output_path(text)
    return text


def job_count(text: str) -> int | str:
    """How many workers, or "auto"."""
    if text == "auto" or (text.isdecimal() and int(text) > 0):
        return text if text == "auto" else int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is neither auto nor a number of 1 or more")


def retry_count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number of 0 or more")


def face_choice(text: str) -> str:
    """Which faces. "nearest" needs a point, which the command line has no option for."""
    if text in ("all", "largest") or text.isdecimal():
        return text
    raise argparse.ArgumentTypeError(f"'{text}' is none of: all, largest, or a number (0 is the largest face)")
