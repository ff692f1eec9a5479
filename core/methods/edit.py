"""Edit by prompt: invert, generate with another prompt under trajectory control, and compose with the original."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..engines.counted import Counted
from ..engines.denoiser import Denoiser
from ..faces.crops import Window
from ..trajectory.paths import invert, refuse_other_model
from ..trajectory.record import Trajectory
from ..trajectory.solvers import Moment
from .canvas import Canvas
from .guarding import EditGuard, InLoop, ovals
from .ways import along_the_path, without_inversion
from .wish import Edit, injected, levels, refuse_unusable


@dataclass
class Edited:
    """The edited picture (1, 3, H, W) and what it took."""

    image: Tensor
    unguarded: Tensor
    """The edit alone; the same picture when nothing was guarded."""
    clean: Tensor
    """The latent of the window before."""
    latent: Tensor
    """And after."""
    window: Window
    evaluations: int
    trajectory: Trajectory | None
    won: bool | None = None
    """Whether the guard got past every surrogate; None without one."""


@torch.no_grad()
def edit_image(
    image: Tensor,
    mask: Tensor,
    edit: Edit,
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    size: int = 256,
    in_loop: InLoop | None = None,
    on_step: Callable[[Moment], None] = lambda moment: None,
    known: Trajectory | None = None,
) -> Edited:
    """Edit `image` (1, 3, H, W) where `mask` (1, 1, H, W) is above 0, and protect the faces of `in_loop` on the way.

    Every pixel outside the mask and those faces stays bit-identical. The model works on a square window
    around both, at `size` pixels. What comes back is `original + mask * (decoded(edited) - decoded(original))`:
    the autoencoder's own error cancels, and detail finer than the window's working size survives. With the path
    `known` of the whole picture, inverted before, the window is all of it, at that path's own size.
    """
    refuse_unusable(edit, mask)
    counted = Counted(denoiser)
    may_change = torch.maximum(mask, ovals(in_loop.faces if in_loop else (), mask))
    if known is None:
        canvas = Canvas.around(image, may_change, autoencoder, size)
    else:
        canvas = Canvas.whole(image, known.clean, autoencoder)
        source = counted.describe([edit.source_prompt], edit.source_guidance)
        refuse_other_model(known, counted, source, canvas.clean)
    sigmas = levels(edit, denoiser, canvas.clean)
    guard = EditGuard(canvas, mask, may_change, in_loop) if in_loop else None

    def after(moment: Moment) -> Tensor | None:
        on_step(moment)
        return guard(moment) if guard else None

    inside, inject = canvas.cells(mask), injected(edit, mask, sigmas)
    if edit.editor == "invert":
        latent, path = along_the_path(canvas.clean, inside, edit, inject, sigmas, counted, after, known)
    else:
        latent, path = without_inversion(canvas.clean, inside, edit, sigmas, counted, after), None
    unguarded = canvas.composed(image, mask, canvas.clean, latent[:1])
    changed, won = unguarded, None
    if guard:
        changed, won = canvas.composed(unguarded, may_change, latent[:1], latent[-1:]), guard.won
    return Edited(changed, unguarded, canvas.clean, latent, canvas.window, counted.evaluations, path, won)


@torch.no_grad()
def path_of(
    image: Tensor,
    mask: Tensor,
    edit: Edit,
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    size: int = 256,
    on_step: Callable[[Moment], None] = lambda moment: None,
) -> Trajectory:
    """The path of all of `image` (1, 3, H, W), its longer side at `size` pixels, to be `known` to this and other edits
    of it."""
    refuse_unusable(edit, mask)
    canvas = Canvas.begun(image, autoencoder, size)
    sigmas = levels(edit, denoiser, canvas.clean)
    source = denoiser.describe([edit.source_prompt], edit.source_guidance)
    return invert(denoiser, canvas.clean, sigmas, source, edit.solver, on_step, injected(edit, mask, sigmas))
