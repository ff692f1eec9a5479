"""ONNX operators that move, cut and size: shapes, slices, borders, scaling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ModelError
from .common import Attributes, Builder, Operator, on_one_device, one_of, simple, whole_numbers


def reshape(attributes: Attributes) -> Operator:
    """Reshape, which also mends files that were exported for one picture.

    Such files write the batch of 1 into constant targets such as (1, -1) or (1, 512): with B pictures
    those would fail, or merge all faces into one row. The caller passes `batch` (= B) only where a value
    made of pictures meets a constant target that starts with 1, in a graph whose declared batch is 1 or
    open (weights, and files for several pictures, mean their 1). The 1 becomes B
    where that alone makes the element counts agree, or, since -1 agrees with any count, where
    the input starts with B. Targets computed at run time already know the batch and stay as they are.
    """

    def run(x: Tensor, shape: Tensor, batch: int = 1) -> Tensor:
        wanted = whole_numbers(shape)
        if not attributes.get("allowzero"):
            wanted = [x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
        if batch > 1 and (x.shape[:1] == (batch,) if -1 in wanted else math.prod(wanted) * batch == x.numel()):
            wanted[0] = batch
        return x.reshape(wanted)

    return run


def _flatten(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 1)
    return lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _transpose(attributes: Attributes) -> Operator:
    return lambda x: x.permute(tuple(attributes.get("perm", reversed(range(x.ndim)))))


def _squeeze(attributes: Attributes) -> Operator:
    def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = axes if axes is not None else attributes.get("axes")
        return x.squeeze() if chosen is None else x.squeeze(tuple(whole_numbers(chosen)))

    return run


def _unsqueeze(attributes: Attributes) -> Operator:
    def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = whole_numbers(axes if axes is not None else attributes["axes"])
        for axis in sorted(axis % (x.ndim + len(chosen)) for axis in chosen):
            x = x.unsqueeze(axis)
        return x

    return run


def _pick(x: Tensor, axis: int, places: Any) -> Tensor:
    return x.index_select(axis, torch.as_tensor(places, dtype=torch.int64, device=x.device))


def _slice(attributes: Attributes) -> Operator:
    def run(x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Tensor:
        starts = whole_numbers(attributes["starts"] if starts is None else starts)
        ends = whole_numbers(attributes["ends"] if ends is None else ends)
        axes = whole_numbers(axes if axes is not None else attributes.get("axes", range(len(starts))))
        steps = whole_numbers(steps) if steps is not None else [1] * len(starts)
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            side = x.shape[axis]
            if step < 0:
                x = _pick(x, axis, list(range(side)[slice(start, None if end < -side else end, step)]))
            else:
                x = x[(*[slice(None)] * (axis % x.ndim), slice(start, end, step))]
        return x

    return run


def _gather(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 0)

    def run(x: Tensor, index: Tensor) -> Tensor:
        picked = _pick(x, axis, index.flatten() % x.shape[axis])
        return picked.reshape((*x.shape[:axis], *index.shape, *x.shape[axis:][1:]))

    return run


def _split(attributes: Attributes) -> Operator:
    axis, parts = attributes.get("axis", 0), attributes.get("num_outputs", attributes["_outputs"])

    def run(x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
        given = sizes if sizes is not None else attributes.get("split")
        return x.split(-(-x.shape[axis] // parts) if given is None else whole_numbers(given), axis)

    return run


def _constant(attributes: Attributes) -> Operator:
    names = ("value", "value_float", "value_int", "value_floats", "value_ints")
    value = next((attributes[name] for name in names if name in attributes), None)
    if value is None:
        raise ModelError("A constant that is neither a number nor a list of numbers is not supported here.")
    return lambda: value if isinstance(value, Tensor) else torch.tensor(value)


def _constant_of_shape(attributes: Attributes) -> Operator:
    value = attributes.get("value", torch.zeros(1))
    return lambda shape: value.flatten()[0].expand(whole_numbers(shape))


# --- Borders and sizes ---


def surround(x: Tensor, before: list[int], after: list[int], value: float = 0.0) -> Tensor:
    pairs = zip(reversed(before), reversed(after), strict=True)  # F.pad starts with the last axis
    return F.pad(x, [amount for pair in pairs for amount in pair], value=value)


def _beyond(side: int, before: int, after: int, mode: str) -> Tensor:
    """Where the pixels of a bordered axis come from."""
    places = torch.arange(-before, side + after)
    if mode == "edge":
        return places.clamp(0, side - 1)
    period = max(2 * (side - 1), 1)
    places = places % period
    return torch.minimum(places, period - places)


def _pad(attributes: Attributes) -> Operator:
    mode = one_of("Pad", "mode", attributes.get("mode", "constant"), ("constant", "reflect", "edge"))

    def run(x: Tensor, pads: Any = None, value: Tensor | None = None, axes: Any = None) -> Tensor:
        amounts = whole_numbers(attributes["pads"] if pads is None else pads)
        before, after = [0] * x.ndim, [0] * x.ndim
        for place, axis in enumerate(range(x.ndim) if axes is None else whole_numbers(axes)):
            before[axis], after[axis] = amounts[place], amounts[place + len(amounts) // 2]
        if mode == "constant":
            return surround(x, before, after, attributes.get("value", 0.0) if value is None else value.item())
        for axis in range(x.ndim):
            if before[axis] or after[axis]:
                x = _pick(x, axis, _beyond(x.shape[axis], before[axis], after[axis], mode))
        return x

    return run


_ROUNDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round_prefer_floor": lambda place: torch.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: torch.floor(place + 0.5),
}


def _places(old: int, new: int, scale: float, transform: str) -> Tensor:
    """Where each of `new` pixels lies among `old` ones, by the ONNX rule of that name."""
    index = torch.arange(new, dtype=torch.float64)
    if transform == "align_corners":
        return index * ((old - 1) / max(new - 1, 1))
    if transform == "asymmetric":
        return index / scale
    if transform == "pytorch_half_pixel" and new == 1:
        return index
    return (index + 0.5) / scale - 0.5


def _resize(attributes: Attributes) -> Operator:
    """Axis by axis, because torch's own resizing knows only some of ONNX's rules for where pixels lie."""
    modern = attributes["_opset"] >= 11  # before, and in Upsample, pixel 0 lies on pixel 0
    transforms = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    transform = attributes.get("coordinate_transformation_mode", "half_pixel" if modern else "asymmetric")
    one_of("Resize", "coordinate_transformation_mode", transform, transforms)
    mode = one_of("Resize", "mode", attributes.get("mode", "nearest"), ("nearest", "linear"))
    rounding = _ROUNDINGS[attributes.get("nearest_mode", "round_prefer_floor" if modern else "floor")]
    one_of("Resize", "policy", attributes.get("keep_aspect_ratio_policy", "stretch"), ("stretch",))
    if attributes.get("antialias"):
        raise ModelError("The operator Resize with antialias is not supported here.")

    def along(x: Tensor, axis: int, new: int, scale: float) -> Tensor:
        old = x.shape[axis]
        place = _places(old, new, scale, transform)
        if mode == "nearest":
            return _pick(x, axis, rounding(place).long().clamp(0, old - 1))
        place = place.clamp(0, old - 1)
        low = place.long()
        share = (place - low).to(x).view(-1, *[1] * (-axis - 1))
        return torch.lerp(_pick(x, axis, low), _pick(x, axis, (low + 1).clamp(max=old - 1)), share)

    def run(x: Tensor, *rest: Tensor | None) -> Tensor:
        scales, sizes = rest[0] if len(rest) == 1 else None, None
        if len(rest) > 1:
            scales, sizes = rest[1], rest[2] if len(rest) > 2 else None
        axes = attributes.get("axes", range(x.ndim))
        if sizes is not None and sizes.numel():
            news = whole_numbers(sizes)
            factors = [new / x.shape[axis] for axis, new in zip(axes, news, strict=True)]
        else:
            factors = attributes["scales"] if scales is None else scales.tolist()
            news = [math.floor(x.shape[axis] * factor) for axis, factor in zip(axes, factors, strict=True)]
        for axis, new, factor in zip(axes, news, factors, strict=True):
            if new != x.shape[axis]:
                x = along(x, axis % x.ndim - x.ndim, new, factor)
        return x

    return run


SHAPE_OPERATORS: dict[str, Builder] = {
    "Concat": lambda a: lambda *parts: torch.cat(on_one_device(*parts), a["axis"]),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Expand": simple(lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, whole_numbers(shape)))),
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "Range": simple(lambda start, end, step: torch.arange(start.item(), end.item(), step.item())),
    "Reshape": reshape,
    "Resize": _resize,
    "Shape": lambda a: lambda x: torch.tensor(x.shape)[a.get("start", 0) : a.get("end")],
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": simple(lambda x, repeats: x.repeat(whole_numbers(repeats))),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Upsample": lambda a: _resize({**a, "_opset": 9}),
}
