"""From a photo and a wish to the edited photo, protected if that is asked for, with its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..devices import usable
from ..engines.autoencoder import Autoencoder
from ..engines.denoiser import Denoiser
from ..errors import InputError
from ..faces.again import find_again
from ..faces.face import Face
from ..faces.find import find_faces
from ..images import PICTURE_MASK, Photo, as_saved, image_of, ordinary, refuse_unfit, to_bhwc
from ..methods.edit import Edited, edit_image, path_of
from ..methods.guard import GuardRecipe
from ..methods.guarding import InLoop
from ..methods.wish import Edit
from ..optimise import Step, refuse_seed
from ..search.objective import Objective
from ..trajectory.record import Trajectory
from ..trajectory.solvers import Moment
from ..verdict.report import Report
from ..verdict.verify import verify
from .protector import Protector

SMALLEST, LARGEST = 8, 4096
"""Side of the square that a model works on: below, there is no latent; above, no model was trained."""
OnEdit = Callable[[Moment], None]
OnProtect = Callable[[Step, Objective | None], None]


@dataclass(frozen=True)
class EditedPhoto:
    """What became of a photo."""

    photo: Photo
    report: Report | None
    """The verdict on the protection; None when nothing was protected."""
    evaluations: int
    """Of the denoiser, by the edit."""


@dataclass
class Editor:
    """Everything that stays the same from photo to photo."""

    denoiser: Denoiser
    autoencoder: Autoencoder
    size: int = 256
    """Side of the square that the model works on."""
    protector: Protector | None = None
    """Protects what was edited; None only edits."""
    in_loop: GuardRecipe | None = None
    """Protect in the last steps of the generation, against the protector's surrogates; None does so afterwards."""
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.device = usable(self.device)
        if not isinstance(self.size, int) or not SMALLEST <= self.size <= LARGEST:
            raise InputError(
                f"A model cannot work at {self.size} pixels: choose {SMALLEST} to {LARGEST}, best what it knows."
            )

    @torch.inference_mode(False)
    def __call__(
        self,
        photo: Photo,
        mask: Tensor,
        wish: Edit,
        on_edit: OnEdit = lambda moment: None,
        on_protect: OnProtect = lambda step, objective: None,
        known: Trajectory | None = None,
    ) -> EditedPhoto:
        """`photo` edited where `mask` (1, 1, H, W) is above 0, along its path where that is `known` (`path_of`).

        The photo before the edit is what others may hold: it must not be matched either.
        """
        mask = self._fit(mask, wish)
        image, protector, guarded = image_of(photo).to(self.device), self.protector, None
        faces = find_faces(image, which=protector.faces, detector=protector.detector) if protector else []
        if self.in_loop and protector:
            recipe = replace(self.in_loop, aim=replace(self.in_loop.aim, far=protector.far))
            guarded = InLoop(faces, protector.surrogates, recipe, protector.seed, protector.gallery)
        done = edit_image(image, mask, wish, self.denoiser, self.autoencoder, self.size, guarded, on_edit, known=known)
        result = photo.with_pixels(to_bhwc(as_saved(done.image.cpu())))
        if protector is None:
            return EditedPhoto(result, None, done.evaluations)
        gallery = [image, *protector.gallery]
        # Whoever was there before: an edit may hide a face from a detector, or bring one that is nobody's.
        found = [find_again(done.unguarded, face, protector.detector) for face in faces]
        if self.in_loop:
            report = _judged(protector, done, found, gallery)
        else:
            with torch.enable_grad():
                result, report = replace(protector, gallery=gallery)(result, on_step=on_protect, found=found)
        report.evaluations["denoiser"] += done.evaluations
        return EditedPhoto(result, report, done.evaluations)

    @torch.inference_mode(False)
    def path_of(self, photo: Photo, mask: Tensor, wish: Edit, on_edit: OnEdit = lambda moment: None) -> Trajectory:
        """The path of the whole photo, with which any edit of it can be made."""
        mask = self._fit(mask, wish)
        image = image_of(photo).to(self.device)
        return path_of(image, mask, wish, self.denoiser, self.autoencoder, self.size, on_edit)

    def _fit(self, mask: Tensor, wish: Edit) -> Tensor:
        """The mask where it is worked on, if it and the wish will do."""
        refuse_unfit(mask, "A mask", PICTURE_MASK)
        refuse_seed(wish.seed)
        return ordinary(mask).to(self.device)


def _judged(protector: Protector, done: Edited, faces: list[Face], gallery: list[Tensor]) -> Report:
    """The verdict on an edit that was guarded, compared with the unguarded one and with the gallery."""
    unguarded, guarded = (as_saved(made).to(protector.device) for made in (done.unguarded, done.image))
    report = verify(unguarded, guarded, protector.witnesses, gallery, faces, protector.far, protector.detector)
    report.recipe, report.seed = "in-loop", protector.seed
    return report
