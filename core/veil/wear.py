"""From changed windows back to the photo: what was found at a small size is rendered at the photo's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..faces.crops import Window, paste
from ..faces.face import Face
from ..faces.masks import face_oval
from .change import Change


def in_windows(points: Sequence[Tensor], windows: Sequence[Window], size: int) -> Tensor:
    """Points (5, 2) of the photo in each face's window, brought to `size` (B, 5, 2)."""
    return torch.stack([window.scaled(own, size, size) for own, window in zip(points, windows, strict=True)])


def wear(
    image: Tensor,
    faces: Sequence[Face],
    windows: Sequence[Window],
    variable: Change,
    allowed: Tensor | None = None,
    amount: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """The photo (1, 3, H, W) with every face changed by its row, and the mask of what may differ.

    `allowed` (1, 1, H, W) narrows where. Pixels outside of the faces' ovals are bit-identical.
    """
    result, covered = image, torch.zeros_like(image[:, :1])
    with torch.no_grad():
        for index, (face, window) in enumerate(zip(faces, windows, strict=True)):
            points = window.shift(face.points).to(image.device)[None]
            mask = face_oval(points, window.height, window.width)
            if allowed is not None:
                mask = mask * window.cut(allowed)
            # What changes a window does so in proportion to the mask.
            changed = variable.apply(window.cut(result), mask * amount, torch.tensor([index]))
            result = paste(result, window, changed, mask)
            covered = paste(covered, window, torch.ones_like(mask), mask)
    return result, covered
