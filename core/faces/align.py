"""Differentiable alignment: from a face's five points to the crop a recogniser was trained on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError

# Five points (eyes, nose tip, mouth corners; left as seen in the picture) inside a square crop, as shares of its side.
TEMPLATES: dict[str, tuple[tuple[float, float], ...]] = {
    # The 112 px crop of ArcFace and everything trained after it.
    "arcface": (
        (38.2946 / 112, 51.6963 / 112),
        (73.5318 / 112, 51.5014 / 112),
        (56.0252 / 112, 71.7366 / 112),
        (41.5493 / 112, 92.3655 / 112),
        (70.7299 / 112, 92.2041 / 112),
    ),
    # dlib's face chip with its padding of 0.25; the points are where our detector sees them in such chips.
    "dlib": (
        ((0.25 + 0.22549) / 1.5, (0.25 + 0.21599) / 1.5),
        ((0.25 + 0.75476) / 1.5, (0.25 + 0.21599) / 1.5),
        ((0.25 + 0.49013) / 1.5, (0.25 + 0.51563) / 1.5),
        ((0.25 + 0.25415) / 1.5, (0.25 + 0.78023) / 1.5),
        ((0.25 + 0.72610) / 1.5, (0.25 + 0.78023) / 1.5),
    ),
    # FaceNet was trained on detector boxes with a margin of 44 px on 182, cut to 160: the points' means in such
    # crops of 72 photos, left and right averaged.
    "facenet": (
        (0.2971, 0.4109),
        (0.7029, 0.4109),
        (0.5000, 0.5958),
        (0.3210, 0.7209),
        (0.6790, 0.7209),
    ),
}


def template_points(template: str, size: int, like: Tensor) -> Tensor:
    """A template's five points (5, 2) in pixels of a crop of `size`."""
    try:
        points = TEMPLATES[template]
    except KeyError:
        raise InputError(f"Unknown alignment template '{template}'. Known: {', '.join(TEMPLATES)}.") from None
    return torch.tensor(points, dtype=like.dtype, device=like.device) * size


def boxed_points(box: tuple[float, float, float, float]) -> Tensor:
    """Points (5, 2) that make an aligned crop of the square around a box: for faces that are to stay as they lie."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top)
    centre = torch.tensor([(left + right) / 2, (top + bottom) / 2])
    return centre + (template_points("arcface", 1, centre) - 0.5) * side


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """The least-squares similarity (scale, rotation, shift; no mirroring) from `source` to `target`.

    Both (..., N, 2); returns (..., 2, 3). Umeyama's problem has a closed form in the plane:
    with centred points as complex numbers, the best factor is <source, target> / <source, source>.
    """
    source, target = torch.broadcast_tensors(source, target)
    source_mean, target_mean = source.mean(-2), target.mean(-2)
    (sx, sy), (tx, ty) = (
        (source - source_mean[..., None, :]).unbind(-1),
        (target - target_mean[..., None, :]).unbind(-1),
    )
    energy = (sx * sx + sy * sy).sum(-1).clamp_min(1e-12)
    a = (sx * tx + sy * ty).sum(-1) / energy
    b = (sx * ty - sy * tx).sum(-1) / energy
    linear = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], -2)
    shift = target_mean - (linear @ source_mean[..., None])[..., 0]
    return torch.cat([linear, shift[..., None]], -1)


def warp(image: Tensor, matrices: Tensor, size: int | tuple[int, int], outside: str = "zeros") -> Tensor:
    """Sample crops (B, C, size, size), or of `size` (h, w), from `image` (1 or B, C, H, W); `matrices` (B, 2, 3) map
    picture to crop.

    Bilinear, pixel centres at whole numbers: what `cv2.warpAffine` does, with gradients to the picture and to the
    matrices. Outside are zeros, or with "border" the edges repeated.
    """
    high, wide = (size, size) if isinstance(size, int) else size
    batch, (height, width) = len(matrices), image.shape[-2:]
    inverse_linear = torch.linalg.inv(matrices[:, :, :2])
    down, across = (torch.arange(side, dtype=image.dtype, device=image.device) for side in (high, wide))
    crop = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1).view(1, -1, 2)
    where = (crop - matrices[:, None, :, 2]) @ inverse_linear.transpose(1, 2)
    scale = where.new_tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
    grid = (where * scale - 1).view(batch, high, wide, 2)
    return F.grid_sample(image.expand(batch, -1, -1, -1), grid, padding_mode=outside, align_corners=True)


def align(image: Tensor, points: Tensor, template: str, size: int) -> Tensor:
    """Aligned crops (B, 3, size, size) of faces with five points (B, 5, 2) in `image` (1 or B, 3, H, W).

    Faces much larger than the crop are averaged down first, as far as the smallest of them allows: sampled
    bilinearly, they would skip pixels, and what protects would depend on which ones.
    """
    matrices = similarity(points, template_points(template, size, points))
    zoom = matrices[:, :, 0].norm(dim=1).max().item()
    shrink = int(0.75 / zoom) if zoom > 0 else 1
    if shrink < 2:
        return warp(image, matrices, size)
    pad_h, pad_w = -image.shape[-2] % shrink, -image.shape[-1] % shrink
    smaller = F.avg_pool2d(F.pad(image, (0, pad_w, 0, pad_h), mode="replicate"), shrink)
    # Pixel x of the picture is (x + .5) / shrink - .5 of the smaller one.
    onto = similarity((points + 0.5) / shrink - 0.5, template_points(template, size, points))
    return warp(smaller, onto, size)


def jitter(points: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Points (B, 5, 2) moved at random: detectors disagree by a pixel or so, and protection must not depend on one.

    `amount` is the standard deviation as a share of the distance between the eyes.
    """
    eyes = (points[:, 1] - points[:, 0]).norm(dim=1).view(-1, 1, 1)
    noise = torch.randn(points.shape, generator=generator, dtype=points.dtype).to(points.device)
    return points + noise * eyes * amount


def spread_by(points: Tensor, factor: float) -> Tensor:
    """Points (B, 5, 2) moved from their middle by a factor: below 1 the crop is drawn tighter around the face."""
    middle = points.mean(1, keepdim=True)
    return middle + (points - middle) * factor
