"""From a photo to a protected photo with its verdict: models loaded once, used for any number of photos."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..devices import usable
from ..engines.autoencoder import Autoencoder
from ..engines.bundled import BundledDenoiser, load_autoencoder
from ..engines.denoiser import Denoiser
from ..errors import InputError, ModelError, NoFaceError, ServiceError
from ..faces.crops import Window, region_of, resize
from ..faces.face import Face
from ..faces.find import find_faces
from ..images import PICTURE, PICTURE_MASK, Photo, as_saved, image_of, ordinary, refuse_unfit
from ..methods.purification import protect_through_denoising
from ..methods.recipes import choose
from ..optimise import Outcome, Step, refuse_seed
from ..perception.lpips import Lpips, Vgg19Distance
from ..recognisers.ensemble import refuse_namesakes, refuse_services
from ..recognisers.judge import Judge
from ..recognisers.recogniser import Recogniser
from ..search.objective import Distance, Objective
from ..search.recipe import Recipe
from ..search.search import Protected, protect
from ..search.spending import within
from ..veil.veil import Veil
from ..veil.whose import Whose
from ..verdict.facts import FaceVerdict
from ..verdict.quality import LPIPS_SIDE
from ..verdict.report import Report
from ..verdict.verify import DEFAULT_FAR, Witness, verify, witnesses_of


@dataclass
class Protector:
    """Everything that stays the same from photo to photo. Tensors of pictures are (1, 3, H, W)."""

    recipe: Recipe | str
    """One of `recipes`, or its name: "light", "balanced", "strong"."""
    surrogates: Sequence[Recogniser]
    judges: Sequence[Judge] = ()
    gallery: Sequence[Tensor] = ()
    decoys: Sequence[Tensor] = ()
    denoiser: Denoiser | None = None
    """For recipes that go through a denoising; None is the bundled one, with its autoencoder."""
    autoencoder: Autoencoder | None = None
    """For recipes that work in a latent space, the denoiser's where there is one; None is the bundled one."""
    finish: Autoencoder | None = None
    """Decodes the finished picture, where `autoencoder` is only a quick one of the same latent space."""
    terms: Mapping[str, Distance] = field(default_factory=dict)
    """What else the recipe's `visibility` weighs, by name."""
    faces: str | int = "all"
    detector: str = "auto"
    """Who finds them, before and after: a name of `faces.find.DETECTORS`."""
    far: str = DEFAULT_FAR
    seed: int = 0
    device: str = "cpu"
    veil: Veil | None = None
    """What every photo wears, without a search."""
    refine: int = 0
    """Iterations of a search that begins with the veil."""
    whose: Whose | None = None
    """Several veils: each face wears its own, without a search."""
    distances: dict[str, Distance] = field(init=False)

    @torch.inference_mode(False)  # whoever calls from inside of it wants a picture, and that takes gradients
    def __post_init__(self) -> None:
        self.device = usable(self.device)
        refuse_seed(self.seed)
        refuse_services(self.surrogates)
        refuse_namesakes([*self.surrogates, *self.judges])
        for recogniser in (*self.surrogates, *self.judges):
            recogniser.to(self.device)
        self.gallery = [self._there(photo, "A gallery photo") for photo in self.gallery]
        self.decoys = [self._there(photo, "A decoy") for photo in self.decoys]
        recipe = self.settled
        if self.refine:
            recipe = self._refining(recipe)
        self.recipe = recipe = replace(recipe, aim=replace(recipe.aim, far=self.far))
        self.distances = {**perceptual_distances(recipe, self.device), **self.terms}
        if recipe.denoising and self.denoiser is None:
            if self.autoencoder is not None:
                raise InputError(
                    f"'{recipe.name}' goes through the bundled model's denoising, which works with that model's "
                    "own autoencoder: name a model along with the autoencoder, or neither."
                )
            self.denoiser = BundledDenoiser(self.device)
        elif self.denoiser is not None and self.autoencoder is None:
            raise InputError(f"The model '{self.denoiser.name}' came without the autoencoder that belongs to it.")
        if recipe.needs_autoencoder and self.autoencoder is None:
            self.autoencoder = load_autoencoder(self.device)

    def _refining(self, recipe: Recipe) -> Recipe:
        if self.veil is None:
            raise InputError("There is no veil to begin with: name one, or leave the refining out.")
        if not recipe.makes_veil:
            raise InputError(f"'{recipe.name}' moves a latent or pixels, which no veil can begin: choose a strength.")
        return replace(recipe, settings=replace(recipe.settings, iterations=self.refine))

    @property
    def settled(self) -> Recipe:
        """The recipe itself where its name was given."""
        return choose(self.recipe) if isinstance(self.recipe, str) else self.recipe

    def _there(self, picture: Tensor, what: str) -> Tensor:
        refuse_unfit(picture, what, PICTURE)
        return ordinary(picture).to(self.device)

    @property
    def witnesses(self) -> list[Witness]:
        """Everybody whose word the verdict holds."""
        return witnesses_of(self.surrogates, self.judges)

    @torch.inference_mode(False)
    def __call__(
        self,
        photo: Photo,
        mask: Tensor | None = None,
        on_step: Callable[[Step, Objective | None], None] = lambda step, objective: None,
        found: Sequence[Face] | None = None,
        apart: Sequence[Tensor] = (),
    ) -> tuple[Photo, Report]:
        """The protected photo and its verdict; `mask` (1, 1, H, W) narrows where pixels may change.

        `found` are the faces to protect, when somebody has chosen them already. `apart` are copies of the same person
        that were made before: they must not be matched with this one either, and the verdict is not about them. While
        embeddings are learned for a denoising `on_step` is given no objective.
        """
        return self.with_veil(photo, mask, on_step, found, apart)[:2]

    @torch.inference_mode(False)
    def with_veil(
        self,
        photo: Photo,
        mask: Tensor | None = None,
        on_step: Callable[[Step, Objective | None], None] = lambda step, objective: None,
        found: Sequence[Face] | None = None,
        apart: Sequence[Tensor] = (),
    ) -> tuple[Photo, Report, Veil | None]:
        """The same with the veil that was found, or worn; None where what was found belongs to this one photo."""
        started = time.perf_counter()
        image = image_of(photo).to(self.device)
        if mask is not None:
            refuse_unfit(mask, "A mask", PICTURE_MASK)
            mask = ordinary(mask).to(self.device)
        if found is None:
            found = find_faces(image, which=self.faces, detector=self.detector)
        found = [face.to(image.device) for face in found]
        count, (found, veils) = len(found), self._dressed(image, found)
        # Only the part of a large photo that its faces need is worked on: copies of all of it would be too much.
        region = region_of(found, *image.shape[-2:])
        part, faces = region.cut(image), [region.moved(face) for face in found]
        allowed = mask if mask is None else region.cut(mask)
        unmatched = [*self.gallery, *(self._there(copy, "A copy") for copy in apart)]
        saved, done = self._change(part, faces, veils, allowed, on_step, unmatched)
        report = self._verdict(part, saved, faces)
        report.faces = [_in_photo(verdict, face, region) for verdict, face in zip(report.faces, found, strict=True)]
        report.recipe, report.seed = self._called(), self.seed
        report.budget, report.amount, report.strangers = self.settled.budget, done.amount, count - len(found)
        for name, evaluations in done.evaluations.items():
            report.evaluations[name] += evaluations
        result = image.clone()
        region.cut(result).copy_(saved)
        report.seconds = time.perf_counter() - started
        return photo.with_pixels(result.cpu().movedim(1, -1)), report, done.veil

    def _verdict(self, before: Tensor, after: Tensor, faces: list[Face]) -> Report:
        """What everybody says; a service that fails now costs its own word, and not the picture that was found."""

        def verdict_of(witnesses: Sequence[Witness]) -> Report:
            return verify(before, after, witnesses, self.gallery, faces, self.far, self.detector, decoys=self.decoys)

        try:
            return verdict_of(self.witnesses)
        except ServiceError as error:
            here = [each for each in self.witnesses if isinstance(each.recogniser, Recogniser)]
            if not here:
                raise
            report = verdict_of(here)
            report.unheard.append(str(error))
            return report

    def _dressed(self, image: Tensor, faces: list[Face]) -> tuple[list[Face], list[Veil]]:
        """The faces that are meant, and the veils that they wear together; none where what to change is searched."""
        if self.whose is not None:
            each = [(face, veil) for face, veil in zip(faces, self.whose.veils(image, faces), strict=True) if veil]
            if not each:
                raise NoFaceError("Nobody in this photo is like anybody whose veil was given: is it the right photo?")
            return [face for face, _ in each], [veil for _, veil in each]
        return faces, [self.veil] if self.veil is not None and not self.refine else []

    def _worn(self, image: Tensor, faces: list[Face], veils: list[Veil], mask: Tensor | None) -> Protected:
        """Under the veils as they are, or as much of them as the recipe's budget leaves."""
        groups = [(veils[0], faces)] if len(veils) == 1 else [(veil, [f]) for veil, f in zip(veils, faces, strict=True)]
        bounds = [veil.bounds(image, some) for veil, some in groups]

        def worn(amount: float) -> tuple[Tensor, Tensor]:
            picture, covered = image, torch.zeros_like(image[:, :1])
            for (veil, some), known in zip(groups, bounds, strict=True):
                picture, where = veil.worn(picture, some, amount, mask, known)
                covered = torch.maximum(covered, where)
            return picture, covered

        amount, (picture, covered) = 1.0, worn(1.0)
        if self.settled.budget is not None:
            amount, picture, covered = within(image, faces, (picture, covered), worn, self.settled.budget)
        return Protected(picture, covered, Outcome(), amount, veil=veils[0].scaled(amount) if len(veils) == 1 else None)

    def _called(self) -> str:
        """What the report calls the way that was gone."""
        if self.whose is not None:
            return f"veils ({', '.join(dict.fromkeys(each.veil.origin.recipe for each in self.whose.owned))})"
        if self.veil is None:
            return self.settled.name
        return f"{self.settled.name}+veil" if self.refine else f"veil ({self.veil.origin.recipe})"

    def _change(
        self,
        image: Tensor,
        faces: list[Face],
        veils: list[Veil],
        mask: Tensor | None,
        on_step: Callable[[Step, Objective | None], None],
        unmatched: Sequence[Tensor],
    ) -> tuple[Tensor, Protected]:
        """The picture with its faces protected, as the eight bits of a file will hold it, and how that was done."""
        if veils:
            done = self._worn(image, faces, veils, mask)
        elif self.settled.denoising and self.denoiser is not None and self.autoencoder is not None:
            done = protect_through_denoising(
                image,
                faces,
                self.denoiser,
                self.autoencoder,
                self.surrogates,
                self.settled,
                unmatched,
                self.decoys,
                mask,
                self.finish,
                self.distances,
                seed=self.seed,
                on_step=on_step,
            )
        else:
            done = protect(
                image,
                faces,
                self.surrogates,
                self.settled,
                unmatched,
                self.decoys,
                mask,
                self.autoencoder,
                finish=self.finish,
                distances=self.distances,
                seed=self.seed,
                on_step=on_step,
                start=self.veil,
            )
        changed = done.image
        if (image[:, 1:] == image[:, :1]).all():  # what was grey comes back grey
            changed = changed.mean(1, keepdim=True).expand_as(image)
        return torch.where(done.mask > 0, as_saved(changed), image), done


