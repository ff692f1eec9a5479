"""The library in six calls: photos in, photos, faces, veils and verdicts out.

For many photos make a `Protector` or an `Editor` once instead: what these calls load each time it then keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..devices import usable
from ..engines.bundled import BundledDenoiser, load_autoencoder
from ..engines.words import refuse_unknown
from ..faces.face import Face
from ..faces.find import find_faces as find
from ..faces.masks import fit_mask
from ..images import Photo, image_of
from ..methods.recipes import DEFAULT, choose
from ..methods.wish import Edit
from ..recognisers.automatic import AUTO, load_automatic
from ..recognisers.catalogue import load_recogniser
from ..recognisers.ensemble import refuse_services
from ..recognisers.judge import Judge
from ..regions.named import region_mask
from ..regions.sentences import regions_for
from ..search.learn import learn
from ..veil.veil import Veil
from ..verdict.report import Report
from ..verdict.verify import DEFAULT_FAR, Witness
from ..verdict.verify import verify as compare
from .editor import Editor
from .protector import Protector

Recognisers = Judge | str | Iterable[Judge | str]
"""Loaded ones, or names and files as the command line takes them; "auto" is one of each family that is here. A service,
as `load_judge` gives it, can only judge."""


def find_faces(photo: Photo, which: str | int = "all") -> list[Face]:
    """The faces of a photo, largest first: all, the largest, or one by its number. Never none: that is an error."""
    return find(image_of(photo), which=which)


@torch.inference_mode(False)
def protect(
    photo: Photo,
    against: Recognisers = "auto",
    strength: str = DEFAULT,
    *,
    judges: Recognisers = (),
    gallery: Sequence[Photo] = (),
    mask: Tensor | None = None,
    faces: str | int = "all",
    seed: int = 0,
    device: str = "cpu",
    veil: Veil | None = None,
    refine: int = 0,
) -> tuple[Photo, Report]:
    """The photo as `against` no longer match it, and the verdict.

    `judges` only check the result. `gallery` are other photos of the same person. `mask`, as `read_mask` gives it,
    narrows where pixels may change. `faces` is "all", "largest", or a number counted from the largest, 0. A `veil` is
    worn without a search, or is where a search of `refine` iterations begins.
    """
    protector = _protector(against, strength, judges, gallery, faces, seed, usable(device), veil, refine)
    return protector(photo, None if mask is None else fit_mask(mask, photo.height, photo.width))


@torch.inference_mode(False)
def learn_veil(
    photos: Sequence[Photo],
    against: Recognisers = "auto",
    strength: str = DEFAULT,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> Veil:
    """One veil for all of these photos of one person, of each its largest face: for photos and films to come.

    Of one photo it is what `protect` finds. Keep it with `save_veil`.
    """
    device = usable(device)
    pictures = _pictures(photos, device)
    sitters = [(picture, find(picture, which="largest")[0].to(device)) for picture in pictures]
    return learn(sitters, refuse_services(_loaded(against, device)), choose(strength), seed).veil


def apply_veil(
    photo: Photo, veil: Veil, amount: float = 1.0, *, faces: str | int = "all", detector: str = "auto"
) -> Photo:
    """The photo with its faces veiled, without a search and without a verdict; 1 is as it was found, 0 nothing."""
    picture = image_of(photo)
    worn = veil.on_photo(picture, find(picture, which=faces, detector=detector), amount)
    return photo.with_pixels(worn.movedim(1, -1))


@torch.inference_mode(False)
def edit(
    photo: Photo,
    prompt: str,
    against: Recognisers = "auto",
    strength: str = DEFAULT,
    *,
    region: str | Sequence[str] = (),
    mask: Tensor | None = None,
    guidance: float | None = None,
    judges: Recognisers = (),
    gallery: Sequence[Photo] = (),
    faces: str | int = "all",
    seed: int = 0,
    device: str = "cpu",
) -> tuple[Photo, Report | None]:
    """The photo edited where the prompt's words say, and protected, by the bundled generator; with the verdict.

    `region` names other parts of the face, `mask` any place. With nobody to protect against the photo is only
    edited, and there is no verdict.
    """
    refuse_unknown(prompt)
    device = usable(device)
    image = image_of(photo)
    if mask is not None:
        where = fit_mask(mask, photo.height, photo.width)
    else:
        named = ([region] if isinstance(region, str) else list(region)) or regions_for(prompt, None)
        where = region_mask(find(image, which=faces), named, photo.height, photo.width)
    protector = _protector(against, strength, judges, gallery, faces, seed, device) if against else None
    editor = Editor(BundledDenoiser(device), load_autoencoder(device), protector=protector, device=device)
    done = editor(photo, where, Edit(prompt, guidance=guidance, seed=seed))
    return done.photo, done.report


def verify(
    original: Photo,
    protected: Photo,
    judges: Recognisers = "auto",
    *,
    gallery: Sequence[Photo] = (),
    far: str = DEFAULT_FAR,
    device: str = "cpu",
) -> Report:
    """Who still matches, plain and after sharing, and how visible the change is."""
    device = usable(device)
    before, after = _pictures([original, protected], device)
    witnesses = [Witness(judge) for judge in _loaded(judges, device)]
    return compare(before, after, witnesses, _pictures(gallery, device), far=far)


def _protector(
    against: Recognisers,
    strength: str,
    judges: Recognisers,
    gallery: Sequence[Photo],
    faces: str | int,
    seed: int,
    device: str,
    veil: Veil | None = None,
    refine: int = 0,
) -> Protector:
    judging = _loaded(judges, device)
    return Protector(
        strength,
        refuse_services(_loaded(against, device, judging)),
        judging,
        _pictures(gallery, device),
        faces=faces,
        seed=seed,
        device=device,
        veil=veil,
        refine=refine,
    )


@torch.inference_mode(False)  # weights that are loaded inside of it give no gradients, then or later
def _loaded(recognisers: Recognisers, device: str, judges: Sequence[Judge] = ()) -> list[Judge]:
    if isinstance(recognisers, str) or not isinstance(recognisers, Iterable):
        recognisers = [recognisers]
    loaded: list[Judge] = []
    for one in recognisers:
        if one == AUTO:
            loaded += load_automatic(judges=judges)
        else:
            loaded.append(load_recogniser(one) if isinstance(one, str) else one)
    return [one.to(device) for one in loaded]


def _pictures(photos: Sequence[Photo], device: str) -> list[Tensor]:
    return [image_of(photo).to(device) for photo in photos]
