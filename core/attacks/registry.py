"""All attacks by name, each with the strengths at which it is tried: the curve says more than a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

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
    others: bool = False
    """Works towards other photos of the person, which an opponent who looks for somebody has."""
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
    "unwarp": Attack(unwarped, (0.5, 1.0), cheap=False, others=True),
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
