"""ONNX operators of transformer exports: attention, positions as sines, quantised blocks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ModelError
from .common import Attributes, Builder, Operator, one_of, simple


def _attention(attributes: Attributes) -> Operator:
    """Queries, keys and values (B, heads, N, D), or (B, N, heads * D) with the heads as attributes."""
    if attributes["_outputs"] > 1:
        raise ModelError("The operator Attention with more than one output is not supported here.")
    for name in ("softcap", "qk_matmul_output_mode"):
        if attributes.get(name):
            raise ModelError(f"The operator Attention with {name} is not supported here.")

    def apart(x: Tensor, heads: int | None) -> Tensor:
        return x if x.ndim == 4 else x.unflatten(-1, (heads, -1)).transpose(1, 2)

    def run(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        together = q.ndim == 3
        heads = attributes.get("q_num_heads"), attributes.get("kv_num_heads")
        q, k, v = apart(q, heads[0]), apart(k, heads[1]), apart(v, heads[1])
        shared = q.shape[1] // k.shape[1]
        k, v = (part.repeat_interleave(shared, 1) if shared > 1 else part for part in (k, v))
        causal = bool(attributes.get("is_causal", 0))
        mixed = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=attributes.get("scale"))
        return mixed.transpose(1, 2).flatten(2) if together else mixed

    return run


def _rms_norm(attributes: Attributes) -> Operator:
    def run(x: Tensor, scale: Tensor) -> Tensor:
        axes = tuple(range(attributes.get("axis", -1) % x.ndim, x.ndim))
        mean = x.square().mean(axes, keepdim=True)
        return x * (mean + attributes.get("epsilon", 1e-5)).rsqrt() * scale

    return run


def _group_norm(attributes: Attributes) -> Operator:
    groups, epsilon = attributes["num_groups"], attributes.get("epsilon", 1e-5)

    def run(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        if len(scale) == groups != x.shape[1]:  # opset 18 had one number a group
            scale, bias = (part.repeat_interleave(x.shape[1] // groups) for part in (scale, bias))
        return F.group_norm(x, groups, scale, bias, epsilon)

    return run


def _cum_sum(attributes: Attributes) -> Operator:
    back, exclusive = attributes.get("reverse", 0), attributes.get("exclusive", 0)

    def run(x: Tensor, axis: Tensor) -> Tensor:
        at = int(axis)
        x = x.flip(at) if back else x
        total = x.cumsum(at) - x if exclusive else x.cumsum(at)
        return total.flip(at) if back else total

    return run


def _gather_nd(attributes: Attributes) -> Operator:
    if attributes.get("batch_dims"):
        raise ModelError("The operator GatherND with batch_dims is not supported here.")
    return lambda x, index: x[tuple(index.to(x.device).unbind(-1))]


def _gather_elements(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 0)
    return lambda x, index: x.gather(axis, index.to(x.device) % x.shape[axis])


def _trilu(attributes: Attributes) -> Operator:
    cut = torch.triu if attributes.get("upper", 1) else torch.tril
    return lambda x, diagonal=None: cut(x, 0 if diagonal is None else int(diagonal))


def _depth_to_space(attributes: Attributes) -> Operator:
    side = attributes["blocksize"]
    mode = one_of("DepthToSpace", "mode", attributes.get("mode", "DCR"), ("DCR", "CRD"))

    def run(x: Tensor) -> Tensor:
        if mode == "CRD":
            return F.pixel_shuffle(x, side)
        blocks = x.unflatten(1, (side, side, -1)).permute(0, 3, 4, 1, 5, 2)
        return blocks.flatten(4).flatten(2, 3)

    return run


def _space_to_depth(attributes: Attributes) -> Operator:
    side = attributes["blocksize"]

    def run(x: Tensor) -> Tensor:
        return x.unflatten(3, (-1, side)).unflatten(2, (-1, side)).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)

    return run


def _dequantize(attributes: Attributes) -> Operator:
    """Integers to floats, with one scale for all, for each row, or for each block of a row."""
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)

    def spread(part: Tensor, x: Tensor) -> Tensor:
        if block:
            return part.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
        return part.view(-1, *[1] * (x.ndim - axis % x.ndim - 1)) if part.ndim == 1 and part.numel() > 1 else part

    def run(x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
        shifted = x if zero is None else x - spread(zero, x)
        return shifted * spread(scale, x)

    return run


def _log_softmax(attributes: Attributes) -> Operator:
    if attributes["_opset"] >= 13:
        return lambda x: x.log_softmax(attributes.get("axis", -1))
    axis = attributes.get("axis", 1)
    return lambda x: x.flatten(axis % x.ndim).log_softmax(-1).view(x.shape)


def _as_other(x: Tensor, other: Tensor) -> Tensor:
    """Kinds of floats are not told apart, as in Cast."""
    return x if x.is_floating_point() and other.is_floating_point() else x.to(other.dtype)


NEWER_OPERATORS: dict[str, Builder] = {
    "Attention": _attention,
    "CastLike": simple(_as_other),
    "Cos": simple(torch.cos),
    "CumSum": _cum_sum,
    "DepthToSpace": _depth_to_space,
    "DequantizeLinear": _dequantize,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "GroupNormalization": _group_norm,
    "LogSoftmax": _log_softmax,
    "Mish": simple(F.mish),
    "RMSNormalization": _rms_norm,
    "Selu": simple(F.selu),
    "Sign": simple(torch.sign),
    "Sin": simple(torch.sin),
    "Size": simple(lambda x: torch.tensor(x.numel())),
    "SpaceToDepth": _space_to_depth,
    "Trilu": _trilu,
}
