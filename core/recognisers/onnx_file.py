"""Recognisers from ONNX files: a side-car JSON says what the network expects, or the file and its name do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..errors import ModelError
from ..model_files.hashes import state_of
from ..onnx.faults import telling
from ..onnx.graph import OnnxGraph, Signature, read_model, signature
from ..onnx.head import read_head
from .card import Card, read_card
from .recogniser import Recogniser

if TYPE_CHECKING:
    from onnx import GraphProto

_INSIGHTFACE = "insightface's model terms: non-commercial research only"
_CVLFACE = "MIT; asks to follow the terms of the photos it was trained on (WebFace), which are for research"
_ADAFACE = "MIT (code); terms of the weights not stated (trained on MS1MV2 or WebFace, photos for research)"
_CVLFACE_FROM = "CVLface (Minchul Kim), exported to ONNX"
_AURAFACE = "AuraFace v1 (fal): an ArcFace R100 trained on photos whose terms allow commercial use"
_OPENCV = "OpenCV Zoo"


@dataclass(frozen=True)
class Known:
    """What the name of a widespread file says about it."""

    pattern: str
    family: str = ""
    channels: str = "RGB"
    unscaled: bool = False
    """Whether it takes 0 to 255, whatever its first nodes look like."""
    licence: str = ""
    commercial: bool | None = None
    source: str = ""


_KNOWN = (
    # fal's network in insightface's clothes: the folder tells it from antelopev2's file of the same name.
    Known("auraface*", "arcface-ir", licence="Apache-2.0", commercial=True, source=_AURAFACE),
    Known("w600k_r50*", "arcface-ir", licence=_INSIGHTFACE, commercial=False),
    Known("glintr100*", "arcface-ir", licence=_INSIGHTFACE, commercial=False),
    Known("w600k_mbf*", "mobilefacenet", licence=_INSIGHTFACE, commercial=False),
    # AdaFace's own release was trained on BGR, its successors in CVLFace on RGB.
    Known("cvlface*adaface_ir*", "arcface-ir", licence=_CVLFACE, source=_CVLFACE_FROM),
    Known("cvlface*vit*", "vit", licence=_CVLFACE, source=_CVLFACE_FROM),
    Known("cvlface*", licence=_CVLFACE, source=_CVLFACE_FROM),
    Known("adaface_ir*", "arcface-ir", channels="BGR", licence=_ADAFACE, source="AdaFace (Minchul Kim)"),
    Known("adaface*", channels="BGR"),
    Known("edgeface*", "edgenext", licence="CC BY-NC-SA 4.0", commercial=False, source="EdgeFace (Idiap)"),
    # OpenCV's FaceRecognizerSF turns its BGR crops to RGB and does not scale them.
    Known("face_recognition_sface*", "sface", unscaled=True, licence="Apache-2.0", commercial=True, source=_OPENCV),
    Known("sface*", "sface", unscaled=True),
    Known("*mbf*", "mobilefacenet"),
    Known("*mobilefacenet*", "mobilefacenet"),
)


class Embedder(nn.Module):
    """A graph as `Recogniser` wants it: (B, 3, H, W) in, one row a face out."""

    def __init__(self, graph: OnnxGraph, output: int, channels_last: bool) -> None:
        super().__init__()
        self.graph = graph
        self.output = output
        self.channels_last = channels_last

    def forward(self, x: Tensor) -> Tensor:
        made = self.graph(x.permute(0, 2, 3, 1) if self.channels_last else x)
        with telling(self.graph.name, "that gives the embedding"):
            embedding = (made[self.output] if isinstance(made, tuple) else made).reshape(len(x), -1)
            return embedding if embedding.is_floating_point() else embedding.float()


def load_onnx(path: Path, card: Card | None = None) -> Recogniser:
    """A differentiable recogniser from an ONNX file. Without `card`, its side-car and the file itself make one."""
    model = read_model(path)
    with telling(path.name):
        ends = signature(model.graph, path.name)
        card = card or _card(path, model.graph)
    _check_size(path, ends, card)
    network = Embedder(OnnxGraph(model, path.name), _embedding(path, ends), _channels_last(path, ends))
    return Recogniser(card, network)


def describe_onnx(path: Path) -> Card:
    """The card of an ONNX file, for lists: a side-car that says enough is believed without opening the network."""
    return _describe(path, *(state_of(file) for file in (path, path.with_suffix(".json"))))


@lru_cache(maxsize=256)
def _describe(path: Path, *states: tuple[int, int] | None) -> Card:
    """Once for each state of the files: lists are made again and again."""
    side_car = path.with_suffix(".json")
    if side_car.is_file():
        card = read_card(side_car, **{"input_size": 0, "template": "", "scale_after_mean": 0.0, **_from_name(path)})
        if card.input_size and card.template and card.scale_after_mean:
            return card
    with telling(path.name):
        return _card(path, read_head(path).graph)


def card_by_name(file: Path, name: str) -> Card:
    """What can be said of a widespread file that is not here; `name` is what the recogniser goes by."""
    return Card(**{"input_size": 112, "template": "arcface", **_from_name(file), "name": name})


def _from_name(path: Path) -> dict[str, Any]:
    names = path.parent.name.lower(), path.stem.lower()
    folder, own = (next((k for k in _KNOWN if fnmatchcase(name, k.pattern)), None) for name in names)
    # A folder's name counts only where it holds a pack.
    known = (folder if folder and own and own.pattern.startswith("glintr100") else own) or Known("")
    says: dict[str, Any] = {
        "name": path.stem,
        "family": known.family or path.stem,
        "channels": known.channels,
        "licence": known.licence,
        "commercial": known.commercial,
        "source": known.source,
    }
    if known.unscaled:
        says |= {"mean": (0.0, 0.0, 0.0), "scale_after_mean": 1.0}
    return says


def _card(path: Path, graph: GraphProto) -> Card:
    """The card by the side-car, and where that says nothing, by the file's name and its graph."""
    ends = signature(graph, path.name)
    size = _size(path, ends)
    says = {"input_size": size or 0, "template": "arcface" if size == 112 else "", **_from_name(path)}
    if scales_by_itself(graph, ends):
        says |= {"mean": (0.0, 0.0, 0.0), "scale_after_mean": 1.0}
    says["dim"] = _width(ends.output_shapes[_embedding(path, ends)])
    side_car = path.with_suffix(".json")
    card = read_card(side_car, **says) if side_car.is_file() else Card(**says)
    if not (card.input_size and card.template):
        missing = " and ".join(key for key in ("input_size", "template") if not getattr(card, key))
        raise ModelError(
            f"{path.name} does not tell how faces are cut out for it. Write {missing} (and channels, mean and "
            f"scale_after_mean where they differ) into {side_car.name} beside it, for example "
            f'{{"input_size": {size or 160}, "template": "facenet", "channels": "RGB", '
            '"mean": [127.5, 127.5, 127.5], "scale_after_mean": 0.0078125}.'
        )
    return card


