"""ONNX operators as torch functions: what face networks are made of.

`OPERATORS[type](attributes)` returns a function of the node's inputs. Inputs are tensors, or None
where the node leaves an optional one out; shape arithmetic runs on small integer tensors on the CPU.
Besides the node's own attributes a builder gets `_opset` and `_outputs` (how many the node names).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ModelError
from .common import Attributes, Builder, Operator, across_devices, on_one_device, simple, whole_numbers
from .newer import NEWER_OPERATORS
from .prelu import prelu
from .shapes import SHAPE_OPERATORS, surround

# --- Convolution and pooling ---


def _padding(
    attributes: Attributes, x: Tensor, kernel: list[int], strides: list[int], dilations: list[int]
) -> tuple[list[int], list[int]]:
    """What to add before and after each spatial axis."""
    axes = len(kernel)
    auto = attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        totals = [
            max((-(-side // step) - 1) * step + span - side, 0)
            for side, step, span in zip(x.shape[2:], strides, spans, strict=True)
        ]
        small = [total // 2 for total in totals]
        large = [total - total // 2 for total in totals]
        return (large, small) if auto == "SAME_LOWER" else (small, large)
    pads = list(attributes.get("pads", [])) if auto == "NOTSET" else []
    pads = pads or [0] * 2 * axes
    return pads[:axes], pads[axes:]


def _conv(attributes: Attributes) -> Operator:
    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        axes = weight.ndim - 2
        strides, dilations = attributes.get("strides", [1] * axes), attributes.get("dilations", [1] * axes)
        before, after = _padding(attributes, x, list(weight.shape[2:]), strides, dilations)
        if before != after:
            x, before = surround(x, before, after), [0] * axes
        convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
        return convolve(x, weight, bias, strides, before, dilations, attributes.get("group", 1))

    return run


def _max_pool(attributes: Attributes) -> Operator:
    kernel = attributes["kernel_shape"]
    axes = len(kernel)
    strides, dilations = attributes.get("strides", [1] * axes), attributes.get("dilations", [1] * axes)
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[axes - 1]
    ceil = bool(attributes.get("ceil_mode", 0))

    def run(x: Tensor) -> Tensor:
        before, after = _padding(attributes, x, kernel, strides, dilations)
        if before != after or any(2 * amount > k for amount, k in zip(before, kernel, strict=True)):
            x, before = surround(x, before, after, float("-inf")), [0] * axes
        return pool(x, kernel, strides, before, dilations, ceil)

    return run


def _average_pool(attributes: Attributes) -> Operator:
    kernel = attributes["kernel_shape"]
    axes = len(kernel)
    strides = attributes.get("strides", [1] * axes)
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]
    ceil = bool(attributes.get("ceil_mode", 0))
    if any(step != 1 for step in attributes.get("dilations", [])):
        raise ModelError("The operator AveragePool with dilations is not supported here.")

    def run(x: Tensor) -> Tensor:
        before, after = _padding(attributes, x, kernel, strides, [1] * axes)
        if not any((*before, *after)):
            return pool(x, kernel, strides, 0, ceil)
        mean = pool(surround(x, before, after), kernel, strides, 0, ceil)
        if attributes.get("count_include_pad", 0):
            return mean
        return mean / pool(surround(torch.ones_like(x[:1, :1]), before, after), kernel, strides, 0, ceil)

    return run


def _over_space(function: Callable[..., Tensor]) -> Builder:
    return simple(lambda x: function(x, tuple(range(2, x.ndim)), keepdim=True))


# --- Activations and arithmetic ---


def _prelu(attributes: Attributes) -> Operator:
    def run(x: Tensor, slope: Tensor) -> Tensor:
        if slope.ndim == 1 and x.ndim > 2 and slope.numel() == x.shape[1] != x.shape[-1]:
            slope = slope.view(-1, *[1] * (x.ndim - 2))  # files older than opset 7 mean channels
        return prelu(x, slope)

    return run


def _clip(attributes: Attributes) -> Operator:
    def run(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        lower = attributes.get("min") if low is None else low.item()
        upper = attributes.get("max") if high is None else high.item()
        return x if lower is None and upper is None else x.clamp(lower, upper)

    return run


def _softmax(attributes: Attributes) -> Operator:
    if attributes["_opset"] >= 13:
        return lambda x: x.softmax(attributes.get("axis", -1))
    axis = attributes.get("axis", 1)  # before opset 13 all axes from this one on shared one softmax
    return lambda x: x.flatten(axis % x.ndim).softmax(-1).view(x.shape)


def _gemm(attributes: Attributes) -> Operator:
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)

    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        product = (a.T if attributes.get("transA") else a) @ (b.T if attributes.get("transB") else b)
        product = product if alpha == 1 else alpha * product
        return product if c is None else product + (c if beta == 1 else beta * c)

    return run


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """ONNX divides whole numbers to whole numbers."""
    return a / b if a.is_floating_point() or b.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _cast(attributes: Attributes) -> Operator:
    """Kinds of floats are not told apart: the module's weights say which precision it runs in."""
    target = attributes["to"]
    if target in (1, 10, 11, 16):
        return lambda x: x if x.is_floating_point() else x.float()
    if target not in (2, 3, 5, 6, 7, 9):
        raise ModelError(f"The operator Cast to ONNX type {target} is not supported here.")
    return lambda x: x.to(torch.bool if target == 9 else torch.int64)


