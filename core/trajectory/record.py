"""The record of a path: latents and velocities, looked up by their level of noise and never by a bare index."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError, ModelError

_SAME = 1e-5
FORMAT = "faceveil-trajectory-1"


@dataclass
class Series:
    """Tensors by sigma, kept in order on the CPU, so that a long path does not fill a graphics card."""

    sigmas: list[float] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def put(self, sigma: float, value: Tensor) -> None:
        place = bisect_left(self.sigmas, sigma - _SAME)
        if place < len(self.sigmas) and abs(self.sigmas[place] - sigma) <= _SAME:
            self.values[place] = value.detach().cpu()
            return
        self.sigmas.insert(place, sigma)
        self.values.insert(place, value.detach().cpu())

    def at(self, sigma: float) -> Tensor:
        """The value at sigma; between two recorded levels, the line between them."""
        if not self.sigmas or not self.sigmas[0] - _SAME <= sigma <= self.sigmas[-1] + _SAME:
            known = f"from {self.sigmas[0]:.4f} to {self.sigmas[-1]:.4f}" if self.sigmas else "nothing"
            raise InputError(
                f"The trajectory knows nothing of sigma {sigma:.4f} (recorded: {known}). "
                "Invert with a schedule that reaches as far as the one you generate with."
            )
        place = bisect_left(self.sigmas, sigma - _SAME)
        if place == len(self.sigmas) or abs(self.sigmas[place] - sigma) <= _SAME or place == 0:
            return self.values[min(place, len(self.values) - 1)]
        low, high = self.sigmas[place - 1], self.sigmas[place]
        return torch.lerp(self.values[place - 1], self.values[place], (sigma - low) / (high - low))

    @property
    def bytes(self) -> int:
        return sum(value.numel() * value.element_size() for value in self.values)


@dataclass
class Trajectory:
    """One picture's path: what inversion passed through."""

    latents: Series = field(default_factory=Series)
    velocities: Series = field(default_factory=Series)
    """At full and at half steps alike: a velocity belongs to its sigma, not to the stage that asked for it."""

    @property
    def start(self) -> Tensor:
        """The latent at the most noise: where generation begins."""
        return self.latents.values[-1]

    @property
    def clean(self) -> Tensor:
        return self.latents.values[0]

    @property
    def sigmas(self) -> list[float]:
        """From the most noise down, as samplers want them."""
        return self.latents.sigmas[::-1]

    @property
    def bytes(self) -> int:
        return self.latents.bytes + self.velocities.bytes

    def save(self, path: Path) -> None:
        from safetensors.torch import save_file

        tensors = {}
        for name, series in (("latents", self.latents), ("velocities", self.velocities)):
            if series.values:
                tensors[name] = torch.stack(series.values)
                tensors[f"{name}.sigmas"] = torch.tensor(series.sigmas, dtype=torch.float64)
        save_file(tensors, path, {"format": FORMAT})

    @classmethod
    def load(cls, path: Path) -> Trajectory:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as stored:
                if (stored.metadata() or {}).get("format") != FORMAT:
                    raise ModelError(f"{path.name} is no trajectory that was saved here.")
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return cls(*(_series(tensors, name) for name in ("latents", "velocities")))
        except (SafetensorError, OSError, KeyError) as error:
            raise ModelError(f"{path.name} is damaged or no trajectory.") from error


def _series(tensors: dict[str, Tensor], name: str) -> Series:
    if name not in tensors:
        return Series()
    values: Sequence[Tensor] = tensors[name].unbind()
    return Series(tensors[f"{name}.sigmas"].tolist(), list(values))
