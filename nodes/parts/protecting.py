"""Protect the pictures of a batch, one after another. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...core.errors import FaceVeilError, InputError, NoFaceError
from ...core.faces.face import Face
from ...core.faces.masks import fit_mask
from ...core.images import Photo
from ...core.methods.recipes import choose
from ...core.optimise import Step
from ...core.photo.protector import Protector
from ...core.search.objective import Objective
from ...core.search.recipe import Recipe
from ...core.veil.veil import Veil
from ...core.verdict.report import Report
from ...core.verdict.small import small_faces
from .finding import named
from .weighting import Weights


@dataclass(frozen=True)
class ProtectedBatch:
    """What became of a batch."""

    pictures: list[Tensor]
    """(1, H, W, 3) each."""
    changed: Tensor
    """(B, H, W): 1 where a pixel differs from the original."""
    text: str
    """Every picture's verdict, and which were left unprotected."""
    veils: list[Veil | None]
    """What changed each picture, where another can wear it."""
    reports: list[Report | None]
    """Each picture's verdict; None where no face was found."""
    warnings: list[str] = field(default_factory=list)
    """What an artist can do better, of the pictures themselves."""


def pick_recipe(strength: str, weights: Weights | None) -> Recipe:
    """The recipe of that strength, with the scheduler's balance when there is one."""
    return weights.recipe(strength) if weights else choose(strength)


def sparing(recipe: Recipe) -> Recipe:
    """The recipe with little memory: denoising steps, where it has any, are computed twice."""
    return replace(recipe, denoising=recipe.denoising and replace(recipe.denoising, checkpointed=True))


def protect_pictures(
    protector: Protector,
    pictures: Sequence[Tensor],
    masks: Sequence[Tensor | None],
    on_step: Callable[[int, Step, Objective | None], None] = lambda index, step, objective: None,
    found: Sequence[Sequence[Face]] | None = None,
) -> ProtectedBatch:
    """Protect every picture (1, H, W, 3), `masks` (1, H, W) narrowing where; the faces `found`, if somebody chose them.

    Among several, a picture without a face comes back as it was, and the text warns of it.
    """
    if found is not None and len(found) != len(pictures):
        raise InputError(f"Faces were found in {len(found)} pictures, but {len(pictures)} are to be protected.")
    results, texts, veils, reports, warnings, count = [], [], [], [], [], len(pictures)
    for index, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        try:
            allowed = None if mask is None else fit_mask(mask, *picture.shape[1:3])
            chosen = None if found is None else found[index]
            if chosen is not None and not chosen:
                raise NoFaceError("No face was found in this picture.")
            photo, report, veil = protector.with_veil(Photo(picture), allowed, _bound(on_step, index), chosen)
            result, text = photo.pixels, report.text()
            where = "" if count == 1 else f" of picture {index + 1}"
            small = small_faces(report.boxes, where)
            warnings += [f"WARNING: {sentence}" for sentence in small]
        except NoFaceError as error:
            if count == 1:
                raise
            veil, report, result = None, None, picture
            text = f"WARNING: this picture was NOT protected and is passed on unchanged. {error}"
            warnings.append(f"WARNING: picture {index + 1} of {count} was NOT protected: no face was found in it.")
        except FaceVeilError as error:
            raise named(error, index, count) from error
        results.append(result)
        veils.append(veil)
        reports.append(report)
        texts.append(text if count == 1 else f"picture {index + 1} of {count}\n{text}")
    if not any(reports):
        raise NoFaceError(f"None of the {count} pictures was protected: no face was found in any of them.")
    pairs = zip(results, pictures, strict=True)
    changed = torch.cat([(after != before).any(-1) for after, before in pairs]).float()
    return ProtectedBatch(results, changed, "\n\n".join(texts), veils, reports, warnings)


def _bound(
    on_step: Callable[[int, Step, Objective | None], None], index: int
) -> Callable[[Step, Objective | None], None]:
    return lambda step, objective: on_step(index, step, objective)
