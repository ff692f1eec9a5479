"""SCRFD, the detector that comes with InsightFace's model packs, for those who have one.

It sees faces that are turned away or covered better than the built-in detector does. Its weights are not
free for every use, so none come with the package: a file that the user already has is picked up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ModelError
from ..model_files.places import model_folders
from .face import Face, box_of
from .mtcnn import scaled, smaller_copy, with_retries

INPUT_SIDE = 640
LONGEST = 2 * INPUT_SIDE
"""InsightFace scales without averaging, so a larger picture is made smaller first."""
# The most exact first; those with "kps" in their name surely give points.
_NAMES = ("det_10g.onnx", "det_2.5g.onnx", "det_500m.onnx", "scrfd*kps*.onnx", "scrfd*.onnx")
_DEPTHS = ("", "*/", "*/*/")


def find_scrfd_file() -> Path | None:
    """The best SCRFD file in the folders for InsightFace's models, or None."""
    for name in _NAMES:
        for folder in model_folders("insightface"):
            for depth in _DEPTHS:
                files = sorted(file for file in folder.glob(depth + name) if file.is_file())
                if files:
                    return files[0]
    return None


def load_scrfd(path: Path) -> Scrfd:
    """The detector in a file, by insightface's own class."""
    try:
        from insightface.model_zoo import get_model
    except ImportError as error:
        raise ModelError(
            "The SCRFD detector needs the Python packages 'insightface' and 'onnxruntime', which cannot be loaded: "
            "install them or use the built-in detector 'mtcnn'."
        ) from error
    cause: Exception | None = None
    try:
        model = get_model(str(path), providers=["CPUExecutionProvider"])
        usable = model.taskname == "detection" and model.use_kps
        model.prepare(ctx_id=-1, input_size=(INPUT_SIDE, INPUT_SIDE))
    except Exception as error:  # whatever ONNX Runtime and InsightFace let out for a wrong or damaged file
        usable, cause = False, error
    if not usable:
        raise ModelError(
            f"'{path.name}' is not an SCRFD detector that gives five points: use a file such as det_10g.onnx."
        ) from cause
    return Scrfd(model)


def scrfd_in(analysis: Any) -> Scrfd:
    """The detector in a FaceAnalysis of insightface's, as other packs load and pass on."""
    model = getattr(analysis, "det_model", None)
    if not (callable(getattr(model, "detect", None)) and getattr(model, "use_kps", True)):
        raise InputError(
            "What is connected as insightface's analysis holds no face detector with five points. Connect a loader of "
            "InsightFace (such as IPAdapter's, InstantID's or PuLID's), or nothing."
        )
    return Scrfd(model)


class Scrfd:
    """`find` gives the faces of a picture."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @torch.no_grad()
    def find(self, image: Tensor) -> list[Face]:
        """The faces in `image` (1, 3, H, W), the largest first."""
        copy, zoom = smaller_copy(image.detach().cpu().float(), LONGEST)
        faces = [scaled(face, 1 / zoom) for face in with_retries(self._search, copy)]
        return [Face(face.box, face.points.to(image.device), face.score) for face in faces]

    def _search(self, picture: Tensor) -> list[Face]:
        pixels = (picture[0].flip(0).permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8)
        found, points = self._model.detect(pixels.contiguous().numpy())
        faces = [
            Face(box_of(row[:4]), torch.tensor(five, dtype=torch.float32), float(row[4]))
            for row, five in zip(found, points, strict=True)
        ]
        return sorted(faces, key=lambda face: face.area, reverse=True)
