"""Edit by prompt: invert, generate with another prompt under trajectory control, and compose with the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..engines.counted import Counted
from ..engines.denoiser import Denoiser, noised, seeded_noise, velocity
from ..errors import InputError
from ..faces.crops import Window, paste, resize
from ..faces.face import Face
from ..faces.masks import face_oval
from ..protection.guard import Guard, GuardRecipe
from ..recognisers.recogniser import Recogniser
from ..trajectory.paths import Control, OnStep, checked_inject, generate, invert
from ..trajectory.record import Trajectory
from ..trajectory.solvers import Moment, Stage, integrate
from ..trajectory.values import Injection

EDITORS = ("invert", "flow")
"""`invert` goes up the original's trajectory and comes down with the new prompt; `flow` integrates the difference
of the two prompts' velocities from the original itself: no inversion, a rougher hold on what is there."""


@dataclass(frozen=True)
class Edit:
    """What to do, as an artist says it."""

    prompt: str
    source_prompt: str = ""
    """What the original is; the empty prompt says nothing of light or colour."""
    guidance: float | None = None
    """How strongly the prompt is taken; None is the model's own habit."""
    source_guidance: float | None = 1.0
    """1 follows the source prompt plainly: guidance would lead off the path that has to be retraced."""
    steps: int = 25
    solver: str = "reuse"
    editor: str = "invert"
    start: float = 1.0
    """Share of the path that is travelled: less keeps more of the original's layout."""
    high: float = 0.8
    low: float = 0.0
    """Levels of noise between which what lies outside the mask is held on the original's path."""
    by_time: bool = True
    """Off repeats the published lookup of recorded velocities (`Control.by_time`)."""
    inject: int | None = 0
    """In how many of the first steps the original's attention values are used; None goes by the mask (`injected`)."""
    shared: bool = True
    """Off follows a second branch from the first step on, as published, and not only from where it is guarded."""
    seed: int = 0
    """Noise of the `flow` editor; `invert` draws none."""


@dataclass(frozen=True)
class InLoop:
    """Protection while the edit is being generated: whose faces, against whom, and how."""

    faces: Sequence[Face]
    surrogates: Sequence[Recogniser]
    recipe: GuardRecipe = field(default_factory=GuardRecipe)
    seed: int = 0


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
    if not bool((mask > 0).any()):
        raise InputError("The mask is empty, so nothing would be edited. Paint it over the part to edit.")
    if edit.editor not in EDITORS:
        raise InputError(f"There is no editor '{edit.editor}'. Choose one of: {', '.join(EDITORS)}.")
    side = max(1, round(size / autoencoder.multiple))
    cells = (side, side) if known is None else tuple(known.clean.shape[-2:])
    height, width = (length * autoencoder.multiple for length in cells)
    counted = Counted(denoiser)
    may_change = mask if in_loop is None else torch.maximum(mask, ovals(in_loop.faces, mask))
    window = square_around(may_change) if known is None else Window(0, 0, image.shape[-1], image.shape[-2])
    with torch.no_grad():
        before = resize(window.cut(image), height, width)
        clean = autoencoder.encode(before) if known is None else known.clean.to(image)
        # Cells that the mask only touches are free as well, else thin parts hardly change; composing draws the edge.
        inside = F.adaptive_max_pool2d(window.cut(mask), clean.shape[-2:])
        sigmas = levels(edit, denoiser, clean)
        edit = replace(edit, inject=checked_inject(injected(edit, mask), sigmas))
        guard, beside = None, {}
        if in_loop:
            asked, here = (
                F.interpolate(window.cut(where), (height, width), mode="bilinear", antialias=True)
                for where in (mask, may_change)
            )
            still = autoencoder.decode(clean)

            def picture(latent: Tensor) -> Tensor:
                # Where nothing was asked for, faces get what the guard changed and not what the edit strayed.
                if "decoded" not in beside:
                    with torch.no_grad():
                        beside["decoded"] = autoencoder.decode(beside["latent"])
                edited = beside["decoded"]
                return before + asked * (edited - still) + here * (autoencoder.decode(latent) - edited)

            guard = Guard(picture, in_loop.surrogates, sigmas[0], in_loop.recipe, before, seed=in_loop.seed)

        def after(moment: Moment) -> Tensor | None:
            on_step(moment)
            if guard is None:
                return None
            beside.clear()
            beside["latent"] = guard.ends(moment.latent[:1], moment.velocity[:1], moment.sigma)
            return guard(moment)

        if edit.editor == "invert":
            latent, path = along_the_path(clean, inside, edit, sigmas, counted, after, known)
        else:
            latent, path = without_inversion(clean, inside, edit, sigmas, counted, after)
        unguarded = composed(image, mask, window, autoencoder, clean, latent[:1])
        changed = unguarded
        if guard:
            changed = composed(unguarded, may_change, window, autoencoder, latent[:1], latent[-1:])
    won = guard.won if guard else None
    return Edited(changed, unguarded, clean, latent, window, counted.evaluations, path, won)