def _in_photo(verdict: FaceVerdict, face: Face, region: Window) -> FaceVerdict:
    """A verdict on a part of a photo, with its places as they are in the whole."""
    worst = verdict.quality.worst and (verdict.quality.worst[0] + region.left, verdict.quality.worst[1] + region.top)
    return replace(verdict, box=face.box, quality=replace(verdict.quality, worst=worst))


def perceptual_distances(recipe: Recipe, device: str) -> dict[str, Distance]:
    """The recipe's own perceptual distance where its weights are at hand, else the one that needs none."""
    if recipe.perceptual == "ms-ssim" or not recipe.visibility.get("perceptual"):
        return {}
    try:
        network = Vgg19Distance.load() if recipe.perceptual == "vgg19" else Lpips.load("vgg")
    except ModelError:
        return {}
    network.to(device)

    def on_face(changed: Tensor, clean: Tensor) -> Tensor:
        """Where and how large the report measures too: the face's own box, in the middle of its window."""
        side = changed.shape[-1]
        rim = round(side * recipe.margin / (1 + 2 * recipe.margin))
        inner = slice(rim, side - rim)
        pair = (resize(picture[..., inner, inner], LPIPS_SIDE, LPIPS_SIDE) for picture in (changed, clean))
        return network(*pair)

    return {"perceptual": on_face}
