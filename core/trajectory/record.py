"""The record of a path: latents, velocities and attention values, looked up by their level of noise, never by index."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from ..errors import InputError, OutputError

_SAME = 1e-5
LIMIT = 2 << 30
"""Bytes of main memory that one path may take: latents and velocities never reach it, attention values of a large
model do."""


class Shelf:
    """Main memory up to a limit; beyond it files in a temporary folder, which goes when nothing needs it any more."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.bytes, self.spilled = limit, 0, 0
        self._folder: TemporaryDirectory[str] | None = None
        self._files = 0
        self._mapped: dict[int, Path] = {}
        """Files by where in memory they are mapped to."""

    def keep(self, value: Tensor, instead: Tensor | None = None) -> Tensor:
        """The value on the CPU, `instead` of one that was kept before: itself where there is room, else mapped from
        a file, of which the system holds in memory what it has room for."""
        if instead is not None:
            self._forget(instead)
        value = value.detach().cpu()
        if self.bytes + value.nbytes > self.limit:
            self.spilled += value.nbytes
            return self._on_disk(value)
        self.bytes += value.nbytes
        # A view would keep all that it is a view of.
        return value if value.untyped_storage().nbytes() == value.nbytes else value.clone()

    def _forget(self, value: Tensor) -> None:
        if value.data_ptr() in self._mapped:
            self.spilled -= value.nbytes
            with suppress(OSError):  # Windows keeps a file that is mapped; it goes with the folder
                self._mapped.pop(value.data_ptr()).unlink()
        else:
            self.bytes -= value.nbytes

    def _on_disk(self, value: Tensor) -> Tensor:
        try:
            self._folder = self._folder or TemporaryDirectory(prefix="faceveil-", ignore_cleanup_errors=True)
            self._files += 1
            file = Path(self._folder.name) / f"{self._files}.bin"
            file.write_bytes(value.contiguous().view(-1).view(torch.uint8).numpy().data)
        except OSError as error:
            raise OutputError(
                f"The path of this picture does not fit into memory, and its folder on disk cannot be written: "
                f"{error.strerror}. Make room there, or let TMPDIR name another folder."
            ) from error
        mapped = torch.from_file(str(file), shared=False, size=value.numel(), dtype=value.dtype)
        self._mapped[mapped.data_ptr()] = file
        return mapped.view(value.shape)


@dataclass
class Series:
    """Tensors by sigma, kept in order on the CPU, so that a long path does not fill a graphics card."""

    sigmas: list[float] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    shelf: Shelf = field(default_factory=Shelf)

    def put(self, sigma: float, value: Tensor) -> None:
        place = bisect_left(self.sigmas, sigma - _SAME)
        if place < len(self.sigmas) and abs(self.sigmas[place] - sigma) <= _SAME:
            self.values[place] = self.shelf.keep(value, self.values[place])
            return
        self.values.insert(place, self.shelf.keep(value))
        self.sigmas.insert(place, sigma)

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


class Trajectory:
    """One picture's path: what inversion passed through, in at most `limit` bytes of memory and the rest on disk."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.shelf = Shelf(limit)
        self.latents = Series(shelf=self.shelf)
        self.velocities = Series(shelf=self.shelf)
        """At full and at half steps alike: a velocity belongs to its sigma, not to the stage that asked for it."""
        self.values: dict[str, Series] = {}
        """Attention values by layer, where they were recorded (`layer`)."""

    def layer(self, name: str) -> Series:
        """One layer's attention values, begun when it is first asked for."""
        return self.values.setdefault(name, Series(shelf=self.shelf))

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
        """All that is recorded, in memory and on disk."""
        return self.shelf.bytes + self.shelf.spilled
