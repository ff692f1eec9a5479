"""All attacks by name, each with the strengths at which it is tried: the curve says more than a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..errors import InputError
from ..plain import meant, plain
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from . import cleaning, filters, geometry
from .scene import Scene
from .unwarp import unwarped
from .words import named


@dataclass(frozen=True)
class Attack:
    """What it does, and how strongly it is tried; an attack without strengths is done or not."""

    change: Callable[..., list[Scene]]
    """One face and a strength to what a judge is shown of it; of several, embeddings are averaged."""
    strengths: tuple[float, ...] = ()
    bounds: tuple[float, float] = (0.0, 1.0)
    """Strengths that mean anything."""
    tool: str = ""
    """What it works with where nobody names another; one that has a tool is handed its name first."""
    cheap: bool = True
    """Anybody's editor does it in a second, and it needs nothing but the picture."""
    opens: Callable[[str, str], object] | None = None
    """Loads a tool for a device, or says what is wrong with it."""


def _filter(change: Callable[[Scene, float], Tensor], bounds: tuple[float, float], *strengths: float) -> Attack:
    return Attack(lambda scene, strength: [scene.with_picture(change(scene, strength))], strengths, bounds)


ATTACKS: Mapping[str, Attack] = {
    "blur": _filter(filters.blur, (0.1, 32), 0.5, 1, 2, 3, 4),
    "median": _filter(filters.median, (1, 31), 3, 5, 7, 9),
    "bilateral": _filter(filters.bilateral, (0.005, 1), 0.03, 0.06, 0.12),
    "nlm": _filter(filters.nonlocal_means, (0.005, 1), 0.02, 0.04, 0.08),
    "jpeg": _filter(filters.jpeg, (1, 100), 75, 50, 30, 15),
    "webp": _filter(filters.webp, (1, 100), 75, 50, 30, 15),
    "avif": _filter(filters.avif, (1, 100), 75, 50, 30, 15),
    "scale": _filter(filters.down_up, (0.05, 1), 0.75, 0.5, 0.35, 0.25),
    "gamma": _filter(filters.gamma, (0.1, 10), 0.5, 0.7, 1.4, 2),
    "crop": Attack(geometry.cropped, (0.3, 0.15, 0.05, -0.05), (-0.3, 2)),
    "flip": Attack(geometry.mirror),
    "views": Attack(geometry.averaged, (2, 6, 10), (1, 10)),
    "size": Attack(geometry.laid_otherwise, (0.8, 0.9, 1.1, 1.25), (0.5, 2)),
    "box": Attack(geometry.laid_by_box),
    "symmetrise": Attack(geometry.symmetrised, (0.25, 0.5)),
    "detector": Attack(geometry.found_by, tool="scrfd", cheap=False, opens=geometry.detector),
    "unwarp": Attack(unwarped, (0.5, 1.0), cheap=False),
    "purify": Attack(cleaning.purified, tool=cleaning.BUNDLED, cheap=False),
    "autoencoder": Attack(
        cleaning.autoencoded, (1, 2, 4), (1, 16), tool=cleaning.BUNDLED, cheap=False, opens=cleaning.autoencoder
    ),
    "img2img": Attack(
        cleaning.redrawn, (0.05, 0.1, 0.2, 0.4), (0.01, 1), cleaning.BUNDLED, cheap=False, opens=cleaning.generator
    ),
}
GROUPS = {
    "cheap": tuple(name for name, attack in ATTACKS.items() if attack.cheap),
    "all": tuple(name for name in ATTACKS if name != "detector"),
}
"""Several at once; another detector needs a file, and is named by itself."""


@dataclass(frozen=True)
class Tried:
    """One attack at one strength."""

    name: str
    strength: float | None = None
    tool: str = ""

    @property
    def key(self) -> str:
        return named(self.name, self.strength, Path(self.tool).name)

    def __call__(self, scene: Scene) -> list[Scene]:
        attack = ATTACKS[self.name]
        change = partial(attack.change, self.tool or attack.tool) if attack.tool else attack.change
        return change(scene, 1.0 if self.strength is None else self.strength)


VERDICT = (Tried("blur", 2), Tried("scale", 0.35), Tried("flip"), Tried("size", 1.1), Tried("symmetrise", 0.5))
"""What every verdict tries: no detector has to look again, so all of them together cost a few networks' passes."""


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
        raise InputError(f"There is no attack '{name}'. Known: {', '.join(known)}.{meant(name, known)}")
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


@torch.inference_mode()
def seen_through(
    ensemble: Ensemble[Recogniser], scene: Scene, attacks: Sequence[Tried]
) -> dict[str, dict[str, Tensor]]:
    """By attack and recogniser, the embedding (1, dim) that is left to compare."""
    found: dict[str, dict[str, Tensor]] = {}
    for tried in attacks:
        views = [ensemble.embed(view.picture, view.face.points[None]) for view in tried(scene)]
        found[tried.key] = {
            name: normalize(torch.stack([view[name] for view in views]).sum(0), dim=1) for name in views[0]
        }
    return found
