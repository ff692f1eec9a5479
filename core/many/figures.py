"""A verdict in a few figures, by which a hundred thousand of them can be sorted."""

from __future__ import annotations

from ..film.run import Finished
from ..verdict.facts import FaceVerdict
from ..verdict.report import Report


def figures_of(report: Report | Finished) -> dict[str, float | None]:
    """The worst face counts in each figure. `margin` is by how much the closest similarity of those whose word counts
    exceeds its threshold, plain or shared: below 0 nobody matches."""
    if isinstance(report, Finished):
        return {"protected": float(report.protected), "margin": report.margin} if report.verdicts else {}
    qualities = [face.quality for face in report.faces]
    lpips = [quality.lpips_vgg for quality in qualities if quality.lpips_vgg is not None]
    margins = [margin for face in report.faces for margin in _margins(face)]
    return {
        "protected": float(report.protected),
        "margin": max(margins, default=None),
        "psnr": min(quality.psnr for quality in qualities),
        "ssim": min(quality.ssim for quality in qualities),
        "dssim": max(quality.face_dssim for quality in qualities),
        "chroma": max(quality.chroma for quality in qualities),
        "lpips_vgg": max(lpips, default=None),
    }


def _margins(face: FaceVerdict) -> list[float]:
    return [row.closest - row.threshold for row in face.deciding if row.threshold is not None]
