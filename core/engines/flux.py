"""The Flux transformer, small enough to read: double-stream and single-stream blocks with rotary positions.

Parameter names are those of FLUX.1's own checkpoints, so ComfyUI's Flux class loads the same file as it is.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class FluxShape:
    """Sizes of a Flux; names as in FLUX.1's own configuration."""

    in_channels: int = 64
    vec_in_dim: int = 64
    context_in_dim: int = 64
    hidden_size: int = 192
    mlp_ratio: float = 4.0
    num_heads: int = 3
    depth: int = 2
    depth_single_blocks: int = 4
    axes_dim: tuple[int, int, int] = (8, 28, 28)
    theta: int = 10_000

    def for_comfyui(self) -> dict[str, object]:
        """Keyword arguments of ComfyUI's Flux class."""
        return {
            **asdict(self),
            "axes_dim": list(self.axes_dim),
            "in_channels": self.in_channels // 4,
            "out_channels": self.in_channels // 4,
            "patch_size": 2,
            "qkv_bias": True,
            "guidance_embed": True,
        }


def timestep_embedding(t: Tensor, size: int = 256) -> Tensor:
    """Sines and cosines of a time in [0, 1] (or a guidance), at geometrically spaced frequencies."""
    rates = torch.exp(-math.log(10_000) * torch.arange(size // 2, device=t.device) / (size // 2))
    angles = 1000 * t[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], 1)


def rotations(positions: Tensor, axes: tuple[int, ...], theta: int) -> Tensor:
    """Angles (tokens, sum(axes) / 2) of the rotary embedding for integer positions (tokens, len(axes)) on the CPU.

    They need double precision, which not every device has.
    """
    angles = []
    for axis, size in enumerate(axes):
        rates = theta ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
        angles.append(positions[:, axis, None].double() * rates)
    return torch.cat(angles, 1).float()


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn neighbouring pairs of channels of x (B, heads, tokens, size) by `angles` (tokens, size / 2)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class _Rms(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.scale.shape, self.scale, 1e-6)


class _QkNorm(nn.Module):
    """What keeps attention bounded whatever the weights: queries and keys of unit size before their product."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query_norm, self.key_norm = _Rms(size), _Rms(size)


class _Embedder(nn.Module):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.in_layer, self.out_layer = nn.Linear(size, hidden), nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_layer(F.silu(self.in_layer(x)))


class _Modulation(nn.Module):
    """Shift, scale and gate of each part of a block, from the conditioning vector."""

    def __init__(self, hidden: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.lin = nn.Linear(hidden, 3 * parts * hidden)

    def forward(self, vector: Tensor) -> tuple[Tensor, ...]:
        return self.lin(F.silu(vector))[:, None].chunk(3 * self.parts, -1)


def _split_heads(qkv: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    batch, tokens, width = qkv.shape
    q, k, v = qkv.view(batch, tokens, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    return q, k, v


def _attend(q: Tensor, k: Tensor, v: Tensor, angles: Tensor) -> Tensor:
    out = F.scaled_dot_product_attention(rotate(q, angles), rotate(k, angles), v)
    return out.transpose(1, 2).flatten(2)


def _mlp(hidden: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(hidden, inner), nn.GELU(approximate="tanh"), nn.Linear(inner, hidden))


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.norm = _QkNorm(hidden // heads)
        self.proj = nn.Linear(hidden, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = _split_heads(self.qkv(x), self.heads)
        return self.norm.query_norm(q), self.norm.key_norm(k), v


def _norm(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def _stream(shape: FluxShape) -> tuple[_Modulation, _Attention, nn.Sequential]:
    hidden, inner = shape.hidden_size, int(shape.hidden_size * shape.mlp_ratio)
    return _Modulation(hidden, 2), _Attention(hidden, shape.num_heads), _mlp(hidden, inner)


class DoubleBlock(nn.Module):
    """Picture and text keep weights of their own and attend to each other."""

    def __init__(self, shape: FluxShape) -> None:
        super().__init__()
        self.img_mod, self.img_attn, self.img_mlp = _stream(shape)
        self.txt_mod, self.txt_attn, self.txt_mlp = _stream(shape)

    def forward(self, img: Tensor, txt: Tensor, vector: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        img_mod, txt_mod = self.img_mod(vector), self.txt_mod(vector)
        of_img = self.img_attn.project(_norm(img, img_mod[0], img_mod[1]))
        of_txt = self.txt_attn.project(_norm(txt, txt_mod[0], txt_mod[1]))
        q, k, v = (torch.cat([text, image], 2) for text, image in zip(of_txt, of_img, strict=True))
        out = _attend(q, k, v, angles)
        words = txt.shape[1]
        img = img + img_mod[2] * self.img_attn.proj(out[:, words:])
        txt = txt + txt_mod[2] * self.txt_attn.proj(out[:, :words])
        img = img + img_mod[5] * self.img_mlp(_norm(img, img_mod[3], img_mod[4]))
        txt = txt + txt_mod[5] * self.txt_mlp(_norm(txt, txt_mod[3], txt_mod[4]))
        return img, txt


class SingleBlock(nn.Module):
    """One stream; attention and MLP side by side."""

    def __init__(self, shape: FluxShape) -> None:
        super().__init__()
        self.heads, self.hidden = shape.num_heads, shape.hidden_size
        inner = int(shape.hidden_size * shape.mlp_ratio)
        self.linear1 = nn.Linear(self.hidden, 3 * self.hidden + inner)
        self.linear2 = nn.Linear(self.hidden + inner, self.hidden)
        self.norm = _QkNorm(self.hidden // self.heads)
        self.modulation = _Modulation(self.hidden, 1)

    def forward(self, x: Tensor, vector: Tensor, angles: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(vector)
        joined = self.linear1(_norm(x, shift, scale))
        q, k, v = _split_heads(joined[..., : 3 * self.hidden], self.heads)
        out = _attend(self.norm.query_norm(q), self.norm.key_norm(k), v, angles)
        inner = F.gelu(joined[..., 3 * self.hidden :], approximate="tanh")
        return x + gate * self.linear2(torch.cat([out, inner], -1))


class _Final(nn.Module):
    def __init__(self, shape: FluxShape) -> None:
        super().__init__()
        self.linear = nn.Linear(shape.hidden_size, shape.in_channels)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(shape.hidden_size, 2 * shape.hidden_size))

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(vector)[:, None].chunk(2, -1)
        return self.linear(_norm(x, shift, scale))


class Flux(nn.Module):
    """Velocity of a latent: `forward(x, t, context, pooled, guidance)` for x (B, C, H, W) at times t (B,) in [0, 1]."""

    def __init__(self, shape: FluxShape) -> None:
        super().__init__()
        self.shape = shape
        hidden = shape.hidden_size
        self.img_in = nn.Linear(shape.in_channels, hidden)
        self.txt_in = nn.Linear(shape.context_in_dim, hidden)
        self.time_in = _Embedder(256, hidden)
        self.guidance_in = _Embedder(256, hidden)
        self.vector_in = _Embedder(shape.vec_in_dim, hidden)
        self.double_blocks = nn.ModuleList(DoubleBlock(shape) for _ in range(shape.depth))
        self.single_blocks = nn.ModuleList(SingleBlock(shape) for _ in range(shape.depth_single_blocks))
        self.final_layer = _Final(shape)

    def forward(self, x: Tensor, t: Tensor, context: Tensor, pooled: Tensor, guidance: Tensor) -> Tensor:
        height, width = x.shape[-2] // 2, x.shape[-1] // 2
        img, txt = self.img_in(pack(x)), self.txt_in(context)
        vector = self.time_in(timestep_embedding(t).to(x)) + self.guidance_in(timestep_embedding(guidance).to(x))
        vector = vector + self.vector_in(pooled)
        places = positions(context.shape[1], height, width)
        angles = rotations(places, self.shape.axes_dim, self.shape.theta).to(x.device)
        for block in self.double_blocks:
            img, txt = block(img, txt, vector, angles)
        joined = torch.cat([txt, img], 1)
        for block in self.single_blocks:
            joined = block(joined, vector, angles)
        return unpack(self.final_layer(joined[:, context.shape[1] :], vector), height, width)


def positions(words: int, height: int, width: int) -> Tensor:
    """(tokens, 3): every word at the origin, every patch at (0, row, column)."""
    rows = torch.arange(height).repeat_interleave(width)
    columns = torch.arange(width).repeat(height)
    patches = torch.stack([torch.zeros_like(rows), rows, columns], 1)
    return torch.cat([patches.new_zeros(words, 3), patches])


def pack(x: Tensor) -> Tensor:
    """2x2 patches of a latent as tokens: (B, C, H, W) to (B, HW/4, 4C)."""
    return F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (height, width)), 2)