def _channels_last(path: Path, ends: Signature) -> bool:
    """Networks from TensorFlow take (B, H, W, 3)."""
    shape = ends.input_shape
    if len(shape) == 4 and shape[1] in (3, None) and shape[3] != 3:
        return False
    if len(shape) == 4 and shape[3] == 3:
        return shape[1] != 3
    raise ModelError(
        f"{path.name} takes an input of shape {tuple(size or '?' for size in shape)}, not pictures with three "
        "channels. Use a network that recognises faces."
    )


def _size(path: Path, ends: Signature) -> int | None:
    sides = ends.input_shape[1:3] if _channels_last(path, ends) else ends.input_shape[2:]
    if None not in sides and sides[0] != sides[1]:
        raise ModelError(f"{path.name} takes pictures of {sides[1]}x{sides[0]} px; recognisers here take square ones.")
    return sides[0] or sides[1]


def _check_size(path: Path, ends: Signature, card: Card) -> None:
    size = _size(path, ends)
    if size and card.input_size != size:
        raise ModelError(
            f"{path.name} takes pictures of {size} px, but its description says {card.input_size}. "
            f'Write "input_size": {size} into {path.with_suffix(".json").name}.'
        )


def _width(shape: tuple[int | None, ...]) -> int:
    """How long an embedding of shape (B, ...) is, or 0 where the file leaves that open."""
    return math.prod(size or 0 for size in shape[1:]) if len(shape) > 1 else 0


def _embedding(path: Path, ends: Signature) -> int:
    """Which output is the embedding: some networks, such as AdaFace, also give its length."""
    if len(ends.output_names) == 1:
        return 0
    wide = [place for place, shape in enumerate(ends.output_shapes) if _width(shape) >= 32]
    if len(wide) != 1:
        raise ModelError(
            f"{path.name} gives {len(ends.output_names)} outputs; a recogniser gives one embedding. "
            "Use a network that recognises faces."
        )
    return wide[0]


def scales_by_itself(graph: GraphProto, ends: Signature) -> bool:
    """Whether the graph takes 0 to 255 and scales by itself, which insightface's rule sees by a subtraction and a
    multiplication among the first nodes. Only what happens to the picture before any layer counts here: layer
    norms subtract and multiply too.
    """
    value, seen = ends.input_name, set()
    for node in graph.node:
        if value not in node.input:
            continue
        if node.op_type not in ("Add", "Cast", "Div", "Identity", "Mul", "Sub", "Transpose"):
            break
        seen.add(node.op_type)
        value = node.output[0]
    return bool(seen & {"Sub", "Add"}) and bool(seen & {"Mul", "Div"})
