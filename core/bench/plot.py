"""Protection against visibility, a point for every method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ModelError
from .rows import FAR, Row, judged, mean, measured, success

AXES = {
    "paint": "paint",
    "tint": "tint",
    "shape": "shape",
    "lpips_vgg": "LPIPS-vgg on the face",
    "face_dssim": "DSSIM on the face",
    "shift": "landmark shift / eyes",
}
"""Of these, what was measured is drawn."""


def draw_plot(rows: Sequence[Row], path: Path, far: str = FAR) -> None:
    """Dodging only: what a plot of two protocols would say, nobody could read."""
    try:
        import matplotlib
    except ImportError as error:
        raise ModelError("The plot needs one more package: pip install matplotlib") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    dodging = [row for row in rows if row["decoy"] is None]
    shown = [key for key in AXES if key in ("shift", *measured(dodging))]
    figure, axes = pyplot.subplots(1, len(shown), figsize=(4.4 * len(shown), 4.2), sharey=True)
    for axis, key in zip(axes, shown, strict=True):
        for name in dict.fromkeys(row["method"] for row in dodging):
            mine = [row for row in dodging if row["method"] == name]
            rate = success(judged(mine), far=far)
            place = mean(row["shift"] if key == "shift" else row["quality"].get(key) for row in mine)
            low, high = rate.interval
            axis.errorbar(place, rate.share, [[rate.share - low], [high - rate.share]], fmt="o", ms=5, lw=0.8)
            axis.annotate(name, (place, rate.share), xytext=(5, 4), textcoords="offset points", fontsize=8)
        axis.set_xlabel(AXES[key])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"no longer matched at FAR {far} (all judges, 95 % interval)")
    axes[0].set_ylim(0, 1.05)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
