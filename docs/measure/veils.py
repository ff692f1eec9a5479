"""What a learned veil does on photos that it was not learned from, beside a search of each: RESULTS.md on veils.

    python docs/measure/veils.py PEOPLE --surrogate dlib sface --judge FILE.onnx ... [--counts 1 2 4 8] [--tried 2]

PEOPLE/PERSON/NAME.jpg. Of each person the last photos are tried, and veils are learned on the first so many of the
others; a person with too few photos for a number is left out of its row. Every protected photo is compared with all
other photos of its person by each judge, its face found afresh. Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from faceveil.core.commands.telling import tell
from faceveil.core.faces.crops import region_of
from faceveil.core.faces.face import Face, Sitter
from faceveil.core.faces.find import find_faces
from faceveil.core.images import as_saved, read_photo, to_bchw
from faceveil.core.methods.recipes import choose
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.search.learn import learn
from faceveil.core.verdict.quality import measure_quality
from faceveil.core.verdict.verify import embed_faces


def seen(path: Path) -> Sitter:
    """The part of a photo that its largest face needs."""
    picture = to_bchw(read_photo(path).pixels)
    face = find_faces(picture, which="largest")[0]
    region = region_of([face], *picture.shape[-2:])
    return region.cut(picture).clone(), region.moved(face)


class Compared:
    """All photos as the judges see them."""

    def __init__(self, photos: dict[str, list[Sitter]], judges: Sequence) -> None:
        self.judges, self.ensemble = judges, Ensemble(judges)
        self.names = [(person, index) for person, sitters in photos.items() for index in range(len(sitters))]
        each = [self.embedded(*sitter) for sitters in photos.values() for sitter in sitters]
        self.known = {judge.name: torch.stack([one[judge.name] for one in each]) for judge in judges}

    @torch.inference_mode()
    def embedded(self, picture: Tensor, face: Face) -> dict[str, Tensor]:
        return {name: rows[0] for name, rows in embed_faces(self.ensemble, picture, [face]).items()}

    def after(self, name: tuple[str, int], picture: Tensor, face: Face) -> dict[str, list[float]]:
        """Of a protected photo: pairs that are hidden, whether none is left, whether the nearest is still its own."""
        place, told = self.names.index(name), defaultdict(list)
        own = torch.tensor([person == name[0] for person, _ in self.names])
        own[place] = False
        others = torch.arange(len(self.names)) != place
        for judge in self.judges:
            known, limit = self.known[judge.name], judge.threshold("1e-2")
            before, after = known @ known[place], known @ self.embedded(picture, face)[judge.name]
            matched = own & (before > limit)
            told["pairs"] += (after[matched] <= limit).float().tolist()
            told["any"] += [float(not (after[matched] > limit).any())] if matched.any() else []
            told["rank one"].append(float(own[after.masked_fill(~others, -2).argmax()]))
        return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("--surrogate", nargs="+", default=["dlib", "sface"])
    parser.add_argument("--judge", nargs="+", required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--tried", type=int, default=2)
    parser.add_argument("--strength", default="balanced")
    options = parser.parse_args()
    surrogates, judges = ([load_recogniser(name) for name in names] for names in (options.surrogate, options.judge))
    recipe = choose(options.strength)
    photos = {
        folder.name: [seen(path) for path in sorted(folder.iterdir())]
        for folder in sorted(options.people.iterdir())
        if folder.is_dir()
    }
    compared, rows = Compared(photos, judges), defaultdict(lambda: defaultdict(list))

    def tried(way: str, person: str, index: int, worn: Tensor, seconds: float) -> None:
        picture, face = photos[person][index]
        told = compared.after((person, index), worn, face)
        looks = measure_quality(picture, worn, face, 0.0)
        told |= {name: [getattr(looks, name)] for name in ("paint", "shape", "expression")} | {"seconds": [seconds]}
        for name, values in told.items():
            rows[way][name] += values
        tell(f"{person}/{index + 1} {way}: " + ", ".join(f"{n} {sum(v) / max(len(v), 1):.3f}" for n, v in told.items()))

    for person, sitters in photos.items():
        first = len(sitters) - options.tried
        for index in range(first, len(sitters)):
            started = time.process_time()
            veil = learn([sitters[index]], surrogates, recipe).veil
            worn = as_saved(veil.apply(sitters[index][0], [sitters[index][1]]))
            tried("searched", person, index, worn, time.process_time() - started)
        for count in options.counts:
            if count > first:
                continue
            started = time.process_time()
            veil = learn(sitters[:count], surrogates, recipe).veil
            tell(f"{person}: learned on {count} in {time.process_time() - started:.1f} s")
            for index in range(first, len(sitters)):
                started = time.process_time()
                worn = as_saved(veil.apply(sitters[index][0], [sitters[index][1]]))
                tried(f"learned on {count}", person, index, worn, time.process_time() - started)
    columns = ("pairs", "any", "rank one", "paint", "shape", "expression", "seconds")
    tell("", f"| way | photos | {' | '.join(columns)} |", "| --- |" + " --- |" * (len(columns) + 1))
    for way, told in rows.items():
        cells = [f"{sum(told[name]) / max(len(told[name]), 1):.3f}" for name in columns]
        cells[0] += f" ({len(told['pairs'])} pairs)"
        tell(f"| {way} | {len(told['paint'])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
