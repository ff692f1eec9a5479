"""How much a veil trembles on film, beside frames that are protected one by one: RESULTS.md on veils and films.

    python docs/measure/flicker.py [--photo portraits/portrait.png] [--frames 12] [--alone 5] [--iterations 40]

A still that is moved by known distances, so that where the face is in each frame is known exactly. Of each way the
change (protected less clean) is brought back to where the face was in the still, and differences from one frame to the
next are averaged over the face's oval, of 255. By whole pixels that is exact; by parts of them the bringing back
resamples the change, and what that alone comes to is told as the measure's own.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F
from torch import Tensor

from faceveil.core.commands.telling import tell
from faceveil.core.faces.crops import Window, resize
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.faces.masks import face_oval
from faceveil.core.film.files import frames_of, pyav
from faceveil.core.film.frames import Picture
from faceveil.core.film.protect import Wardrobe, dress, find_veils
from faceveil.core.film.rewrite import rewrite
from faceveil.core.film.track import Course
from faceveil.core.film.worn import Worn
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.recipes import choose
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.search.learn import learn
from faceveil.core.search.recipe import Recipe

RATE, SWAY = 25, 10.0
"""Frames a second, and pixels from the middle."""
_BORDER = 64


Way = Callable[[int], tuple[float, float]]
"""By frame, how far the still is moved to the right and down."""


def panned(index: int) -> tuple[float, float]:
    """By whole pixels, evenly."""
    return 2.0 * index, float(index)


def swayed(index: int) -> tuple[float, float]:
    """By parts of a pixel."""
    turn = 2 * math.pi * index / 40
    return SWAY * math.sin(turn), SWAY * 0.5 * math.cos(turn)


def moved(picture: Tensor, dx: float, dy: float) -> Tensor:
    """A picture (1, C, H, W) as it is (dx, dy) further right and down."""
    if dx == round(dx) and dy == round(dy):
        around = F.pad(picture, (_BORDER,) * 4, mode="replicate")
        height, width = picture.shape[-2:]
        return around[..., _BORDER - round(dy) :, _BORDER - round(dx) :][..., :height, :width].clone()
    height, width = picture.shape[-2:]
    matrix = torch.tensor([[[1.0, 0.0, -2 * dx / width], [0.0, 1.0, -2 * dy / height]]])
    grid = F.affine_grid(matrix, list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)


def flicker(pictures: list[Tensor], way: Way, face: Face) -> tuple[float, float]:
    """How much pictures (1, 3, H, W), one for each frame, differ from one to the next in the face's frame, and how much
    there is of them."""
    back = torch.cat([moved(each, *(-side for side in way(index))) for index, each in enumerate(pictures)])
    oval = face_oval(face.points[None], *pictures[0].shape[-2:]) > 0
    each = lambda values: float((values.abs() * oval).sum() / (3 * oval.sum() * len(values))) * 255
    return each(back.diff(dim=0)), each(back)


def as_batch(frames: list[Tensor]) -> list[tuple[float, Picture]]:
    return [(index / RATE, Picture(each[0].movedim(0, -1).clone())) for index, each in enumerate(frames)]


def dressed(frames: list[Tensor], worn: list[Worn]) -> list[Tensor]:
    """What the veils change of each frame."""
    batch = as_batch(frames)
    for index, (_, picture) in enumerate(batch):
        dress(index, picture, worn)
    return [p.pixels.movedim(-1, 0)[None] - clean for (_, p), clean in zip(batch, frames, strict=True)]


def on_true_course(worn: Worn, frames: int, way: Way, face: Face) -> Worn:
    """The same veil where the face really is."""
    row = torch.cat([torch.tensor(face.box), face.points.flatten()])
    shifts = torch.tensor([way(index) for index in range(frames)]).repeat(1, 7)
    return Worn(Course(0, row + shifts), worn.veil, worn.key_faces, worn.keys)


def through_files(frames: list[Tensor], worn: list[Worn], folder: Path) -> tuple[list[Tensor], list[Tensor]]:
    """What an encoder leaves of the change, and what it changes by itself."""
    source, target = folder / "in.mkv", folder / "out.mkv"
    av = pyav()
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"crf": "4", "preset": "veryfast"})
        video.height, video.width = frames[0].shape[-2:]
        video.pix_fmt, video.codec_context.time_base = "yuv420p", Fraction(1, RATE)
        video.codec_context.colorspace, video.codec_context.color_range = 1, 1
        for index, each in enumerate(frames):
            pixels = (each[0].movedim(0, -1) * 255).round().byte().numpy()
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p", dst_colorspace=1)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    whole = Window(0, 0, frames[0].shape[-1], frames[0].shape[-2])

    def seen(path: Path) -> list[Tensor]:
        return [frame.cut(whole) for _, frame in frames_of(path)]

    before = seen(source)
    rewrite(source, target, lambda index, frame: None)
    plain = seen(target)
    rewrite(source, target, lambda index, frame: dress(index, frame, worn))
    worn_ = seen(target)
    return [a - b for a, b in zip(worn_, before, strict=True)], [a - b for a, b in zip(plain, before, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=Path("portraits/portrait.png"))
    parser.add_argument("--size", type=int, default=640, help="longer side of the frames")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--alone", type=int, default=5, help="frames that are also protected one by one")
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--surrogate", nargs="+", default=["dlib", "sface"])
    options = parser.parse_args()
    still = to_bchw(read_photo(options.photo).pixels)
    scale = options.size / max(still.shape[-2:])
    still = resize(still, *(round(side * scale / 2) * 2 for side in still.shape[-2:]))
    face = find_faces(still, which="largest")[0]
    recipe = choose()
    recipe = replace(recipe, settings=replace(recipe.settings, iterations=options.iterations))
    surrogates = [load_recogniser(name) for name in options.surrogate]
    for way, said in ((panned, "whole pixels, evenly"), (swayed, "parts of a pixel, to and fro")):
        tell(f"moved by {said}", "| way | from frame to frame | change |", "| --- | --- | --- |")
        compare(still, face, way, surrogates, recipe, options.frames, options.alone)


def compare(
    still: Tensor,
    face: Face,
    way: Way,
    surrogates: Sequence[Recogniser],
    recipe: Recipe,
    count: int,
    alone: int,
) -> None:
    frames = [moved(still, *way(index)).clamp(0, 1) for index in range(count)]
    rows: list[tuple[str, float, float]] = []

    def row(name: str, changes: list[Tensor]) -> None:
        rows.append((name, *flicker(changes, way, face)))
        tell("| {} | {:.2f} | {:.2f} |".format(*rows[-1]))

    changes = []
    for frame in frames[:alone]:
        own = find_faces(frame, which="largest")[0]
        changes.append(learn([(frame, own)], surrogates, recipe).veil.apply(frame, [own]) - frame)
    row(f"each of {alone} frames searched by itself", changes)
    (worn,) = find_veils(as_batch(frames), Wardrobe(recipe, surrogates))
    row("one veil that follows the face", dressed(frames, [worn]))
    row("the same where the face really is", dressed(frames, [on_true_course(worn, count, way, face)]))
    change = worn.veil.apply(still, [face]) - still
    row("the measure's own", [moved(change, *way(index)) for index in range(count)])
    tell(f"the clip itself: {flicker(frames, way, face)[0]:.2f} from frame to frame")
    with TemporaryDirectory() as folder:
        encoded, plain = through_files(frames, [worn], Path(folder))
    row("one veil, encoded (H.264)", encoded)
    row("no veil, encoded", plain)
    tell(f"of frames protected one by one, one veil trembles {rows[1][1] / rows[0][1]:.3f}", "")


if __name__ == "__main__":
    main()
