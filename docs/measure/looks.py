"""How measures of visibility rank pictures that people have labelled: RESULTS.md's table on looks.

    python docs/measure/looks.py FOLDER

The folder holds labels.json, {photo: {version: "original", "natural", "visible" or "damaged"}}, and PHOTO-VERSION.png
of each. A measure is right about a pair of versions of one photo when the damaged one has the worse figure.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from faceveil.core.commands.telling import tell
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.verdict.facts import Quality
from faceveil.core.verdict.quality import measure_quality

MEASURES = {
    "paint or tint, whichever is further beyond its limit": lambda q: max(q.paint / 0.6, q.tint / 0.4),
    "paint": lambda q: q.paint,
    "tint": lambda q: q.tint,
    "LPIPS-vgg": lambda q: q.lpips_vgg,
    "LPIPS-alex": lambda q: q.lpips_alex,
    "SSIM": lambda q: -q.ssim,
    "DSSIM": lambda q: q.face_dssim,
    "PSNR": lambda q: -q.psnr,
    "mean change of colour": lambda q: q.chroma,
}


def qualities(folder: Path) -> list[dict[str, tuple[str, Quality]]]:
    """For each photo, what is measured of its versions and how they were labelled."""
    found = []
    for photo, labels in json.loads((folder / "labels.json").read_text()).items():
        pictures = {name: to_bchw(read_photo(folder / f"{photo}-{name}.png").pixels) for name in labels}
        original = pictures.pop("original")
        face = find_faces(original, which="largest")[0]
        found.append({n: (labels[n], measure_quality(original, seen, face, 0.0)) for n, seen in pictures.items()})
    return found


def main(folder: Path) -> None:
    photos = qualities(folder)
    tell("| measure | damaged above natural | photos in which every damaged one is above every natural one |")
    tell("| --- | --- | --- |")
    for name, measure in MEASURES.items():
        right = pairs = whole = 0
        for photo in photos:
            of = {label: [measure(q) for own, q in photo.values() if own == label] for label in ("natural", "damaged")}
            if None in of["natural"] + of["damaged"]:
                break
            wins = [worse > better for worse in of["damaged"] for better in of["natural"]]
            right, pairs, whole = right + sum(wins), pairs + len(wins), whole + all(wins)
        if pairs:
            tell(f"| {name} | {right} of {pairs} | {whole} of {len(photos)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
