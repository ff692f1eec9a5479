"""Faces in the pictures of a batch. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...core.errors import FaceVeilError, NoFaceError
from ...core.faces.face import Box, Face
from ...core.faces.find import Detector, find_faces
from ...core.faces.masks import face_oval
from ...core.images import to_bchw


def find_in_pictures(
    pictures: Sequence[Tensor],
    which: str,
    grow: float = 1.0,
    on_picture: Callable[[int], None] = lambda done: None,
    detector: str | Detector = "auto",
    boxes: Sequence[Sequence[Box]] | None = None,
) -> tuple[list[list[Face]], Tensor]:
    """The faces of every picture (1, H, W, 3), and one soft mask (B, H, W) of their ovals.

    Among several pictures one without a face is passed over; none with a face is an error. With `boxes`, each
    picture's, faces are those that they mean.
    """
    found, masks = [], []
    for index, picture in enumerate(pictures):
        try:
            here = None if boxes is None else boxes[index]
            if here is not None and not here:
                raise NoFaceError("The boxes that are connected hold none for this picture: its detector saw no face.")
            faces = find_faces(to_bchw(picture), which=which, detector=detector, boxes=here)
        except NoFaceError:
            if len(pictures) == 1:
                raise
            faces = []
        height, width = picture.shape[1:3]
        mask = torch.zeros(1, height, width)
        for face in faces:
            mask = torch.maximum(mask, face_oval(face.points[None], height, width, grow=grow)[:, 0])
        found.append(faces)
        masks.append(mask)
        on_picture(index + 1)
    if not any(found):
        raise NoFaceError(f"None of the {len(pictures)} pictures shows a face. Crop closer, or use clearer photos.")
    return found, torch.cat(masks)


def refuse_faceless(pictures: Sequence[Tensor], name: str) -> None:
    """Every picture (1, 3, H, W) of the input `name` needs a face."""
    for index, picture in enumerate(pictures):
        try:
            find_faces(picture, which="largest")
        except NoFaceError as error:
            which = f"picture {index + 1} of the input" if len(pictures) > 1 else "the input"
            raise NoFaceError(f"In {which} '{name}': {error}") from error


def named(error: FaceVeilError, index: int, count: int) -> FaceVeilError:
    """The error, saying which picture of a batch it is about."""
    return error if count == 1 else type(error)(f"Picture {index + 1} of {count}: {error}")
