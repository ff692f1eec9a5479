"""Veils for the pictures of a batch: worn, learned, looked at, kept. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import FaceVeilError, InputError, NoFaceError
from ...core.faces.face import Face
from ...core.faces.find import find_faces
from ...core.images import to_bchw, to_bhwc
from ...core.optimise import Step
from ...core.recognisers.recogniser import Recogniser
from ...core.search.learn import learn
from ...core.search.objective import Objective
from ...core.search.recipe import Recipe
from ...core.veil.files import SUFFIX, save_veil
from ...core.veil.veil import Veil
from .finding import named
from .keeping import free_place

FOLDER = Path("faceveil") / "veils"
"""Where veils lie inside ComfyUI's folders."""
LOOKS_LIKE_NONE = "This veil is empty: what found it changed pixels or a latent of one photo, which no other can wear."


@dataclass(frozen=True)
class VeiledBatch:
    """What became of a batch."""

    pictures: list[Tensor]
    """(1, H, W, 3) each."""
    changed: Tensor
    """(B, H, W): 1 where a pixel differs from the original."""
    faces: list[list[Face]]
    """Who wears a veil in each picture; empty where no face was found."""


def wear_in_pictures(
    pictures: Sequence[Tensor],
    veils: Sequence[Veil | None],
    amount: float,
    which: str = "all",
    found: Sequence[Sequence[Face]] | None = None,
    on_picture: Callable[[int], None] = lambda done: None,
) -> VeiledBatch:
    """Every picture (1, H, W, 3) under its own veil, or all under the one there is.

    Among several, a picture without a face stays as it was.
    """
    count = len(pictures)
    if len(veils) not in (1, count):
        raise InputError(f"There are {len(veils)} veils for {count} pictures: connect one veil, or one for each.")
    if found is not None and len(found) != count:
        raise InputError(f"Faces were found in {len(found)} pictures, but {count} are to be veiled.")
    results, masks, wearers = [], [], []
    for index, picture in enumerate(pictures):
        faces: list[Face] = []
        veil, image = veils[index % len(veils)], to_bchw(picture)
        if veil is None:
            raise InputError(LOOKS_LIKE_NONE)
        try:
            faces = list(found[index]) if found is not None else find_faces(image, which=which)
            if faces:
                image = veil.on_photo(image, faces, amount)
        except NoFaceError:
            if count == 1:
                raise
        except FaceVeilError as error:
            raise named(error, index, count) from error
        results.append(to_bhwc(image))
        masks.append((results[-1] != picture).any(-1))
        wearers.append(faces)
        on_picture(index + 1)
    return VeiledBatch(results, torch.cat(masks).float(), wearers)


def learn_from_pictures(
    pictures: Sequence[Tensor],
    surrogates: Sequence[Recogniser],
    recipe: Recipe,
    seed: int,
    on_step: Callable[[Step, Objective], None],
    device: str = "cpu",
) -> Veil:
    """One veil for the largest face of each picture (1, H, W, 3)."""
    sitters = []
    for index, picture in enumerate(pictures):
        image = to_bchw(picture).to(device)
        try:
            sitters.append((image, find_faces(image, which="largest")[0].to(device)))
        except NoFaceError as error:
            raise named(error, index, len(pictures)) from error
    return learn(sitters, surrogates, recipe, seed, on_step).veil


def keep_veils(veils: Sequence[Veil | None], folder: Path, name: str) -> list[Path]:
    """Write veils as NAME.veil, numbered where that is taken; what the files are."""
    kept = [veil for veil in veils if veil is not None]
    if not kept:
        raise InputError(LOOKS_LIKE_NONE)
    written: list[Path] = []
    for veil in kept:
        written.append(free_place(folder, name, SUFFIX))
        save_veil(veil, written[-1])
    return written
