"""Attacks as they are named on a command line, and their tools opened before anything is tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..plain import did_you_mean, plain
from .registry import ATTACKS, GROUPS, Tried


def attacks_of(specs: Sequence[str]) -> tuple[Tried, ...]:
    """From NAME, NAME=STRENGTH,STRENGTH, NAME:TOOL=STRENGTH or a group's name, each once."""
    found = [tried for spec in specs for name in GROUPS.get(spec, (spec,)) for tried in _read(name)]
    _refuse_namesakes(found)
    return tuple(dict.fromkeys(found))


def _refuse_namesakes(found: Sequence[Tried]) -> None:
    """Results are kept by a tool's last name, so that they mean the same on another machine."""
    tools: dict[tuple[str, str], str] = {}
    for tried in found:
        first = tools.setdefault((tried.name, Path(tried.tool).name), tried.tool)
        if Path(first) != Path(tried.tool):
            raise InputError(
                f"'{plain(first)}' and '{plain(tried.tool)}' end in the same name, and their results could not be told "
                "apart. Rename one of them."
            )


def open_tools(attacks: Sequence[Tried], device: str) -> None:
    """Load what attacks work with, so that a wrong tool is named before hours of work and not after."""
    for tried in {(tried.name, tried.tool): tried for tried in attacks}.values():
        attack = ATTACKS[tried.name]
        if attack.opens:
            attack.opens(tried.tool or attack.tool, device)


def _read(spec: str) -> list[Tried]:
    head, _, tail = spec.rpartition("=")
    strengths = _numbers(tail) if head else None
    name, _, tool = (spec if strengths is None else head).partition(":")
    attack = ATTACKS.get(name)
    if name in GROUPS:
        raise InputError(f"'{name}' is several attacks: name one of them to give it strengths.")
    if attack is None and name.partition("=")[0] in ATTACKS:
        raise InputError(f"In '{spec}' strengths must be numbers with commas between.")
    if attack is None:
        known = [*ATTACKS, *GROUPS]
        raise InputError(f"There is no attack '{name}'. Known: {', '.join(known)}.{did_you_mean(name, known)}")
    if tool and not attack.tool:
        raise InputError(f"The attack '{name}' works with nothing that could be named: leave out ':{tool}'.")
    if strengths and not attack.strengths:
        raise InputError(f"The attack '{name}' is done or not: leave out '={tail}'.")
    least, most = attack.bounds
    if strengths and not all(least <= each <= most for each in strengths):
        raise InputError(f"The attack '{name}' takes {least:g} to {most:g}, which '{tail}' is not.")
    return [Tried(name, each, tool) for each in strengths or attack.strengths] or [Tried(name, None, tool)]


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return None