# --- Normalisation and reduction ---


def _batch_norm(attributes: Attributes) -> Operator:
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias, mean, var: F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)


def _instance_norm(attributes: Attributes) -> Operator:
    return lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias, eps=attributes.get("epsilon", 1e-5))


def _layer_norm(attributes: Attributes) -> Operator:
    def run(x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.layer_norm(x, x.shape[attributes.get("axis", -1) :], scale, bias, attributes.get("epsilon", 1e-5))

    return run


def _lp_norm(attributes: Attributes) -> Operator:
    return lambda x: F.normalize(x, p=attributes.get("p", 2), dim=attributes.get("axis", -1))


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _reduction(function: Callable[..., Tensor]) -> Builder:
    def build(attributes: Attributes) -> Operator:
        def run(x: Tensor, axes: Tensor | None = None) -> Tensor:
            chosen = whole_numbers(axes if axes is not None else attributes.get("axes", []))
            if not chosen and attributes.get("noop_with_empty_axes"):
                return x
            return function(x, chosen or list(range(x.ndim)), bool(attributes.get("keepdims", 1)))

        return run

    return build


OPERATORS: dict[str, Builder] = {
    **SHAPE_OPERATORS,
    **NEWER_OPERATORS,
    "Abs": simple(torch.abs),
    "Add": across_devices(torch.add),
    "And": across_devices(torch.logical_and),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Ceil": simple(torch.ceil),
    "Clip": _clip,
    "Conv": _conv,
    "Div": across_devices(_divide),
    "Dropout": simple(lambda x, *rest: x),
    "Einsum": lambda a: lambda *parts: torch.einsum(a["equation"], *on_one_device(*parts)),
    "Elu": lambda a: lambda x: F.elu(x, a.get("alpha", 1.0)),
    "Equal": across_devices(torch.eq),
    "Erf": simple(torch.erf),
    "Exp": simple(torch.exp),
    "Floor": simple(torch.floor),
    "Gelu": lambda a: lambda x: F.gelu(x, approximate=a.get("approximate", "none")),
    "Gemm": _gemm,
    "GlobalAveragePool": _over_space(torch.mean),
    "GlobalMaxPool": _over_space(torch.amax),
    "Greater": across_devices(torch.gt),
    "GreaterOrEqual": across_devices(torch.ge),
    "HardSigmoid": lambda a: lambda x: (x * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": simple(F.hardswish),
    "Identity": simple(lambda x: x),
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda a: lambda x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Less": across_devices(torch.lt),
    "LessOrEqual": across_devices(torch.le),
    "Log": simple(torch.log),
    "LpNormalization": _lp_norm,
    "MatMul": across_devices(torch.matmul),
    "Max": across_devices(lambda *values: reduce(torch.maximum, values)),
    "MaxPool": _max_pool,
    "Min": across_devices(lambda *values: reduce(torch.minimum, values)),
    "Mod": lambda a: across_devices(torch.fmod if a.get("fmod") else torch.remainder)(a),
    "Mul": across_devices(torch.mul),
    "Neg": simple(torch.neg),
    "Not": simple(torch.logical_not),
    "Or": across_devices(torch.logical_or),
    "PRelu": _prelu,
    "Pow": across_devices(torch.pow),
    "Reciprocal": simple(torch.reciprocal),
    "ReduceL1": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 1, dim=axes, keepdim=keep)),
    "ReduceL2": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep)),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceMin": _reduction(torch.amin),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(torch.sum),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: x.square().sum(axes, keepdim=keep)),
    "Relu": simple(torch.relu),
    "Sigmoid": simple(torch.sigmoid),
    "Softmax": _softmax,
    "Softplus": simple(F.softplus),
    "Sqrt": simple(torch.sqrt),
    "Sub": across_devices(torch.sub),
    "Sum": across_devices(lambda *values: reduce(torch.add, values)),
    "Tanh": simple(torch.tanh),
    "Where": across_devices(torch.where),
}
