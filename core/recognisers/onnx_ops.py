"""ONNX operators as torch functions: what face networks are made of.

`OPERATORS[type](attributes)` returns a function of the node's inputs. Inputs are tensors, or None
where the node leaves an optional one out; shape arithmetic runs on small integer tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]


def _numbers(value: Any) -> list[int]:
    """Whole numbers from an attribute or from a tensor input."""
    return [int(v) for v in (value.flatten().tolist() if isinstance(value, Tensor) else value)]


def _padding(
    attributes: Attributes, x: Tensor, kernel: list[int], strides: list[int], dilations: list[int]
) -> list[int]:
    """ONNX's (begins..., ends...) in `F.pad`'s order, last axis first."""
    axes = len(kernel)
    auto = attributes.get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        begins, ends = [], []
        for side, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max((-(-side // s) - 1) * s + (k - 1) * d + 1 - side, 0)
            small, large = total // 2, total - total // 2
            begins.append(large if auto == "SAME_LOWER" else small)
            ends.append(small if auto == "SAME_LOWER" else large)
    else:
        pads = [0] * 2 * axes if auto == "VALID" else attributes.get("pads", [0] * 2 * axes)
        begins, ends = pads[:axes], pads[axes:]
    return [amount for begin, end in zip(reversed(begins), reversed(ends), strict=True) for amount in (begin, end)]


def _conv(attributes: Attributes) -> Operator:
    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        axes = weight.ndim - 2
        strides, dilations = attributes.get("strides", [1] * axes), attributes.get("dilations", [1] * axes)
        padding = _padding(attributes, x, list(weight.shape[2:]), strides, dilations)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
        if padding[0::2] == padding[1::2]:
            symmetric = padding[0::2][::-1]
            return convolve(x, weight, bias, strides, symmetric, dilations, attributes.get("group", 1))
        return convolve(F.pad(x, padding), weight, bias, strides, 0, dilations, attributes.get("group", 1))

    return run


def _pool(attributes: Attributes, kind: str) -> Operator:
    kernel = attributes["kernel_shape"]
    strides = attributes.get("strides", [1] * len(kernel))
    ceil = bool(attributes.get("ceil_mode", 0))

    def run(x: Tensor) -> Tensor:
        padding = _padding(attributes, x, kernel, strides, [1] * len(kernel))
        if kind == "max":
            return F.max_pool2d(F.pad(x, padding, value=float("-inf")), kernel, strides, ceil_mode=ceil)
        counted = F.avg_pool2d(F.pad(x, padding), kernel, strides, ceil_mode=ceil)
        if not any(padding) or attributes.get("count_include_pad", 0):
            return counted
        share = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), padding), kernel, strides, ceil_mode=ceil)
        return counted / share

    return run


def _batch_norm(attributes: Attributes) -> Operator:
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias, mean, var: F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)


def _prelu(attributes: Attributes) -> Operator:
    # ONNX lets the slope broadcast from the right, or be one number a channel.
    return lambda x, slope: torch.where(x >= 0, x, x * slope)


def _clip(attributes: Attributes) -> Operator:
    def run(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        lower = attributes.get("min") if low is None else float(low)
        upper = attributes.get("max") if high is None else float(high)
        return x if lower is None and upper is None else x.clamp(lower, upper)

    return run


def _gemm(attributes: Attributes) -> Operator:
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)

    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        a = a.T if attributes.get("transA") else a
        b = b.T if attributes.get("transB") else b
        product = alpha * (a @ b) if alpha != 1 else a @ b
        return product if c is None else product + (beta * c if beta != 1 else c)

    return run


def _flatten(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 1)
    return lambda x: x.flatten(axis % x.ndim) if axis == 1 else x.reshape(int(torch.tensor(x.shape[:axis]).prod()), -1)


def _reshape(attributes: Attributes) -> Operator:
    """Files exported for a batch of 1 reshape to (1, ...), and that 1 stands for the batch.

    With a larger batch it would merge faces into one row, or fail; so where the first axis
    would shrink from B to 1, it stays B.
    """

    def run(x: Tensor, shape: Tensor) -> Tensor:
        wanted = _numbers(shape)
        if not attributes.get("allowzero"):
            wanted = [x.shape[i] if size == 0 else size for i, size in enumerate(wanted)]
        if x.ndim > 1 and len(wanted) > 1 and wanted[0] == 1 and x.shape[0] > 1:
            wanted[0] = x.shape[0]
        return x.reshape(wanted)

    return run


def _transpose(attributes: Attributes) -> Operator:
    return lambda x: x.permute(attributes.get("perm", tuple(reversed(range(x.ndim)))))


def _squeeze(attributes: Attributes) -> Operator:
    def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = _numbers(
            axes if axes is not None else attributes.get("axes", [i for i, n in enumerate(x.shape) if n == 1])
        )
        return x.squeeze(tuple(chosen)) if chosen else x

    return run


def _unsqueeze(attributes: Attributes) -> Operator:
    def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = _numbers(axes if axes is not None else attributes["axes"])
        for axis in sorted(a % (x.ndim + len(chosen)) for a in chosen):
            x = x.unsqueeze(axis)
        return x

    return run


def _slice(attributes: Attributes) -> Operator:
    def run(x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Tensor:
        starts = _numbers(attributes["starts"] if starts is None else starts)
        ends = _numbers(attributes["ends"] if ends is None else ends)
        axes = _numbers(axes if axes is not None else attributes.get("axes", range(len(starts))))
        steps = _numbers(steps) if steps is not None else [1] * len(starts)
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            places = range(x.shape[axis])[slice(start, None if end < -x.shape[axis] else end, step)]
            x = x.index_select(axis, torch.tensor(list(places), device=x.device, dtype=torch.long))
        return x

    return run


def _gather(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 0)

    def run(x: Tensor, index: Tensor) -> Tensor:
        picked = x.index_select(axis, index.flatten().to(x.device) % x.shape[axis])
        return picked.reshape(*x.shape[:axis], *index.shape, *x.shape[axis:][1:])

    return run


def _split(attributes: Attributes) -> Operator:
    def run(x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
        axis = attributes.get("axis", 0)
        given = sizes if sizes is not None else attributes.get("split")
        if given is not None:
            return x.split(_numbers(given), axis)
        return x.chunk(attributes.get("num_outputs", attributes["_outputs"]), axis)

    return run


def _reduce(function: Callable[..., Tensor]) -> Callable[[Attributes], Operator]:
    def build(attributes: Attributes) -> Operator:
        def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
            chosen = axes if axes is not None else attributes.get("axes")
            return function(
                x, _numbers(chosen) if chosen is not None else list(range(x.ndim)), bool(attributes.get("keepdims", 1))
            )

        return run

    return build


def _pad(attributes: Attributes) -> Operator:
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[attributes.get("mode", "constant")]

    def run(x: Tensor, pads: Any = None, value: Tensor | None = None, axes: Any = None) -> Tensor:
        amounts = _numbers(attributes["pads"] if pads is None else pads)
        half = len(amounts) // 2
        chosen = _numbers(axes) if axes is not None else list(range(half))
        each = dict(zip((a % x.ndim for a in chosen), zip(amounts[:half], amounts[half:], strict=True), strict=True))
        order = [amount for axis in reversed(range(x.ndim)) for amount in each.get(axis, (0, 0))]
        while mode != "constant" and len(order) > 4:
            order = order[:-2]
        fill = float(value) if value is not None else attributes.get("value", 0.0)
        return F.pad(x, order, mode, fill) if mode == "constant" else F.pad(x, order, mode)

    return run


def _resize(attributes: Attributes) -> Operator:
    mode = attributes.get("mode", "nearest")
    corners = attributes.get("coordinate_transformation_mode", "half_pixel") == "align_corners"

    def run(x: Tensor, *inputs: Tensor | None) -> Tensor:
        scales = inputs[-1] if len(inputs) == 1 else inputs[1] if len(inputs) > 1 else None
        sizes = inputs[2] if len(inputs) > 2 else None
        if sizes is not None and sizes.numel():
            size = _numbers(sizes)[2:]
        else:
            factors = (scales.tolist() if scales is not None else attributes["scales"])[2:]
            size = [int(side * factor) for side, factor in zip(x.shape[2:], factors, strict=True)]
        if mode == "nearest":
            return F.interpolate(x, size, mode="nearest")
        return F.interpolate(x, size, mode="bilinear" if mode == "linear" else "bicubic", align_corners=corners)

    return run


def _normalise(attributes: Attributes) -> Operator:
    return lambda x: F.normalize(x, p=attributes.get("p", 2), dim=attributes.get("axis", -1))


def _layer_norm(attributes: Attributes) -> Operator:
    def run(x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.layer_norm(x, x.shape[attributes.get("axis", -1) :], scale, bias, attributes.get("epsilon", 1e-5))

    return run


_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}


def _constant(attributes: Attributes) -> Operator:
    value = next(
        attributes[key]
        for key in ("value", "value_float", "value_int", "value_floats", "value_ints")
        if key in attributes
    )
    return lambda: value if isinstance(value, Tensor) else torch.tensor(value)


def _constant_of_shape(attributes: Attributes) -> Operator:
    value = attributes.get("value", torch.zeros(1))
    return lambda shape: value.flatten()[0].expand(_numbers(shape))


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """ONNX divides whole numbers to whole numbers."""
    return a / b if a.is_floating_point() or b.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _plain(function: Operator) -> Callable[[Attributes], Operator]:
    return lambda attributes: function


OPERATORS: dict[str, Callable[[Attributes], Operator]] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "AveragePool": lambda a: _pool(a, "average"),
    "BatchNormalization": _batch_norm,
    "Cast": lambda a: lambda x: x.to(_TYPES[a["to"]]),
    "Clip": _clip,
    "Concat": lambda a: lambda *parts: torch.cat(parts, a["axis"]),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "Div": _plain(_divide),
    "Dropout": lambda a: lambda x, *rest: x,
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Expand": lambda a: lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, _numbers(shape))),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": lambda a: lambda x: F.gelu(x, approximate=a.get("approximate", "none")),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda a: lambda x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    "HardSigmoid": lambda a: lambda x: (x * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": _plain(F.hardswish),
    "Identity": _plain(lambda x: x),
    "InstanceNormalization": lambda a: lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=a.get("epsilon", 1e-5)),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda a: lambda x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": _plain(torch.log),
    "LpNormalization": _normalise,
    "MatMul": _plain(torch.matmul),
    "Max": _plain(lambda first, *rest: first if not rest else torch.maximum(first, rest[0])),
    "MaxPool": lambda a: _pool(a, "max"),
    "Min": _plain(lambda first, *rest: first if not rest else torch.minimum(first, rest[0])),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _plain(torch.pow),
    "ReduceL2": _reduce(lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep)),
    "ReduceMax": _reduce(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMean": _reduce(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceSum": _reduce(lambda x, axes, keep: x.sum(axes, keep)),
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _plain(lambda x: torch.tensor(x.shape)),
    "Sigmoid": _plain(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda a: lambda x: x.softmax(a.get("axis", -1)),
    "Split": _split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Upsample": _resize,
    "Where": _plain(torch.where),
}
