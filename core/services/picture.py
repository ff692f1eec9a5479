"""What is sent of a photo: the face with a margin, as pixels and nothing else."""

from __future__ import annotations

from io import BytesIO

import torch
from torch import Tensor

from ..faces.crops import resize, window_around
from ..faces.face import Face
from ..images import to_bhwc, to_pil, to_uint8

MARGIN = 0.6
"""Of the face's longer side, on each side: detectors want some hair and neck around a face."""
LEAST = 336
"""Services find no faces below some 150 pixels; a smaller crop is enlarged, which adds nothing to it."""
_SMALLER = 0.8


def face_crop(image: Tensor, face: Face, most: int) -> Tensor:
    """The face's part of a picture (1, 3, H, W) as eight bits (3, h, w), of at most so many pixels a side.

    Nothing beyond the photo's border is made up, and between the two bounds not a pixel is resampled.
    """
    part = window_around(face, MARGIN).inside(*image.shape[-2:]).cut(image)
    longest = max(part.shape[-2:])
    scale = min(max(1.0, LEAST / longest), most / longest)
    height, width = (max(1, round(side * scale)) for side in part.shape[-2:])
    return to_uint8(resize(part, height, width))[0].cpu()


def as_png(crop: Tensor, most: int) -> bytes:
    """A crop (3, h, w) as a file of at most so many bytes. It is made of pixels alone: there is no EXIF to strip."""
    picture = to_pil(to_bhwc(crop[None]).to(torch.float32) / 255)
    while True:
        memory = BytesIO()
        picture.save(memory, "PNG", optimize=False)
        if memory.tell() <= most or min(picture.size) < 64:
            return memory.getvalue()
        picture = picture.resize([max(1, round(side * _SMALLER)) for side in picture.size])
