"""When a node that reads files has to read them again. No ComfyUI import."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from ...core.model_files.hashes import state_of
from ...core.recognisers.automatic import expand
from ...core.recognisers.catalogue import calibration_file, find

_KEY = secrets.token_bytes(32)
"""Stamps are compared within one run of ComfyUI alone. Without this key nobody can try which path a stamp is of."""


def stamp(files: Iterable[Path]) -> str:
    """Another text once one of these files is another: ComfyUI keeps what a node gave until this changes.

    ComfyUI writes it into the prompt, which its Save Image puts into every picture: it must not tell where weights lie,
    for that is the home folder of whoever protects themselves.
    """
    known = repr([(str(file), state_of(file)) for file in files])
    return blake2b(known.encode(errors="surrogatepass"), key=_KEY, digest_size=16).hexdigest()


def recogniser_stamp(name: str) -> str:
    """The stamp of weights and of thresholds, which `faceveil calibrate` writes; "auto" stands for several."""
    found = [find(one) for one in expand([name])]
    weights = [entry.path for entry in found if entry.path is not None]
    return stamp([*weights, *(calibration_file(entry.name, entry.path) for entry in found)])