def ovals(faces: Sequence[Face], like: Tensor) -> Tensor:
    """The soft ovals of all these faces (1, 1, H, W)."""
    points = torch.stack([face.points for face in faces]).to(like.device)
    return face_oval(points, *like.shape[-2:]).amax(0, keepdim=True)


def levels(edit: Edit, denoiser: Denoiser, latent: Tensor) -> list[float]:
    """The levels of noise of one run, from its start down to 0."""
    if not 0 < edit.start <= 1:
        raise InputError(f"A start of {edit.start} makes no sense: it is a share of the path, above 0 and up to 1.")
    every = denoiser.sigmas(max(1, round(edit.steps / edit.start)), tuple(latent.shape[-2:]))
    return every[-(edit.steps + 1) :]


def injected(edit: Edit, mask: Tensor) -> int:
    """In how many steps values are injected: 3 for a mask of less than a tenth of the picture, else 5, as published."""
    if edit.inject and edit.editor != "invert":
        raise InputError(
            f"The editor '{edit.editor}' follows no trajectory, so there are no attention values to inject. Inject 0."
        )
    if edit.inject is not None or edit.editor != "invert":
        return edit.inject or 0
    return min(edit.steps, 3 if float((mask > 0).float().mean()) < 0.1 else 5)


def along_the_path(
    clean: Tensor,
    mask: Tensor,
    edit: Edit,
    sigmas: list[float],
    denoiser: Denoiser,
    on_step: OnStep,
    known: Trajectory | None = None,
) -> tuple[Tensor, Trajectory]:
    """Up the original's path, unless that is known, and down with the new prompt."""
    source = denoiser.describe([edit.source_prompt], edit.source_guidance)
    target = denoiser.describe([edit.prompt], edit.guidance)
    inject = edit.inject or 0
    path = invert(denoiser, clean, sigmas, source, edit.solver, record=inject) if known is None else known
    top = sigmas[0]
    start = path.latents.at(top).to(clean)
    start = start if edit.shared else torch.cat([start, start])
    control = Control(path, mask, edit.high * top, edit.low * top, edit.by_time)
    injection = Injection(path, sigmas[inject]) if inject else None
    return generate(denoiser, start, sigmas, target, edit.solver, control, on_step, injection), path


def without_inversion(
    clean: Tensor, mask: Tensor, edit: Edit, sigmas: list[float], denoiser: Denoiser, on_step: OnStep
) -> tuple[Tensor, None]:
    """The same noise on the original and on the edit so far; the difference of their velocities moves the edit."""
    source = denoiser.describe([edit.source_prompt], edit.source_guidance)
    target = denoiser.describe([edit.prompt], edit.guidance)
    noise = seeded_noise(clean, edit.seed)

    def difference(x: Tensor, stage: Stage) -> Tensor:
        known = noised(denoiser, clean, noise, stage.sigma)
        there = velocity(denoiser, x + known - clean, stage.sigma, target)
        return mask * (there - velocity(denoiser, known, stage.sigma, source))

    def told(moment: Moment) -> Tensor | None:
        # What is integrated here is clean already: nothing of the path remains to be taken off.
        return on_step(replace(moment, velocity=torch.zeros_like(moment.velocity)))

    return integrate(difference, clean, sigmas, "euler", told), None


def square_around(mask: Tensor, margin: float = 0.25) -> Window:
    """A square window around everything above 0, with some surroundings: models need to see what they change."""
    rows, columns = (mask[0, 0].amax(dim) > 0 for dim in (1, 0))
    top, bottom = (int(i) for i in rows.nonzero().flatten()[[0, -1]])
    left, right = (int(i) for i in columns.nonzero().flatten()[[0, -1]])
    side = max(8, round((max(bottom - top, right - left) + 1) * (1 + 2 * margin)))
    height, width = mask.shape[-2:]
    side = min(side, max(height, width))
    left, top = ((low + high + 1 - side) // 2 for low, high in ((left, right), (top, bottom)))
    # Inside the picture wherever it fits.
    left = min(max(left, 0), max(0, width - side))
    top = min(max(top, 0), max(0, height - side))
    return Window(left, top, left + side, top + side)


def composed(
    image: Tensor, mask: Tensor, window: Window, autoencoder: Autoencoder, clean: Tensor, latent: Tensor
) -> Tensor:
    """The original plus what the edit changed, inside the mask."""
    difference = autoencoder.decode(latent) - autoencoder.decode(clean)
    difference = F.interpolate(
        difference, (window.height, window.width), mode="bicubic", antialias=True, align_corners=False
    )
    soft = window.cut(mask)
    return paste(image, window, window.cut(image) + soft * difference, soft)


def published(edit: Edit) -> Edit:
    """Flux-Guard's own settings for the same wish.

    Midpoint solver, 25 steps, both branches from the start, attention values injected, and velocities looked up the
    wrong way. Outside the mask the picture is held in all steps but the first and the last five.
    """
    theirs = {"editor": "invert", "solver": "midpoint", "steps": 25, "start": 1.0, "high": 0.8, "low": 0.2}
    return replace(edit, **theirs, by_time=False, inject=None, shared=False)
