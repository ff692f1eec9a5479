"""The built-in face detector: the MTCNN cascade, small enough to ship and quick enough for a processor.

Three networks look ever closer: the first slides over a pyramid of the picture, the second sorts out what it
proposes, the third decides and places the five points. It never runs on a GPU: one look at a photo is quick, and
every machine then sees the same points. Inside, a pixel reaches from x to x + 1; a `Face` is half a pixel less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import ModelError
from ..model_files.places import BUNDLED
from .face import Face, box_of

WEIGHTS = BUNDLED / "mtcnn.safetensors"
LONGEST = 1600
"""Larger photos are searched in a copy of this size: memory and time stay bounded."""
SMALL = 200
"""Pictures with a shorter side below this are also looked at enlarged."""
CELL, STRIDE, FACTOR = 12, 2, 0.709
"""The first network's window and step in pixels, and from one level of the pyramid to the next."""
THRESHOLDS = (0.6, 0.7, 0.7)
MOST_PROPOSALS, CHUNK = 1000, 256
"""Per level (photos have some hundred, only noise has more); and how many the later stages see at once."""
LOOKS = [(0, 0, 0, 0), (1, 0, 1, 0), (-1, 0, -1, 0), (0, 1, 0, 1), (0, -1, 0, -1), (1, 1, -1, -1), (-1, -1, 1, 1)]
"""A box as it is, shifted, and scaled: which way its sides move, by `STEP` of its width."""
STEP = 0.05
ENOUGH_DETAIL = 96
"""Twice what the last network sees: a face of this size has nothing to gain from a larger copy."""


class _Stage(nn.Module):
    """One network: a trunk, and heads that read a face's probability, its box and perhaps its points from it."""

    def __init__(self, *convolutions: tuple[int, int, int], dense: int = 0, **more_heads: int) -> None:
        """`convolutions` are (channels, kernel, pooling or 0); `dense` ends the trunk, which then sees one window."""
        super().__init__()
        trunk: list[nn.Module] = []
        inputs = 3
        for channels, kernel, pool in convolutions:
            trunk += [nn.Conv2d(inputs, channels, kernel), nn.PReLU(channels)]
            trunk += [nn.MaxPool2d(pool, 2, ceil_mode=True)] if pool else []
            inputs = channels
        if dense:
            trunk += [nn.Flatten(), nn.Linear(9 * inputs, dense), nn.PReLU(dense)]
        self.trunk = nn.Sequential(*trunk)
        heads = {"face": 2, "box": 4, **more_heads}
        self.heads = nn.ModuleDict(
            {name: nn.Linear(dense, size) if dense else nn.Conv2d(inputs, size, 1) for name, size in heads.items()}
        )

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        features = self.trunk((picture - 0.5) * (255 / 128))
        out = {name: head(features) for name, head in self.heads.items()}
        out["face"] = out["face"].softmax(1)[:, 1]
        return out


