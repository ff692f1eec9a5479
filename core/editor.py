"""From a photo and a wish to the edited photo, protected if that is asked for, with its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .editing.edit import Edit, Edited, InLoop, edit_image
from .engines.autoencoder import Autoencoder
from .engines.denoiser import Denoiser
from .faces.find import find_faces
from .images import Photo, to_bchw, to_bhwc, to_uint8
from .optimise import Step
from .protection.objective import Objective
from .protector import Protector
from .trajectory.solvers import Moment
from .verdict.report import Report
from .verdict.verify import verify

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
    in_loop: bool = False
    """Protect in the last steps of the generation, against the protector's surrogates, instead of afterwards."""

    def __call__(
        self,
        photo: Photo,
        mask: Tensor,
        wish: Edit,
        on_edit: OnEdit = lambda moment: None,
        on_protect: OnProtect = lambda step, objective: None,
    ) -> EditedPhoto:
        """`photo` edited where `mask` (1, 1, H, W) is above 0.

        The photo before the edit is what others may hold: it must not be matched either.
        """
        device = self.protector.device if self.protector else "cpu"
        image = to_bchw(photo.pixels).to(device)
        guarded = None
        if self.protector and self.in_loop:
            faces = find_faces(image, which=self.protector.faces)
            guarded = InLoop(faces, self.protector.surrogates, seed=self.protector.seed)
        done = edit_image(image, mask.to(device), wish, self.denoiser, self.autoencoder, self.size, guarded, on_edit)
        result = _as_saved(photo, done.image)
        if self.protector is None:
            return EditedPhoto(result, None, done.evaluations)
        gallery = [image, *self.protector.gallery]
        if self.in_loop:
            report = self._judge(photo, done, gallery)
        else:
            with torch.enable_grad():
                result, report = replace(self.protector, gallery=gallery)(result, on_step=on_protect)
        report.evaluations["denoiser"] += done.evaluations
        return EditedPhoto(result, report, done.evaluations)

    def _judge(self, photo: Photo, done: Edited, gallery: list[Tensor]) -> Report:
        """The verdict on an edit that was guarded, compared with the unguarded one and with the gallery."""
        asked = self.protector
        pair = [to_bchw(_as_saved(photo, made).pixels).to(asked.device) for made in (done.unguarded, done.image)]
        report = verify(*pair, asked.witnesses, gallery, find_faces(pair[0], which=asked.faces), asked.far)
        report.recipe, report.seed = "in-loop", asked.seed
        return report


def _as_saved(photo: Photo, image: Tensor) -> Photo:
    """The picture as the eight bits of a file will hold it: what is judged is what is saved."""
    return photo.with_pixels(to_bhwc(to_uint8(image.cpu()).float() / 255))
