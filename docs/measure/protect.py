"""How well protection transfers, and what it costs to look at: the table and the plot of docs/RESULTS.md.

    python docs/measure/protect.py run  --pairs DIR --recognisers DIR --out rows.jsonl --recipes strong light
    python docs/measure/protect.py show rows.jsonl --table docs/protect.md --plot docs/protect.png
    python docs/measure/protect.py sheet --pairs DIR --recognisers DIR --recipe strong --out docs/strong.jpg

DIR/a/NAME and DIR/b/NAME show the same person. Each photo of a/ is protected knowing nothing but
itself; the judge, of a family that gave no gradient, then compares it with the photo in b/. Pairs
that the judge does not match to begin with are left out. Rows that are in the file already are
not made again, so a run that was stopped goes on. `--part 0/2` and `--part 1/2` share the work.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from faceveil.core.engines.tiny import load_tiny
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.protector import Protector
from faceveil.core.recipes import choose
from faceveil.core.recognisers.calibrate import pairs_in
from faceveil.core.recognisers.catalogue import load_recogniser

FAMILIES = ("dlib", "faceres", "mobilefacenet")
"""Each is the judge once, with the two others as surrogates."""


def landmark_shift(before: Tensor, after: Tensor) -> float:
    """How far a detector's five points moved, as a share of the distance between the eyes."""
    first = find_faces(before, which="largest")[0].points
    second = find_faces(after, which="nearest", near=tuple(first.mean(0).tolist()))[0].points
    return float((first - second).norm(dim=1).mean() / (first[0] - first[1]).norm())


def work(options: argparse.Namespace) -> Iterator[tuple[str, str, Path, Path]]:
    """What is still to do: (recipe, judge, photo, gallery photo)."""
    rows = read_rows(options.out) if options.out.is_file() else []
    done = {(row["recipe"], row["judge"], row["photo"]) for row in rows}
    part, parts = map(int, options.part.split("/"))
    pairs = pairs_in(options.pairs)[: options.count][part::parts]
    for recipe in options.recipes:
        for judge in options.judges:
            for photo, gallery in pairs:
                if (recipe, judge, photo.stem) not in done:
                    yield recipe, judge, photo, gallery


def load_all(folder: Path) -> dict[str, object]:
    return {name: load_recogniser(name if name == "dlib" else folder / f"{name}.onnx") for name in FAMILIES}


def make(
    options: argparse.Namespace, networks: dict[str, object], recipe: str, judge: str, gallery: Tensor
) -> Protector:
    chosen = choose(recipe)
    autoencoder = load_tiny(options.autoencoder) if options.autoencoder else None
    surrogates = [network for name, network in networks.items() if name != judge]
    # The gallery photo judges and is never shown to the optimiser: see `protect_alone`.
    return Protector(chosen, surrogates, [networks[judge]], [gallery], autoencoder=autoencoder, faces="largest")


def protect_alone(protector: Protector, path: Path):
    """Protect knowing the photo alone, then judge against the gallery."""
    from faceveil.core.verdict.verify import Witness, verify

    alone = replace(protector, gallery=[], judges=[])
    photo = read_photo(path)
    started = time.perf_counter()
    protected, own = alone(photo)
    seconds = time.perf_counter() - started
    original, changed = to_bchw(photo.pixels), to_bchw(protected.pixels)
    faces = find_faces(original, which="largest")
    judged = verify(original, changed, [Witness(j) for j in protector.judges], protector.gallery, faces)
    return original, changed, own, judged, seconds


def run(options: argparse.Namespace) -> None:
    networks = load_all(options.recognisers)
    for recipe, judge, photo, gallery in work(options):
        protector = make(options, networks, recipe, judge, to_bchw(read_photo(gallery).pixels))
        original, changed, own, judged, seconds = protect_alone(protector, photo)
        verdict = judged.faces[0].recognisers[0]
        row = {"recipe": recipe, "judge": judge, "photo": photo.stem, **asdict(verdict)}
        row |= asdict(judged.faces[0].quality)
        row |= {"shift": landmark_shift(original, changed), "seconds": seconds, "evaluations": own.evaluations}
        with options.out.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def summarise(rows: list[dict]) -> dict[str, float]:
    """Rates over pairs that matched before; visibility over all photos."""
    matched = [row for row in rows if row["before"] > row["threshold"]]

    def rate(key: str) -> float:
        return mean([row[key] <= row["threshold"] for row in matched])

    return {
        "pairs": len(matched),
        "plain": rate("after"),
        "jpeg75": rate("after_jpeg75"),
        "jpeg50": rate("after_jpeg50"),
        "half": rate("after_half"),
        **{key: mean([r[key] for r in rows]) for key in ("lpips_vgg", "lpips_alex", "face_dssim", "chroma", "shift")},
        "psnr": mean([r["psnr"] for r in rows]),
        "seconds": mean([r["seconds"] for r in rows]),
    }


