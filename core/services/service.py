"""What a service is to us: what is said of it before it is asked, how it is asked, and what it may answer.

Whoever brings one of their own writes a class with these two members (docs/JUDGES.md has an example).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol

from ..errors import FaceVeilError, ModelError, ServiceError
from ..plain import plain


@dataclass(frozen=True)
class About:
    """What has to be known of a service before anything is sent to it. Similarities are from 0 to 1."""

    name: str
    """As `--judge` takes it."""
    title: str
    place: str
    """Where pictures go: a host, a region."""
    price: str
    """What a call costs, about, in words: "about $0.001 a call"."""
    keys: str
    """How to give it the key, as the end of a sentence: "set MINE_KEY in the environment"."""
    source: str = ""
    """The page that says all this."""
    family: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """False-accept rate ("1e-3") to threshold, where the service states such."""
    threshold: float | None = None
    """The threshold that it recommends without stating a rate."""
    thresholds_from: str = ""
    side: int = 1024
    """The longest side of a picture that is sent."""
    size: int = 4_000_000
    """The most bytes of a picture that it takes."""
    pause: float = 0.2
    """Seconds from one call to the next, at least."""


@dataclass(frozen=True)
class Answer:
    """How alike two faces are."""

    score: float | None
    """From 0 to 1; None where it found no face in one of the pictures."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Those that came with the answer, where a service sends its thresholds along."""


class Service(Protocol):
    """Made without arguments, once somebody has agreed to ask it; without its key it raises a `ModelError`."""

    about: About
    """Of the class, for it is read before there is an object; an object's own may know more, such as the region."""

    def compare(self, one: bytes, other: bytes) -> Answer:
        """Two PNG files with a face each. Raises `Busy` where it is worth trying again, else a `ServiceError`."""
        ...


class Busy(ServiceError):
    """It could not answer now: too many calls, a fault of its own, no connection. Worth another try."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after
        """Seconds that it asks to be left alone for."""


def adopted(about: object) -> About:
    """A service's description as our `About`. Inside ComfyUI this pack is imported under another name than the
    `faceveil` that a service's package imports, so that its classes are others than ours."""
    given = {one.name: getattr(about, one.name) for one in fields(About) if hasattr(about, one.name)}
    return about if isinstance(about, About) else About(**given)


def ours(error: Exception, name: str) -> ServiceError:
    """An error from another package as one of our classes, which may differ for the same reason (`adopted`)."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if Busy.__name__ in kinds:
        after = getattr(error, "after", None)  # another package's, and it may be anything
        return Busy(plain(error), float(after) if isinstance(after, (int, float)) else 0.0)
    if FaceVeilError.__name__ in kinds:
        return ServiceError(plain(error))
    return ServiceError(f"The judge '{plain(name)}' failed: {type(error).__name__}: {plain(error)}")


def key_from(name: str, about: About) -> str:
    """A key from the environment, the only place where it may stand: never an option, never a workflow."""
    found = os.environ.get(name, "").strip()
    if not found:
        raise ModelError(f"{about.title} has to know whose account to charge: {about.keys}.")
    if not (found.isascii() and found.isprintable()):
        raise ModelError(f"What {name} holds is no key: it has letters in it that no key has. Copy it again.")
    return found
