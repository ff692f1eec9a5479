"""Recognisers from ONNX files: a side-car JSON says what the network expects, or the file and its name do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from ..errors import ModelError
from .card import Card, read_card
from .onnx_graph import OnnxGraph
from .recogniser import Recogniser

_INSIGHTFACE = "insightface's model terms: non-commercial research only"


@dataclass(frozen=True)
class Known:
    """What the name of a widespread file says about it."""

    start: str
    family: str
    channels: str = "RGB"
    licence: str = ""
    commercial: bool | None = None


_KNOWN = (
    Known("w600k_r50", "arcface-ir", licence=_INSIGHTFACE, commercial=False),
    Known("glintr100", "arcface-ir", licence=_INSIGHTFACE, commercial=False),
    Known("w600k_mbf", "mobilefacenet", licence=_INSIGHTFACE, commercial=False),
    Known("adaface", "arcface-ir", channels="BGR", licence="MIT", commercial=None),
    # OpenCV's own class swaps its BGR pictures to RGB and hands them over unscaled.
    Known("face_recognition_sface", "sface", licence="Apache-2.0", commercial=True),
    Known("mobilefacenet", "mobilefacenet"),
)


class _ChannelsLast(nn.Module):
    """Hands pictures over as (B, H, W, C), as networks from TensorFlow want them."""

    def __init__(self, graph: OnnxGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, x: Tensor) -> Tensor:
        return self.graph(x.permute(0, 2, 3, 1))


def load_onnx(path: Path) -> Recogniser:
    """A differentiable recogniser from an ONNX file."""
    graph = OnnxGraph(path)
    card = _card(path, graph)
    if len(graph.output_names) != 1:
        raise ModelError(f"{path.name} gives {len(graph.output_names)} outputs; a recogniser gives one embedding.")
    last = len(graph.input_shape) == 4 and graph.input_shape[3] == 3 and graph.input_shape[1] != 3
    return Recogniser(card, _ChannelsLast(graph) if last else graph)


def describe_onnx(path: Path) -> Card:
    """The card of an ONNX file without keeping its weights."""
    side_car = path.with_suffix(".json")
    if side_car.is_file():
        return read_card(side_car, **_fallbacks(path))
    return _card(path, OnnxGraph(path))


def _fallbacks(path: Path) -> dict[str, object]:
    known = next((k for k in _KNOWN if path.stem.lower().startswith(k.start)), None)
    says: dict[str, object] = {"name": path.stem, "family": path.stem}
    if known:
        says |= {"family": known.family, "channels": known.channels, "licence": known.licence}
        says["commercial"] = known.commercial
    return says


def _card(path: Path, graph: OnnxGraph) -> Card:
    """The side-car's word, else the graph's: size from its input, scaling from whether it scales by itself."""
    shape = graph.input_shape
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise ModelError(f"{path.name} takes an input of shape {list(shape)}, not pictures with three channels.")
    says = _fallbacks(path)
    size = shape[2]
    if size:
        says["input_size"] = size
    if size == 112:
        says["template"] = "arcface"
    if _scales_by_itself(graph) or path.stem.lower().startswith("face_recognition_sface"):
        says |= {"mean": (0.0, 0.0, 0.0), "scale_after_mean": 1.0}
    width = graph.output_shapes[0][-1] if graph.output_shapes[0] else None
    if width:
        says["dim"] = width
    side_car = path.with_suffix(".json")
    if side_car.is_file():
        return read_card(side_car, **says)
    if "template" not in says:
        raise ModelError(
            f"{path.name} takes pictures of {size or 'any'} px, which does not say how faces are aligned for it. "
            f'Write {side_car.name} beside it, such as {{"input_size": {size or 160}, "template": "facenet", '
            '"channels": "RGB", "mean": [127.5, 127.5, 127.5], "scale_after_mean": 0.0078125}.'
        )
    return Card(**says)


def _scales_by_itself(graph: OnnxGraph) -> bool:
    """insightface's rule: subtracting and multiplying among the first nodes means that pictures go in as 0 to 255."""
    first = graph.operators[:8]
    return "Sub" in first and ("Mul" in first or "Div" in first)
