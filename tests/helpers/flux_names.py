"""Our Flux as diffusers' FluxTransformer2DModel: the same sizes, the same weights, other names."""

from __future__ import annotations

import torch
from torch import Tensor

from faceveil.core.engines.flux import FluxShape

_EMBEDDERS = {"time_in": "timestep_embedder", "guidance_in": "guidance_embedder", "vector_in": "text_embedder"}
_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_attn.norm.query_norm.scale": "attn.norm_q.weight",
    "img_attn.norm.key_norm.scale": "attn.norm_k.weight",
    "txt_attn.norm.query_norm.scale": "attn.norm_added_q.weight",
    "txt_attn.norm.key_norm.scale": "attn.norm_added_k.weight",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_SINGLE = {
    "linear2": "proj_out",
    "modulation.lin": "norm.linear",
    "norm.query_norm.scale": "attn.norm_q.weight",
    "norm.key_norm.scale": "attn.norm_k.weight",
}


def diffusers_sizes(shape: FluxShape) -> dict[str, object]:
    """Keyword arguments of diffusers' FluxTransformer2DModel."""
    return {
        "patch_size": 1,
        "in_channels": shape.in_channels,
        "num_layers": shape.depth,
        "num_single_layers": shape.depth_single_blocks,
        "attention_head_dim": shape.hidden_size // shape.num_heads,
        "num_attention_heads": shape.num_heads,
        "joint_attention_dim": shape.context_in_dim,
        "pooled_projection_dim": shape.vec_in_dim,
        "guidance_embeds": True,
        "axes_dims_rope": shape.axes_dim,
    }


def diffusers_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of diffusers' FluxTransformer2DModel."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if head in _EMBEDDERS:
            layer = {"in_layer": "linear_1", "out_layer": "linear_2"}[rest.split(".")[0]]
            renamed[f"time_text_embed.{_EMBEDDERS[head]}.{layer}.{rest.split('.')[1]}"] = value
        elif head == "double_blocks":
            index, rest = rest.split(".", 1)
            renamed.update(_double(f"transformer_blocks.{index}.", rest, value))
        elif head == "single_blocks":
            index, rest = rest.split(".", 1)
            renamed.update(_single(f"single_transformer_blocks.{index}.", rest, value))
        elif name.startswith("final_layer.adaLN"):
            # diffusers has scale first and shift second.
            shift, scale = value.chunk(2)
            renamed["norm_out.linear." + rest.rsplit(".", 1)[1]] = torch.cat([scale, shift])
        else:
            outer = {"img_in": "x_embedder", "txt_in": "context_embedder", "final_layer": "proj_out"}[head]
            renamed[f"{outer}.{rest.rsplit('.', 1)[-1]}"] = value
    return renamed


def _double(prefix: str, rest: str, value: Tensor) -> dict[str, Tensor]:
    if rest in _DOUBLE:
        return {prefix + _DOUBLE[rest]: value}
    part, _, kind = rest.rpartition(".")
    if part in _DOUBLE:
        return {f"{prefix}{_DOUBLE[part]}.{kind}": value}
    names = ("to_q", "to_k", "to_v") if part.startswith("img") else ("add_q_proj", "add_k_proj", "add_v_proj")
    return {f"{prefix}attn.{name}.{kind}": piece for name, piece in zip(names, value.chunk(3), strict=True)}


def _single(prefix: str, rest: str, value: Tensor) -> dict[str, Tensor]:
    if rest in _SINGLE:
        return {prefix + _SINGLE[rest]: value}
    part, _, kind = rest.rpartition(".")
    if part in _SINGLE:
        return {f"{prefix}{_SINGLE[part]}.{kind}": value}
    # linear1 holds query, key, value and the MLP's first layer, one below the other; linear2's width tells the split.
    hidden = value.shape[0] // 7 if value.shape[0] % 7 == 0 else 0
    if not hidden:
        raise ValueError("only an MLP four times the hidden size is known here")
    q, k, v, inner = value.split([hidden, hidden, hidden, 4 * hidden])
    named = {"attn.to_q": q, "attn.to_k": k, "attn.to_v": v, "proj_mlp": inner}
    return {f"{prefix}{name}.{kind}": piece for name, piece in named.items()}
