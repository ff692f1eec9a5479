"""What a film costs, part by part: RESULTS.md on veils and films.

    python docs/measure/film.py make portraits/portrait.png clip.mp4 --seconds 6        # a still that sways
    python docs/measure/film.py parts clip.mp4                     # processor time a frame of each part, by itself
    python docs/measure/film.py whole clip.mp4 out.mp4 --veil me.veil        # all of it: seconds, memory, who matches

Without --veil a veil of knots at random is worn, which costs as much as any.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F

from faceveil.core.commands.telling import tell
from faceveil.core.faces.crops import resize, window_around
from faceveil.core.faces.find import find_faces
from faceveil.core.film.encode import coder_of, encode_part
from faceveil.core.film.files import FilmFrame, about, frames_of, in_planes, opened, pyav
from faceveil.core.film.protect import Wardrobe, dress, find_veils
from faceveil.core.film.rewrite import rewrite
from faceveil.core.film.run import protect_file
from faceveil.core.film.track import Follower
from faceveil.core.film.worn import Worn
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.recipes import choose
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.veil.files import load_veil
from faceveil.core.veil.veil import Veil, at_rest
from faceveil.core.verdict.verify import witnesses_of

RATE = 25
_TRIES = 4


def make(photo: Path, target: Path, seconds: float, size: tuple[int, int], face: int) -> None:
    """A film of a still whose face is so many pixels wide, and sways."""
    still, (width, height), av = to_bchw(read_photo(photo).pixels), size, pyav()
    found = find_faces(still, which="largest")[0]
    scale = face / (found.box[2] - found.box[0])
    still = resize(still, *(round(side * scale) for side in still.shape[-2:]))
    left, top = (round(at * scale - middle) for at, middle in zip(found.centre, (width / 2, height / 2), strict=True))
    with av.open(str(target), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.time_base, video.codec_context.colorspace = Fraction(1, RATE), 1
        for index in range(round(seconds * RATE)):
            turn = 2 * math.pi * index / 40
            dx, dy = (left + 40 * math.sin(turn), top + 15 * math.cos(turn))
            xs, ys = torch.arange(width) + dx, torch.arange(height) + dy
            tall, wide = still.shape[-2:]
            grid = torch.stack(torch.meshgrid(2 * xs / (wide - 1) - 1, 2 * ys / (tall - 1) - 1, indexing="xy"), -1)
            picture = F.grid_sample(still, grid[None], mode="bicubic", padding_mode="border", align_corners=True)
            pixels = (picture[0].clamp(0, 1).movedim(0, -1) * 255).round().byte().numpy()
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p", dst_colorspace=1)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def a_veil(path: Path | None) -> Veil:
    if path:
        return load_veil(path)
    shape, generator = choose().shape, torch.Generator().manual_seed(0)
    knots = {name: torch.randn(each.shape, generator=generator) for name, each in at_rest(shape).knots.items()}
    return Veil(shape, knots)


def parts(clip: Path, veil: Path | None) -> None:
    """Each part alone, one after the other, in the processor's time: other work on the machine hardly matters."""
    frames = list(frames_of(clip))[:25]
    worn = find_veils(iter(frames), Wardrobe(None, [], a_veil(veil)))
    face = worn[0].course.at(12)
    with opened(clip) as (film, track):
        coder = coder_of(track, in_planes(next(film.decode(track))), False)
    copies = [coder.own(frame.decoded, frame.decoded) for _, frame in frames]

    def follow() -> Iterator[None]:
        follower = Follower()
        for index, (seconds, frame) in enumerate(frames):
            follower.see(index, smalls[index], frame.width / smalls[index].shape[-1], seconds)
            yield

    smalls = [frame.small() for _, frame in frames]
    window = window_around(worn[0]._close.at(12), worn[0]._fitted.shape.margin)
    each, wide = list(enumerate(copies)), [Worn(one.course, one.veil, []) for one in worn]
    for one in wide:
        one._close, one._fitted = one.course, one.veil
    tell(f"a face of {face.box[2] - face.box[0]:.0f} px, dressed in a window of {window.width} px")
    with TemporaryDirectory() as folder:
        for name, work in {
            "decoding": lambda: sum(1 for _ in frames_of(clip)),
            "the small copy": lambda: sum(1 for _, frame in frames if frame.small() is not None),
            "following": lambda: sum(1 for _ in follow()),
            "a copy to change": lambda: sum(1 for _, f in frames if coder.own(f.decoded, f.decoded) is not None),
            "dressing": lambda: sum(dress(i, FilmFrame(c), worn) for i, c in each),
            "dressing in the window that is searched in": lambda: sum(dress(i, FilmFrame(c), wide) for i, c in each),
            "encoding": lambda: encode_part(coder, iter(copies), Path(folder) / "part"),
        }.items():
            tell(f"{name}: {1000 * used(work):.1f} ms a frame")


def used(work: Callable[[], int]) -> float:
    """Processor seconds for each of what was done: the least of some tries, for others on the machine slow it down."""
    tries = []
    for _ in range(_TRIES):
        started = time.process_time()
        count = work()
        tries.append((time.process_time() - started) / count)
    return min(tries)


def whole(clip: Path, target: Path, veil: Path | None, judges: list[str], surrogates: list[str]) -> None:
    """From file to file, and then who matches, which is not timed."""
    started, cpu = time.perf_counter(), time.process_time()
    worn = find_veils(frames_of(clip), Wardrobe(None, [], a_veil(veil)))
    frames = rewrite(clip, target, lambda index, frame: dress(index, frame, worn))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell(
        f"{frames} frames: {1000 * cpu / frames:.0f} ms of processor time and {1000 * seconds / frames:.0f} ms each, "
        f"{frames / seconds:.1f} a second here, {2 * frames / cpu:.1f} on two cores that do nothing else; at the peak "
        f"{peak:.0f} MB"
    )
    if judges:
        witnesses = witnesses_of(*([load_recogniser(name) for name in names] for names in (surrogates, judges)))
        wardrobe = Wardrobe(None, [], a_veil(veil))
        done = protect_file(clip, about(clip), target, wardrobe, witnesses, "1e-2")
        tell(*(each.line() for each in done.verdicts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    making = ways.add_parser("make")
    making.add_argument("photo", type=Path)
    making.add_argument("target", type=Path)
    making.add_argument("--seconds", type=float, default=6)
    making.add_argument("--size", type=int, nargs=2, default=(1280, 720))
    making.add_argument("--face", type=int, default=210)
    for name in ("parts", "whole"):
        way = ways.add_parser(name)
        way.add_argument("clip", type=Path)
        way.add_argument("--veil", type=Path)
        if name == "whole":
            way.add_argument("target", type=Path)
            way.add_argument("--judge", nargs="+", default=[])
            way.add_argument("--surrogate", nargs="+", default=[])
    options = parser.parse_args()
    if options.way == "make":
        make(options.photo, options.target, options.seconds, tuple(options.size), options.face)
    elif options.way == "parts":
        parts(options.clip, options.veil)
    else:
        whole(options.clip, options.target, options.veil, options.judge, options.surrogate)


if __name__ == "__main__":
    main()
