"""Services as judges: what goes where is said first, and `--online` agrees to it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..plain import did_you_mean, plain
from .parser import positive
from .telling import warn

if TYPE_CHECKING:
    from ..services.judge import OnlineJudge

_AGREE = "Add --online to agree."


def add_online(parser: argparse.ArgumentParser) -> None:
    """Whether what is named may go online, and how often services may be asked."""
    say = parser.add_argument
    say(
        "--online",
        action="store_true",
        help="go online for what is named: send face crops to services named as --judge; where there is a --model, let "
        "it be a name on the hub, and download it",
    )
    say("--online-calls", type=positive, default=50, metavar="N", help="at most so many calls to them (default: 50)")


def services_in(names: list[str]) -> list[str]:
    """Those of the names that are services, each once."""
    from ..services.catalogue import service_names

    known = service_names() if names else []
    return [name for name in dict.fromkeys(names) if name in known]


def without_services(names: list[str]) -> list[str]:
    """Those that are recognisers; a service's name with a slip of the fingers in it is said to be one."""
    services = services_in(names)
    rest = [name for name in names if name not in services]
    for name in rest:
        _refuse_slip(name)
    return rest


def _refuse_slip(name: str) -> None:
    from ..errors import InputError
    from ..recognisers.catalogue import entries
    from ..services.catalogue import service_names

    hint = did_you_mean(name, service_names())
    if hint and not Path(name).exists() and name not in {entry.name for entry in entries()}:
        raise InputError(f"There is no recogniser and no service called '{plain(name)}'.{hint}")


def load_services(options: argparse.Namespace, names: list[str]) -> list[OnlineJudge]:
    """Those of the names that are services, ready to be asked; what each is sent is said before."""
    from ..services.catalogue import load_judge
    from ..services.patience import Budget

    budget = Budget(options.online_calls)

    def say(sentence: str) -> None:
        warn(f"note: {sentence}")

    return [load_judge(name, options.online, budget=budget, agree=_AGREE, on_notice=say) for name in services_in(names)]


def refuse_to_protect(names: list[str]) -> None:
    from ..errors import InputError

    for name in services_in(names):
        raise InputError(f"'{name}' is a service, which gives no gradient to protect against: name it as a --judge.")


def refuse_services_for(options: argparse.Namespace, what: str) -> None:
    """A run over many would ask a service about everybody in it, and from several processes at once."""
    from ..errors import InputError

    for name in services_in(options.judge):
        raise InputError(f"'{name}' judges single photos, not {what}: leave it out, and ask it with faceveil verify.")
