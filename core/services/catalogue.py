"""Which services can be asked, and the one door to them: nothing is sent before somebody agreed to one sentence."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from ..errors import FaceVeilError, InputError, ModelError
from ..plain import did_you_mean, plain
from .judge import OnlineJudge
from .patience import CALLS, Budget, Patience
from .service import About, Service, adopted, ours

GROUP = "faceveil.judges"
"""Other packages' services: name = "package.module:Class"."""
BUILT_IN = {"rekognition": "Rekognition", "facepp": "FacePlusPlus", "didit": "Didit"}
"""Module of this room to the class in it."""


def service_names() -> list[str]:
    """Those built in, then those that installed packages bring; nothing of theirs is imported."""
    return list(dict.fromkeys([*BUILT_IN, *(entry.name for entry in _others())]))


def _others() -> list[EntryPoint]:
    return [entry for entry in entry_points(group=GROUP) if entry.name not in BUILT_IN]


def kind_of(name: str) -> type[Service]:
    """The class of a service, which knows what is to be said of it without any key."""
    if name in BUILT_IN:
        return getattr(importlib.import_module(f".{name}", __package__), BUILT_IN[name])
    entry = next((entry for entry in _others() if entry.name == name), None)
    if entry is None:
        known = service_names()
        hint = did_you_mean(name, known)
        raise InputError(f"There is no service called '{plain(name)}'.{hint} Known: {', '.join(known)}.")
    try:
        kind = entry.load()
        if adopted(kind.about).name != name:
            raise TypeError(f"its 'about' must be an About called '{name}'")
    except Exception as error:  # somebody else's program
        raise ModelError(
            f"The judge '{plain(name)}' of another package cannot be loaded ({type(error).__name__}: {plain(error)}). "
            "Update or remove that package."
        ) from error
    return kind


def notice(about: About, calls: int) -> str:
    """What goes where and what it costs, in one sentence."""
    return (
        f"crops of the faces in these photos, without the rest and without EXIF, go to {about.title} ({about.place}), "
        f"in at most {calls} calls, {about.price}; ask it about yourself, or about people who agreed"
    )


def load_judge(
    name: str,
    send: bool = False,
    calls: int = CALLS,
    *,
    budget: Budget | None = None,
    agree: str = "Say send=True to agree.",
    on_notice: Callable[[str], None] = lambda sentence: None,
    on_call: Callable[[], None] = lambda: None,
) -> OnlineJudge:
    """A service that judges. Unless `send` says that pictures may be sent, an error tells what would be.

    `calls` are the most it may be asked; several judges may share a `budget`. `agree` is how to agree, where that is
    asked otherwise than of this function; `on_call` is called before every call, and may raise.
    """
    kind, budget = kind_of(name), budget or Budget(calls)
    if not send:
        raise InputError(
            f"Nothing was sent. With '{name}' as a judge, {notice(adopted(kind.about), budget.calls)}. {agree}"
        )
    try:
        judge = OnlineJudge(kind())
    except FaceVeilError:
        raise
    except Exception as error:  # somebody else's program
        raise ours(error, name) from error
    judge.patience = Patience(budget, judge.about.pause, on_call)
    on_notice(f"{name}: {notice(judge.about, budget.calls)}.")
    return judge
