"""Veils as files: safetensors, with what they are and where they come from as JSON. Strict at the door."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..labels import Label
from ..plain import plain
from ..whole import not_written, whole
from .shape import Shape
from .veil import Origin, Veil, at_rest

SUFFIX = ".veil"
KIND, VERSION = "faceveil-veil", 2
_LABEL = Label(KIND, VERSION, "veil", "learn it anew")
_KEY = "faceveil"
_BYTES, _FACES = 32 << 20, 100
"""A veil of one face takes less than 100 KB."""
_LIMITS = {
    "warp": (0, 0.5),
    "warp_symmetry": (0, 1),
    "growth": (0, 100),
    "luma": (0, 4),
    "size": (64, 1024),
    "margin": (0, 2),
}
"""Beyond these no search of ours goes, and no face would be left."""
_BANDS, _BAND = 8, ((0, 1), (4, 64), (0, 1))


def save_veil(veil: Veil, path: str | Path) -> None:
    """Write a veil: whole or not at all."""
    from safetensors.torch import save

    path = Path(path)
    data = {"kind": KIND, "version": VERSION, "share": veil.share}
    data |= {"shape": asdict(veil.shape), "origin": asdict(veil.origin)}
    knots = {name: value.detach().cpu().contiguous() for name, value in veil.knots.items()}
    try:
        with whole(path) as part:
            part.write_bytes(save(knots, {_KEY: json.dumps(data)}))
    except OSError as error:
        raise not_written(plain(path.name), error) from error


def load_veil(path: str | Path) -> Veil:
    """Read a veil, or say in one sentence why it is none."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    name = plain(path.name)
    try:
        if path.stat().st_size > _BYTES:
            raise InputError(f"'{name}' is no veil: it is far too large for one.")
        with safe_open(path, "pt") as stored:
            shape, origin, share = _read((stored.metadata() or {}).get(_KEY), name)
            kept = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"The veil '{name}' cannot be opened ({error.strerror or error}): check the path.") from error
    except SafetensorError as error:
        raise InputError(f"'{name}' is damaged or no veil: save it again (--save-veil), or learn a new one.") from error
    return Veil(shape, _checked(kept, shape, name), origin, share)


def _read(text: str | None, name: str) -> tuple[Shape, Origin, float]:
    try:
        data = _LABEL.read(text, name)
        _within(data["share"], (0, 1), False)
        return _shape(data["shape"]), _origin(data["origin"]), float(data["share"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"'{name}' does not say what a veil has to say: save it again, or learn a new one.") from error


def _shape(data: dict[str, Any]) -> Shape:
    if set(data) != {entry.name for entry in fields(Shape)} or type(data["expression_held"]) is not bool:
        raise ValueError("other numbers than a shape has")
    for key, limits in _LIMITS.items():
        _within(data[key], limits, type(getattr(Shape(), key)) is int)
    if len(data["contrast"]) > _BANDS:
        raise ValueError("too many bands")
    for band in data["contrast"]:
        for place, (value, limits) in enumerate(zip(band, _BAND, strict=True)):
            _within(value, limits, place == 1)
    return Shape(**{**data, "contrast": tuple(tuple(band) for band in data["contrast"])})


def _within(value: object, limits: tuple[float, float], whole_number: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole_number else int | float):
        raise ValueError("not a number")
    if not limits[0] <= value <= limits[1]:
        raise ValueError("a number that no veil has")


def _origin(data: dict[str, Any]) -> Origin:
    surrogates = {plain(str(key))[:80]: float(value) for key, value in list(data["surrogates"].items())[:50]}
    texts = {key: plain(str(data[key]))[:80] for key in ("recipe", "far", "version")}
    return Origin(surrogates=surrogates, photos=int(data["photos"]), **texts)


def _checked(kept: dict[str, Tensor], shape: Shape, name: str) -> dict[str, Tensor]:
    """The knots that such a shape has, and nothing that is no number."""
    expected = {key: value.shape[1:] for key, value in at_rest(shape).knots.items()}
    if not expected:
        raise InputError(f"'{name}' is a veil that changes nothing: learn a new one.")
    rows = {len(value) for value in kept.values() if value.ndim}
    if {key: value.shape[1:] for key, value in kept.items()} != expected or len(rows) != 1:
        raise InputError(f"'{name}' holds other knots than a veil of its kind has: it is damaged, or of another kind.")
    if not 1 <= min(rows) <= _FACES:
        raise InputError(f"'{name}' is a veil for {min(rows)} faces: a veil is for 1 to {_FACES}.")
    if not all(value.is_floating_point() and torch.isfinite(value).all() for value in kept.values()):
        raise InputError(f"'{name}' holds invalid numbers (NaN): whatever made it went wrong. Learn it again.")
    return {key: value.float() for key, value in kept.items()}
