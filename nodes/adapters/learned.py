"""Learned embeddings as a GUIDER for the stock samplers."""

from __future__ import annotations

from typing import Any

import comfy.samplers
from torch import Tensor

from ...core.trajectory.embeddings import ShortPath
from .sampling import saying


class LearnedGuider(comfy.samplers.CFGGuider):
    """On the last steps of a path the embedding that was learned for the level of noise; before, the plain prompt.

    Levels are matched, not counted: samplers of second order ask twice a step.
    """

    def learned(self, short: ShortPath, plain: Any, positive: Any = None, cfg: float = 1.0) -> None:
        """With a prompt `positive`, what was learned is what guidance leads away from."""
        self.short = short
        self.inner_set_conds({"plain": plain, **({} if positive is None else {"positive": positive})})
        self.set_cfg(cfg)

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: Any = None, seed: Any = None) -> Tensor:
        sigma = float(timestep.flatten()[0])
        said = self.conds["plain"]
        if sigma <= self.short.sigmas[0] * 1.0001:
            said = saying(said, self.short.at(sigma))
        positive = self.conds.get("positive")
        return comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            said,
            said if positive is None else positive,
            1.0 if positive is None else self.cfg,
            model_options=model_options or {},
            seed=seed,
        )
