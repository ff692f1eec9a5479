"""Small pictures for the canvas: faces with their numbers, and how far a protection has come. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...core.faces.face import Face
from ...core.images import from_pil, to_bhwc, to_pil
from ...core.optimise import Step
from ...core.recognisers.recogniser import Recogniser
from ...core.search.objective import Objective

_PAPER, _INK, _MATCHED, _FREE = (24, 24, 28), (235, 235, 235), (214, 78, 66), (72, 168, 110)
_SIDE, _ROW = 256, 22
_EVERY = 4
"""Steps of a search from one preview to the next: sending them all would take longer than the steps."""


def draw_faces(picture: Tensor, faces: Sequence[Face]) -> Tensor:
    """The picture (1, H, W, 3) with every face's box, points and number."""
    image = to_pil(picture)
    draw, unit = ImageDraw.Draw(image), max(1, round(max(image.size) / 400))
    for number, face in enumerate(faces):
        left, top, right, bottom = face.box
        draw.rectangle((left, top, right, bottom), outline=_FREE, width=2 * unit)
        for x, y in face.points.tolist():
            draw.ellipse((x - 2 * unit, y - 2 * unit, x + 2 * unit, y + 2 * unit), fill=_MATCHED)
        font, tag = ImageFont.load_default(14 * unit), 20 * unit
        draw.rectangle((left, top, left + tag, top + tag), fill=_FREE)
        draw.text((left + tag / 2, top + tag / 2), str(number), fill=_PAPER, font=font, anchor="mm")
    return from_pil(image)


def preview(step: Step, objective: Objective, recognisers: Sequence[Recogniser], far: str) -> Image.Image | None:
    """How far a search has come, at the steps that are shown."""
    if step.index % _EVERY or objective.seen is None:
        return None
    return draw_progress(objective.seen[:1], objective.scores, recognisers, far)


def draw_progress(
    face: Tensor, cosines: Mapping[str, Tensor] | None, recognisers: Sequence[Recogniser], far: str
) -> Image.Image:
    """The face (1, 3, H, W) being worked on, and under it each recogniser's similarity against its threshold."""
    image = Image.new("RGB", (_SIDE, _SIDE + _ROW * len(recognisers)), _PAPER)
    image.paste(to_pil(to_bhwc(face.detach().cpu())).resize((_SIDE, _SIDE)), (0, 0))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    for row, recogniser in enumerate(recognisers):
        top = _SIDE + row * _ROW
        similarity = float(cosines[recogniser.name].max()) if cosines else 1.0
        threshold = recogniser.threshold(far)
        colour = _MATCHED if similarity > threshold else _FREE
        draw.rectangle((0, top + 3, max(1, _SIDE * similarity), top + _ROW - 3), fill=colour)
        draw.line((_SIDE * threshold, top, _SIDE * threshold, top + _ROW), fill=_INK, width=2)
        draw.text((4, top + 4), f"{recogniser.name} {similarity:.3f}", fill=_INK, font=font)
    return image
