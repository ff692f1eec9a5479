"""Whether a move of code changes any figure: a hash of each of a fixed set of outputs.

    python docs/measure/figures.py > before.txt      # in the one commit
    python docs/measure/figures.py | diff before.txt -      # in the other, on the same machine

Searches are cut to a few iterations, for what they do is the same in each. Pictures are compared to the last bit, so
other versions of torch, other machines and other numbers of threads give other hashes (one thread is taken here).
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import faceveil
import faceveil.core

ITERATIONS = 3
PORTRAIT = Path(faceveil.__file__).parent / "portraits" / "portrait.png"


def module(name: str) -> Any:
    """By its last name, for the room that it lies in may be what has moved."""
    found = [each.name for each in pkgutil.walk_packages(faceveil.core.__path__, "faceveil.core.") if not each.ispkg]
    (path,) = [each for each in found if each.rpartition(".")[2] == name]
    return importlib.import_module(path)


def digest(values: torch.Tensor) -> str:
    return hashlib.sha256(values.detach().contiguous().float().numpy().tobytes()).hexdigest()[:16]


def outputs(iterations: int = ITERATIONS) -> Iterator[tuple[str, str]]:
    recipes = module("recipes").RECIPES
    strengths = ("light", "balanced", "strong")
    for name in strengths:
        recipes[name] = replace(recipes[name], settings=replace(recipes[name].settings, iterations=iterations))
    photo = faceveil.read_photo(PORTRAIT)
    picture = photo.pixels.movedim(-1, 1)
    (face,) = module("find").find_faces(picture)
    yield "face", digest(face.points)
    for recogniser in (module("dlib_resnet").load_dlib(), module("sface").load_sface()):
        card = recogniser.card
        crop = module("align").align(picture, face.points[None], card.template, card.input_size)
        yield f"embedding, {card.name}", digest(recogniser.embed(crop))
    for name in strengths:
        protected, report = faceveil.protect(photo, strength=name)
        (seen,) = report.faces
        yield f"{name}, picture", digest(protected.pixels)
        yield f"{name}, paint", f"{seen.quality.paint!r}"
        for row in seen.recognisers:
            yield f"{name}, {row.name}", f"{row.before!r} {row.after!r}"
    veil = faceveil.learn_veil([photo])
    for amount in (0.5, 1.0):
        yield f"veil, worn by {amount:g}", digest(faceveil.apply_veil(photo, veil, amount).pixels)
    yield "edit", digest(faceveil.edit(photo, "red lipstick", against=())[0].pixels)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, value in outputs():
        print(f"{name:24}{value}", flush=True)  # noqa: T201
