"""How the command line reads its arguments: every mistake is one line that says where to read on."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from ..errors import InputError
from ..plain import did_you_mean, plain
from .telling import shortened

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What verbs are added to."""


class Parser(argparse.ArgumentParser):
    """argparse's own errors begin with a usage of twenty lines, under which the mistake is lost."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{shortened(message)}.{self._meant(message)} See: {self.prog} --help")

    def parse_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """What no option is known for is told by the verb that was asked, which knows what was meant."""
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            verb = verbs_of(self).get(getattr(options, "command", None) or "", self)
            verb.error(f"unrecognized arguments: {' '.join(rest)}")
        return options

    def _meant(self, message: str) -> str:
        """The name that was probably meant: of a verb or a choice that is none, or of an option; or what is missing."""
        if message.startswith("the following arguments are required") and "-o/--out" in message:
            return f" Name what to write: -o {options_of(self)['-o'].metavar or 'NEW.png'}."
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
        if choice:
            return did_you_mean(choice[1], re.findall(r"[^\s,']+", choice[2]))
        option = re.search(r"unrecognized arguments: .*?(--[\w-]+)", message, re.DOTALL)
        return did_you_mean(option[1], options_of(self)) if option else ""


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The verbs below a parser, by name."""
    found = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next((action.choices for action in found), {}))


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Every option that a parser takes, short and long, to what it stands for."""
    return dict(parser._option_string_actions)


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
