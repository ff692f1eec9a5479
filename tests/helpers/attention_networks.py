"""Small random networks of the kinds that look at a whole face at once, as published recognisers are built."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 32
WIDTH = 16
HEADS = 4


class Attention(nn.Module):
    """Tokens (B, N, C) with one matrix for queries, keys and values, as in vision transformers."""

    def __init__(self, written_as_einsum: bool = False) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.einsum = written_as_einsum

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        batch, count, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, count, 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind(0)
        scale = (WIDTH / HEADS) ** -0.5
        scores = torch.einsum("bhnd,bhmd->bhnm", q, k) * scale if self.einsum else (q * scale) @ k.transpose(-2, -1)
        weights = (scores if bias is None else scores + bias).softmax(-1)
        mixed = torch.einsum("bhnm,bhmd->bhnd", weights, v) if self.einsum else weights @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, count, WIDTH))


class Vit(nn.Module):
    """Patches, places, attention, and the head of ArcFace's transformers: normalised, flattened, batch-normalised."""

    def __init__(self, einsum: bool = False, first_token: bool = False) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH)) if first_token else None
        count = (SIDE // 8) ** 2 + int(first_token)
        self.places = nn.Parameter(torch.randn(1, count, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = Attention(einsum)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, WIDTH))
        self.head = nn.Sequential(nn.Linear(WIDTH * (1 if first_token else count), 24), nn.BatchNorm1d(24))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        x = x + self.places
        x = x + self.attention(self.norms[0](x))
        x = self.norms[2](x + self.mlp(self.norms[1](x)))
        return self.head(x[:, 0] if self.token is not None else x.flatten(1))


class EdgeNext(nn.Module):
    """Channels split and convolved one after the other, then attention between channels, with places as waves."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 4, 4)
        self.depthwise = nn.ModuleList(nn.Conv2d(4, 4, 3, 1, 1, groups=4) for _ in range(3))
        self.waves = nn.Conv2d(16, WIDTH, 1)
        self.norm, self.last = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH, eps=1e-6)
        self.qkv, self.temperature = nn.Linear(WIDTH, 3 * WIDTH), nn.Parameter(torch.rand(HEADS, 1, 1) + 1)
        self.low_rank = nn.Sequential(
            nn.Linear(WIDTH, 6, bias=False), nn.Linear(6, 32), nn.GELU(), nn.Linear(32, WIDTH)
        )
        self.scale = nn.Parameter(torch.rand(WIDTH))
        self.head = nn.Linear(WIDTH, 24)

    def positions(self, x: Tensor) -> Tensor:
        """Sines and cosines of rows and columns counted at run time."""
        ones = torch.ones(x.shape[0], x.shape[2], x.shape[3])
        rows, columns = (ones.cumsum(axis, dtype=torch.float32) / x.shape[axis + 1] for axis in (1, 2))
        period = 10 ** (torch.arange(4, dtype=torch.float32) // 2)
        angles = [place[..., None] * 2 * math.pi / period for place in (rows, columns)]
        waves = [torch.cat([angle.sin(), angle.cos()], -1) for angle in angles]
        return self.waves(torch.cat(waves, -1).permute(0, 3, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        shortcut, parts, done = x, x.chunk(4, 1), []
        for index, layer in enumerate(self.depthwise):
            done.append(layer(parts[index] if index == 0 else done[-1] + parts[index]))
        x = torch.cat([*done, parts[3]], 1)
        batch, _, height, width = x.shape
        tokens = (x + self.positions(x)).reshape(batch, WIDTH, height * width).permute(0, 2, 1)
        qkv = self.qkv(self.norm(tokens)).reshape(batch, height * width, 3, HEADS, -1).permute(2, 0, 3, 4, 1)
        q, k = (F.normalize(part, dim=-1) for part in (qkv[0], qkv[1]))
        mixed = ((q @ k.transpose(-2, -1)) * self.temperature).softmax(-1) @ qkv[2]
        tokens = tokens + mixed.permute(0, 3, 1, 2).reshape(batch, height * width, WIDTH)
        x = tokens.reshape(batch, height, width, WIDTH)
        x = shortcut + (self.scale * self.low_rank(self.last(x))).permute(0, 3, 1, 2)
        return F.normalize(self.head(x.mean((2, 3))))


class Swin(nn.Module):
    """Windows that are moved by half a window, with a bias for where two tokens lie to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.attention, self.norm, self.merged = Attention(), nn.LayerNorm(WIDTH), nn.LayerNorm(4 * WIDTH)
        self.table = nn.Parameter(torch.randn(49, HEADS))
        self.register_buffer("between", torch.randint(49, (16, 16)))
        self.head = nn.Linear(4 * WIDTH, 24)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        batch, side = x.shape[0], x.shape[1]
        rolled = x.roll((-2, -2), (1, 2)).reshape(batch, side // 4, 4, side // 4, 4, WIDTH)
        windows = rolled.permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, WIDTH)
        bias = self.table[self.between.flatten()].reshape(16, 16, HEADS).permute(2, 0, 1)
        mixed = self.attention(windows, bias[None]).reshape(batch, side // 4, side // 4, 4, 4, WIDTH)
        x = x + mixed.permute(0, 1, 3, 2, 4, 5).reshape(batch, side, side, WIDTH).roll((2, 2), (1, 2))
        x = torch.cat([x[:, a::2, b::2] for b in (0, 1) for a in (0, 1)], -1)
        return self.head(self.merged(x).mean((1, 2)))


NETWORKS = {
    "vit": Vit,
    "vit with a first token": lambda: Vit(first_token=True),
    "vit in einsums": lambda: Vit(einsum=True),
    "edgenext": EdgeNext,
    "swin": Swin,
}
