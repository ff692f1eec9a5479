"""How visible a change is, measured where people look: on the face."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..errors import ModelError
from ..faces.crops import resize, window_around
from ..faces.face import Face
from ..faces.masks import face_oval
from ..images.photo import ROWS
from ..perception.colour import chroma_change
from ..perception.looks import look_at
from ..perception.lpips import Lpips
from ..perception.ssim import dssim, psnr, ssim
from .facts import Quality

LPIPS_SIDE = 224
"""LPIPS depends on size; every face is brought to this one, so that figures of different photos compare."""

OVAL_MARGIN = 0.6
"""A window with this margin holds the whole face oval, also where a detector's box is tight."""


_lpips = lru_cache(maxsize=2)(Lpips.load)


def lpips_on_face(net: str, a: Tensor, b: Tensor) -> float | None:
    """LPIPS of two face crops, or None as long as its weights are not on this machine."""
    try:
        model = _lpips(net).to(a.device)
    except ModelError:
        return None
    return float(model(resize(a, LPIPS_SIDE, LPIPS_SIDE), resize(b, LPIPS_SIDE, LPIPS_SIDE)))


def outside_change(original: Tensor, protected: Tensor, faces: list[Face]) -> float:
    """The largest change of a pixel that lies in no face's mask."""
    change = torch.empty_like(original[:, :1])
    for rows, *pair in zip(*(picture.split(ROWS, 2) for picture in (change, original, protected)), strict=True):
        rows.copy_((pair[0] - pair[1]).abs().amax(1, keepdim=True))
    for face in faces:
        # One window at a time: masks as large as the photo, one a face, would not fit for a group at 100 megapixels.
        window = window_around(face, OVAL_MARGIN)
        mask = face_oval(window.shift(face.points)[None], window.height, window.width)
        inner = window.inside(*change.shape[-2:])
        inner.cut(change).masked_fill_(inner.within(window).cut(mask) > 0, 0)
    return float(change.max())


@torch.inference_mode()
def measure_quality(original: Tensor, protected: Tensor, face: Face, outside_max: float) -> Quality:
    """Compare one face of two pictures (1, 3, H, W) of equal size."""
    window = window_around(face, margin=0.0)
    a, b = window.cut(original), window.cut(protected)
    looks = look_at(original, protected, face)
    return Quality(
        psnr=float(psnr(a, b)),
        ssim=float(ssim(a, b)),
        lpips_alex=lpips_on_face("alex", a, b),
        lpips_vgg=lpips_on_face("vgg", a, b),
        face_dssim=float(dssim(a, b)),
        chroma=float(chroma_change(a, b)),
        outside_max=outside_max,
        paint=looks.paint,
        tint=looks.tint,
        shape=looks.shape,
        uneven=looks.uneven,
        expression=looks.expression,
        growth=looks.growth,
        worst=looks.worst,
    )