def show(options: argparse.Namespace) -> None:
    rows = read_rows(options.rows)
    names = list(dict.fromkeys(row["recipe"] for row in rows))
    lines = [
        "| recipe | judge | pairs | PSR | JPEG 75 | JPEG 50 | half size | LPIPS-vgg | LPIPS-alex | DSSIM | chroma | "
        "landmark shift | PSNR | s |",
        "| --- |" + " --- |" * 13,
    ]
    points = {}
    for name in names:
        per_judge = {j: summarise([r for r in rows if (r["recipe"], r["judge"]) == (name, j)]) for j in FAMILIES}
        per_judge = {judge: summary for judge, summary in per_judge.items() if summary["pairs"]}
        average = {
            key: mean([summary[key] for summary in per_judge.values()]) for key in next(iter(per_judge.values()))
        }
        average["pairs"] = sum(summary["pairs"] for summary in per_judge.values())
        points[name] = average
        for judge, summary in {**per_judge, "**mean**": average}.items():
            figures = " | ".join(
                f"{value:.0f}" if key == "pairs" else f"{value:.1f}" if key in ("psnr", "seconds") else f"{value:.3f}"
                for key, value in summary.items()
            )
            lines.append(f"| {name} | {judge} | {figures} |")
    options.table.write_text("\n".join(lines) + "\n")
    if options.plot:
        plot(points, options.plot)


def plot(points: dict[str, dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4.2), sharey=True)
    for axis, (key, label) in zip(
        axes,
        (("lpips_vgg", "LPIPS-vgg on the face"), ("face_dssim", "DSSIM"), ("shift", "landmark shift / eyes")),
        strict=True,
    ):
        for name, summary in points.items():
            axis.scatter(summary[key], summary["plain"], s=28)
            axis.annotate(name, (summary[key], summary["plain"]), xytext=(4, 4), textcoords="offset points", fontsize=8)
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("no longer matched, mean of the three judges")
    axes[0].set_ylim(0, 1.03)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def sheet(options: argparse.Namespace) -> None:
    """Originals above protected faces, enlarged, for looking at."""
    from PIL import Image

    from faceveil.core.faces.crops import resize, window_around
    from faceveil.core.images import to_bhwc, to_pil

    networks = load_all(options.recognisers)
    pairs = pairs_in(options.pairs)[: options.count]
    side, columns = 320, 6
    picture = Image.new("RGB", (columns * side, -(-len(pairs) // columns) * side * 2), (255, 255, 255))
    for index, (photo, gallery) in enumerate(pairs):
        protector = make(options, networks, options.recipe, options.judges[0], to_bchw(read_photo(gallery).pixels))
        original, changed, *_ = protect_alone(protector, photo)
        window = window_around(find_faces(original, which="largest")[0], 0.15)
        for row, image in enumerate((original, changed)):
            tile = to_pil(to_bhwc(resize(window.cut(image), side, side)))
            picture.paste(tile, (index % columns * side, (index // columns * 2 + row) * side))
    picture.save(options.out, quality=88)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb, action in (("run", run), ("sheet", sheet)):
        one = verbs.add_parser(verb)
        one.add_argument("--pairs", type=Path, required=True)
        one.add_argument("--recognisers", type=Path, required=True, help="holds faceres.onnx and mobilefacenet.onnx")
        one.add_argument("--out", type=Path, required=True)
        one.add_argument("--autoencoder", help="instead of the bundled one")
        one.add_argument("--judges", nargs="+", default=list(FAMILIES))
        one.add_argument("--count", type=int, default=None if verb == "run" else 12)
        one.add_argument("--part", default="0/1")
        one.set_defaults(action=action)
        one.add_argument("--recipe" if verb == "sheet" else "--recipes", **({} if verb == "sheet" else {"nargs": "+"}))
    one = verbs.add_parser("show")
    one.add_argument("rows", type=Path)
    one.add_argument("--table", type=Path, required=True)
    one.add_argument("--plot", type=Path)
    one.set_defaults(action=show)
    options = parser.parse_args()
    options.action(options)


if __name__ == "__main__":
    main()
