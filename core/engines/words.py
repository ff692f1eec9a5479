"""What the bundled model understands of language: words of light and colour, each hashed to a vector of its own."""

from __future__ import annotations

import re
import zlib

import torch
from torch import Tensor, nn

from ..errors import InputError

TONES: dict[str, tuple[str, ...]] = {
    "red": ("red", "scarlet", "crimson", "ruby"),
    "orange": ("orange", "amber", "copper"),
    "golden": ("golden", "gold", "blond", "blonde", "honey"),
    "yellow": ("yellow",),
    "green": ("green", "emerald"),
    "cyan": ("cyan", "turquoise", "teal"),
    "blue": ("blue", "azure", "navy"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rose", "magenta"),
    "brown": ("brown", "chestnut", "brunette", "tan", "tanned"),
    "black": ("black", "raven"),
    "white": ("white", "silver"),
    "grey": ("grey", "gray", "monochrome"),
    "bright": ("bright", "brighter", "light", "lighter", "sunlit"),
    "dark": ("dark", "darker", "shadowed", "night"),
    "warm": ("warm", "warmer", "sunset"),
    "cool": ("cool", "cooler", "cold"),
    "vivid": ("vivid", "colourful", "colorful", "saturated"),
    "pale": ("pale", "faded", "pastel", "hazy"),
    "contrasty": ("contrasty", "dramatic"),
    "soft": ("soft", "softer", "smooth", "blurred"),
    "sharp": ("sharp", "sharper", "crisp", "detailed"),
}
"""Each tone and the words that mean it: one vector for all of them. All other words are heard and mean nothing."""

KNOWN = {word: tone for tone, words in TONES.items() for word in words}
BUCKETS, SIZE, LENGTH = 1040, 64, 12


def bucket(word: str) -> int:
    """Where a word's vector is kept; 0 is silence."""
    return 1 + zlib.crc32(KNOWN.get(word, word).encode()) % (BUCKETS - 1)


def indices(prompt: str) -> list[int]:
    """A prompt as LENGTH buckets. When it is too long, words without meaning are left out first."""
    words = re.findall(r"[a-z]+", prompt.lower())
    spare = len(words) - LENGTH
    kept: list[str] = []
    for word in words:
        if spare > 0 and word not in KNOWN:
            spare -= 1
        else:
            kept.append(word)
    found = [bucket(word) for word in kept[:LENGTH]]
    return found + [0] * (LENGTH - len(found))


def understood(prompt: str) -> list[str]:
    """The words of a prompt that mean something here."""
    return [word for word in re.findall(r"[a-z]+", prompt.lower()) if word in KNOWN]


def refuse_unknown(prompt: str) -> None:
    """Refuse a prompt of which the bundled model understands no word, and say which it does."""
    if not understood(prompt):
        raise InputError(
            f"The bundled generator understands no word of '{prompt}', so nothing would change. Say it with one of: "
            f"{', '.join(TONES)}; or use another model."
        )


class WordEncoder(nn.Module):
    """Prompts to a context (B, LENGTH, SIZE) and a pooled vector (B, SIZE)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(BUCKETS, SIZE)
        self.places = nn.Parameter(torch.zeros(LENGTH, SIZE))
        self.pool = nn.Linear(SIZE, SIZE)

    def forward(self, found: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self.words(found)
        spoken = (found > 0).to(vectors.dtype)[..., None]
        return vectors + self.places, self.pool((vectors * spoken).sum(1))

    def encode(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        device = self.places.device
        return self(torch.tensor([indices(prompt) for prompt in prompts], device=device))
