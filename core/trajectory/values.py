"""Attention values: recorded on the way up, given back on the way down, so that the edit keeps the original's
appearance.

What is where in a picture lies in queries and keys, what it looks like in the values. With the original's values in
the layers that settle detail, the first steps of a generation place the edit and keep everything else: Flux-Guard's
injection of values (Wang et al., arXiv 2606.17606).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from ..attention.listening import Listening
from ..errors import InputError, ModelError
from .record import Series, Trajectory

SHARE = 0.32
"""Of a model's self-attention layers, the last: on FLUX.1 the later half of the single-stream blocks (18 of 57), as
published; on a U-Net the way up."""
_NEAR = 1e-6


class Recording:
    """Keeps the values of one inversion in its trajectory, at the levels of noise from `lowest` up."""

    def __init__(self, path: Trajectory, lowest: float, share: float = SHARE) -> None:
        self.path, self.lowest, self.share = path, lowest, share
        self.layers = 0
        """How many the model has; known once it has been asked."""

    @contextmanager
    def hearing(self, sigma: float) -> Iterator[None]:
        """Around one question to the model."""
        layers = 0
        kept: dict[int, Tensor] = {}
        wanted = sigma > self.lowest - _NEAR

        def hear(values: Tensor) -> Tensor:
            nonlocal layers
            # Until their number is known any layer may be one of the last.
            if wanted and layers >= self.first:
                kept[layers] = values
            layers += 1
            return values

        with Listening(values=hear):
            yield
        if not layers:
            raise ModelError(
                "This model's self-attention cannot be heard, so its values cannot be kept. "
                "Use a model with PyTorch's own attention, or inject 0 steps."
            )
        self.layers = layers
        for layer, values in kept.items():
            if layer >= self.first:
                self.path.layer(f"{layer}/{layers}").put(sigma, values)

    @property
    def first(self) -> int:
        """The first layer that is kept."""
        return self.layers - max(1, round(self.share * self.layers)) if self.layers else 0


class Injection:
    """Gives a generation the values that were recorded, at the levels of noise above `lowest`."""

    def __init__(self, path: Trajectory, lowest: float) -> None:
        if not path.values:
            raise InputError(
                "Attention values are to be injected and the trajectory has none. Record them while inverting."
            )
        self.lowest, self.layers = lowest, 0
        self.series: dict[int, Series] = {}
        for name, series in path.values.items():
            layer, _, layers = name.partition("/")
            self.series[int(layer)], self.layers = series, int(layers)

    @contextmanager
    def speaking(self, sigma: float) -> Iterator[None]:
        """Around one question to the model."""
        if sigma < self.lowest + _NEAR:
            yield
            return
        layer = 0

        def give(values: Tensor) -> Tensor:
            nonlocal layer
            # A model that is asked twice, once for guidance, starts over.
            series = self.series.get(layer % self.layers)
            layer += 1
            return values if series is None else _matched(series, sigma, values)

        with Listening(values=give):
            yield


def _matched(series: Series, sigma: float, values: Tensor) -> Tensor:
    """What was recorded nearest to sigma, for as many pictures and branches as are asked about now."""
    if sigma < series.sigmas[0] - _NEAR:
        raise InputError(
            f"More steps are to be injected than were recorded: attention values are asked for at sigma {sigma:.3f} "
            f"and known down to {series.sigmas[0]:.3f}. Inject fewer steps, or record as many while inverting."
        )
    # Inversion only arrives at the top and never asks there; what it asked last is nearest.
    known = series.at(min(sigma, series.sigmas[-1])).to(values)
    if known.shape[1:] != values.shape[1:] or len(values) % len(known):
        raise InputError(
            f"Attention values of shape {tuple(known.shape)} were recorded and the model now has "
            f"{tuple(values.shape)}: prompts of other lengths, or guidance one way only. Inject 0 steps here."
        )
    return known.repeat(len(values) // len(known), *[1] * (values.ndim - 1))
