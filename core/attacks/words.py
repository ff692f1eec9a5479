"""What attacks are called and how they are told; apart from what they do, for a report is read without a network."""

from __future__ import annotations

PHRASES = {
    "blur": "a blur of {:g} px on a face of 256 px",
    "median": "a median of {:g} px on a face of 256 px",
    "bilateral": "a bilateral filter of {:g}",
    "nlm": "non-local means of {:g}",
    "jpeg": "JPEG of quality {:g}",
    "webp": "WebP of quality {:g}",
    "avif": "AVIF of quality {:g}",
    "scale": "scaling to {:g} and back, from a face of 256 px",
    "gamma": "a gamma of {:g}",
    "crop": "a crop to {:g} around the face's box",
    "flip": "mirroring",
    "views": "averaging {:g} views",
    "size": "a face {:g} times as large in the crop",
    "box": "cropping by the box instead of the eyes",
    "detector": "another detector",
    "symmetrise": "mixing {:g} of the face's mirror image in",
    "unwarp": "{:g} of the way back to other photos' shape",
    "purify": "the bundled model's way to noise and back",
    "autoencoder": "{:g} ways through an autoencoder",
    "img2img": "redrawing at {:g}",
}
"""By name, its strength in the place of the braces."""


def named(name: str, strength: float | None, tool: str = "") -> str:
    """How rows, tables and reports call an attack."""
    return f"{name}{f':{tool}' if tool else ''}{'' if strength is None else f'={strength:g}'}"


def in_words(key: str) -> str:
    """The same in words."""
    name, _, strength = key.rpartition("=") if "=" in key else (key, "", "")
    name, _, tool = name.partition(":")
    phrase = PHRASES[name].format(float(strength)) if strength else PHRASES[name]
    return f"{phrase} ({tool})" if tool else phrase
