"""An offset in an autoencoder's latent space, and the difference that it makes to a picture."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from .frame import pick, scaled


def with_difference(window: Tensor, difference: Tensor, mask: Tensor) -> Tensor:
    """The window plus a difference of whatever size, where the mask lets it."""
    return window + scaled(difference, *window.shape[-2:]) * mask


class Difference:
    """`D(changed) - D(clean)`, so that what the autoencoder cannot reproduce cancels, for windows known in advance."""

    def __init__(
        self,
        clean: Tensor,
        autoencoder: Autoencoder,
        finish: Autoencoder | None = None,
        hiding: Tensor | None = None,
    ) -> None:
        """`finish` decodes what needs no gradient, which is the finished picture, where `autoencoder` is only a quick
        one of the same latent space. `hiding` (B, 1, h, w) scales the difference by place."""
        self.autoencoder, self.finish, self.hiding = autoencoder, finish, hiding
        self.decodes = len(clean) * (2 if finish else 1)
        """Windows decoded so far; what the report states as cost."""
        with torch.no_grad():
            self.clean = autoencoder.decode(clean)
            self.finished = finish.decode(clean) if finish else None

    def __call__(self, changed: Tensor, rows: Tensor | None) -> Tensor:
        self.decodes += len(changed)
        if self.finish is None or self.finished is None or torch.is_grad_enabled():
            difference = self.autoencoder.decode(changed) - pick(self.clean, rows)
        else:
            difference = self.finish.decode(changed) - pick(self.finished, rows)
        if self.hiding is None:
            return difference
        return difference * scaled(pick(self.hiding, rows), *difference.shape[-2:])


class LatentOffset:
    """An offset in an autoencoder's latent space: `window + M * (D(z + offset) - D(z))`."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        windows: Tensor,
        learning_rate: float = 0.02,
        hiding: Tensor | None = None,
        finish: Autoencoder | None = None,
    ) -> None:
        """`hiding` and `finish` as for a `Difference`."""
        self.learning_rate = learning_rate
        with torch.no_grad():
            self.latent = (finish or autoencoder).encode(windows)
        self.difference = Difference(self.latent, autoencoder, finish, hiding)
        self.offset = torch.zeros_like(self.latent, requires_grad=True)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.offset, self.learning_rate

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        changed = pick(self.latent, rows) + pick(self.offset, rows)
        return with_difference(window, self.difference(changed, rows), mask)