class Mtcnn(nn.Module):
    """`find` gives the faces of a picture, `points_in_box` the five points where somebody else says there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.pnet = _Stage((10, 3, 2), (16, 3, 0), (32, 3, 0))
        self.rnet = _Stage((28, 3, 3), (48, 3, 3), (64, 2, 0), dense=128)
        self.onet = _Stage((32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0), dense=256, points=10)
        try:
            self.load_state_dict(load_file(WEIGHTS))
        except Exception as error:  # missing, cut short or changed: the way out is the same
            raise ModelError("The face detector's weights are missing or damaged: reinstall FaceVeil.") from error
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def find(self, image: Tensor, min_face: float | None = None) -> list[Face]:
        """The faces in `image` (1, 3, H, W), the largest first; `min_face` is the side in pixels of the smallest."""
        picture = image.detach().cpu().float()
        min_face = min_face or smallest_face(*picture.shape[-2:])
        copy, zoom = smaller_copy(picture, LONGEST)
        faces = with_retries(lambda again: self._search(again, max(min_face * zoom, CELL)), copy)
        if zoom < 1:
            faces = [scaled(face, 1 / zoom) for face in faces]
            # Where the copy has fewer pixels than the last network wants, the photo itself has more to tell.
            faces = [self.points_in_box(picture, f.box) if f.size * zoom < ENOUGH_DETAIL else f for f in faces]
        return [Face(face.box, face.points.to(image.device), face.score) for face in faces]

    @torch.no_grad()
    def points_in_box(self, image: Tensor, box: Sequence[float]) -> Face:
        """The five points of the face in `box` of `image` (1, 3, H, W), and how much it looks like a face."""
        return replace(self.near(image, box), box=box_of(box))

    @torch.no_grad()
    def near(self, image: Tensor, box: Sequence[float]) -> Face:
        """The same with the box moved to fit: where a face is that was in `box` a moment ago."""
        boxes, points, scores = self._settle(image.detach().cpu().float(), torch.tensor([tuple(box)]) + 0.5)
        return Face(tuple((boxes[0] - 0.5).tolist()), (points[0] - 0.5).to(image.device), float(scores[0]))

    def _search(self, picture: Tensor, smallest: float) -> list[Face]:
        """The cascade on one picture, without retries."""
        boxes = self._propose(picture, smallest)
        boxes = self._sort_out(picture, _square(boxes))
        boxes, _, _ = _distinct(*self._last_stage(picture, _square(boxes)), THRESHOLDS[2])
        # Settled boxes of one face lie on top of each other, and what is no face rarely looks like one from every side.
        boxes, points, scores = _distinct(*self._settle(picture, boxes), THRESHOLDS[2])
        found = zip((boxes - 0.5).tolist(), points - 0.5, scores.tolist(), strict=True)
        return sorted((Face(tuple(box), five, score) for box, five, score in found), key=lambda f: f.area, reverse=True)

    def _propose(self, picture: Tensor, smallest: float) -> Tensor:
        """Stage 1: boxes (N, 4) of all that might be a face."""
        height, width = picture.shape[-2:]
        found = [(picture.new_zeros(0, 4), picture.new_zeros(0, 4), picture.new_zeros(0))]
        scale = CELL / smallest
        while min(height, width) * scale >= CELL:
            level = F.interpolate(picture, (int(height * scale + 1), int(width * scale + 1)), mode="area")
            out = self.pnet(level)
            rows, columns = (out["face"][0] >= THRESHOLDS[0]).nonzero(as_tuple=True)
            score = out["face"][0, rows, columns]
            corner = torch.stack([columns, rows], 1) * STRIDE
            zoom = picture.new_tensor([level.shape[-1] / width, level.shape[-2] / height])
            boxes = torch.cat([corner / zoom, (corner + CELL) / zoom], 1)
            best = score.topk(min(len(score), MOST_PROPOSALS)).indices
            best = best[suppress(boxes[best], score[best], 0.5)]
            found.append((boxes[best], out["box"][0, :, rows, columns].T[best], score[best]))
            scale *= FACTOR
        boxes, move, score = (torch.cat(parts) for parts in zip(*found, strict=True))
        keep = suppress(boxes, score, 0.7)
        return _moved(boxes[keep], move[keep])

    def _sort_out(self, picture: Tensor, boxes: Tensor) -> Tensor:
        """Stage 2: the boxes that still look like faces at 24 px, moved to fit."""
        boxes, out = _look(self.rnet, picture, boxes, 24)
        keep = suppress(boxes, out["face"], 0.7)
        keep = keep[out["face"][keep] > THRESHOLDS[1]]
        return _moved(boxes[keep], out["box"][keep])

    def _last_stage(self, picture: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Stage 3, at 48 px: boxes (N, 4) moved to fit, points (N, 5, 2) and scores (N,)."""
        boxes, out = _look(self.onet, picture, boxes, 48)
        shares = out["points"].view(-1, 2, 5).transpose(1, 2)
        points = boxes[:, None, :2] + shares * (boxes[:, None, 2:] - boxes[:, None, :2])
        return _moved(boxes, out["box"]), points, out["face"]

    def _settle(self, picture: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Stage 3 again, as the mean over slightly different looks at each box (N, 4), and once more from there.

        The last network's points depend on every pixel of its box, so that a photo which somebody crops or scales would
        be aligned differently. The mean over several boxes is several times steadier.
        """
        for _ in range(2):
            squares = _square(boxes)
            sides = (squares[:, 2:] - squares[:, :2]).repeat(1, 2)[:, None]
            looks = self._last_stage(picture, (squares[:, None] + sides * STEP * boxes.new_tensor(LOOKS)).flatten(0, 1))
            boxes, points, scores = (out.unflatten(0, (-1, len(LOOKS))).mean(1) for out in looks)
        return boxes, points, scores


def smallest_face(height: int, width: int) -> float:
    """The side in pixels of the smallest face looked for: whom a picture shows is rarely below 4 % of it."""
    return max(20.0, 0.04 * min(height, width))


def smaller_copy(image: Tensor, longest: int) -> tuple[Tensor, float]:
    """The picture with its longer side at most `longest` pixels, and the scale (1 when it was small enough)."""
    height, width = image.shape[-2:]
    scale = min(1.0, longest / max(height, width))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (height, width)]
        image = F.interpolate(image, size, mode="bilinear", antialias=True)
    return image.contiguous(), scale


def scaled(face: Face, zoom: float, shift: float = 0.0) -> Face:
    """The face in a picture `zoom` times as large, then shifted; pixels' centres stay at whole numbers."""
    shift += 0.5 * zoom - 0.5
    return Face(box_of(side * zoom + shift for side in face.box), face.points * zoom + shift, face.score)


def with_retries(find_once: Callable[[Tensor], list[Face]], image: Tensor) -> list[Face]:
    """Call `find_once` with the picture; if that finds nothing, with a border, and enlarged if it is small.

    Detectors know faces with something around them, not faces that fill their picture.
    """
    found = find_once(image)
    shorter = min(image.shape[-2:])
    border = round(0.4 * shorter)
    for zoom in (1, 2) if shorter < SMALL else (1,):
        if not found:
            again = F.pad(image, [border] * 4, value=0.5)
            again = F.interpolate(again, scale_factor=zoom, mode="bilinear") if zoom > 1 else again
            found = [scaled(face, 1 / zoom, -border) for face in find_once(again)]
    return found


def suppress(boxes: Tensor, scores: Tensor, limit: float, of_smaller: bool = False) -> Tensor:
    """Indices of the boxes to keep, best first: none overlaps a better one by more than `limit`.

    The overlap is a share of both boxes' union, or of the smaller box, which also removes a box within a box.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    area = (boxes[:, 2:] - boxes[:, :2]).clamp_min(0).prod(1)
    first, last = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    common = (last - first).clamp_min(0).prod(2)
    base = torch.minimum(area[:, None], area) if of_smaller else area[:, None] + area - common
    clash = (common > limit * base).numpy()
    kept, gone = [], np.zeros(len(boxes), dtype=bool)
    for index in range(len(boxes)):
        if not gone[index]:
            kept.append(index)
            gone |= clash[index]
    return order[kept]


def _distinct(boxes: Tensor, points: Tensor, scores: Tensor, sure: float) -> tuple[Tensor, Tensor, Tensor]:
    """Those that score above `sure`, each face once."""
    keep = suppress(boxes, scores, 0.7, of_smaller=True)
    keep = keep[scores[keep] > sure]
    return boxes[keep], points[keep], scores[keep]


def _square(boxes: Tensor) -> Tensor:
    """Squares of the longer side, with the same centres."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True) / 2
    return torch.cat([centre - half, centre + half], 1)


def _moved(boxes: Tensor, move: Tensor) -> Tensor:
    """Each side moved by a share of the box's width or height."""
    return boxes + move * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)


def _look(stage: _Stage, picture: Tensor, boxes: Tensor, size: int) -> tuple[Tensor, dict[str, Tensor]]:
    """What a stage says of the boxes at `size`, with the boxes as whole pixels, as it has seen them.

    Beyond the picture's border it sees grey, which does not look like a part of a face as repeated edges may.
    """
    height, width = picture.shape[-2:]
    first = boxes[:, :2].round().minimum(boxes.new_tensor([width - 1, height - 1]))
    boxes = torch.cat([first, boxes[:, 2:].round().clamp_min(1).maximum(first + 1)], 1)
    outs = []
    for chunk in boxes.split(CHUNK):
        cuts = [picture.new_zeros(0, 3, size, size)]
        for left, top, right, bottom in chunk.int().tolist():
            part = picture[..., max(top, 0) : bottom, max(left, 0) : right]
            beyond = (max(-left, 0), max(right - width, 0), max(-top, 0), max(bottom - height, 0))
            cuts.append(F.interpolate(F.pad(part, beyond, value=0.5), (size, size), mode="area"))
        outs.append(stage(torch.cat(cuts)))
    return boxes, {name: torch.cat([out[name] for out in outs]) for name in outs[0]}
