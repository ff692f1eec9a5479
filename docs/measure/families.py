# ruff: noqa: T201
"""Whom to protect against: every set of recognisers that leaves a family out to judge, and what sets cost.

    python docs/measure/families.py search PEOPLE -o found --recognisers dlib sface FILE.onnx FILE.onnx
    python docs/measure/families.py cost portraits/portrait.png --sets dlib sface dlib,sface

PEOPLE holds a folder for each person with several photos. All photos are searched through; those named by `--photos`
are protected, by each set once, knowing nothing but themselves; whoever is in no set's place judges. What is done is
kept in OUT and not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from itertools import combinations
from pathlib import Path

from faceveil.core.bench.albums import albums_of, as_pairs
from faceveil.core.bench.asking import embeddings, introduced
from faceveil.core.bench.layout import people_in, person_of
from faceveil.core.bench.memory import peak_memory
from faceveil.core.bench.rows import POSTED, RESULTS, Row, read_known, read_rows
from faceveil.core.bench.search_tables import search_tables
from faceveil.core.bench.trial import landmark_shift
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw, write_photo
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.sharing.upload import UPLOADS
from faceveil.core.verdict.quality import measure_quality, outside_change

Job = tuple[str, tuple[str, ...], str, Path]
"""A strength, the set's places in the list of recognisers, and the photo's name and path."""


COPIES = {POSTED: UPLOADS[POSTED]}
"""Besides the plain one."""
loaded_once = cache(load_recogniser)


def sets_of(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every set that leaves somebody out."""
    for size in range(1, len(names)):
        yield from combinations(names, size)


def called(strength: str, chosen: Sequence[str]) -> str:
    return f"{strength}, {' + '.join(Path(name).stem for name in chosen)}"


def protect(names: Sequence[str], out: Path, job: Job) -> Row:
    strength, chosen, name, path = job
    loaded = {each: loaded_once(each) for each in names}
    used = [loaded[each] for each in chosen]
    photo = read_photo(path)
    cpu = time.process_time()
    with peak_memory() as memory:
        protected, own = Protector(strength, used, faces="largest")(photo)
    cpu = time.process_time() - cpu
    picture = out / "pictures" / called(strength, chosen) / f"{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_photo(protected, picture, sources=[path])
    before, after = (to_bchw(each.pixels) for each in (photo, protected))
    face = find_faces(before, which="largest")[0]
    return {
        "method": called(strength, chosen),
        "held_out": "",
        "photo": name,
        "person": person_of(name),
        "decoy": None,
        "cpu_seconds": cpu,
        "peak_mb": memory.mb,
        "evaluations": own.evaluations,
        "quality": asdict(measure_quality(before, after, face, outside_change(before, after, [face]))),
        "shift": landmark_shift(face, after),
        "recognisers": embeddings(list(loaded.values()), used, before, after, face, COPIES),
        "outside": [],
    }


def search(options: argparse.Namespace) -> None:
    people, results = people_in(options.folder), options.out / RESULTS
    options.out.mkdir(parents=True, exist_ok=True)
    results.touch()
    done = {(row["method"], row["photo"]) for row in read_rows([results])}
    known = [row["known"] for row in read_known([results])]
    jobs = [
        (strength, chosen, name, people[name])
        for name in options.photos or people
        for strength in options.strengths
        for chosen in options.sets or sets_of(options.recognisers)
        if (called(strength, chosen), name) not in done
    ]
    with results.open("a", encoding="utf-8") as file:
        for row in introduced(people, known, [loaded_once(each) for each in options.recognisers], [], "cpu"):
            file.write(json.dumps(row) + "\n")
        with ProcessPoolExecutor(options.jobs) as pool:
            for row in pool.map(partial(protect, options.recognisers, options.out), jobs):
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(row["method"], row["photo"], f"{row['cpu_seconds']:.1f} s", flush=True)
    rows, albums = read_rows([results]), albums_of(read_known([results]))
    print(search_tables(rows, [as_pairs(row, albums) for row in rows], albums, "1e-2"))


def cost(options: argparse.Namespace) -> None:
    """The whole command in a process of its own: processor seconds and peak memory, also as ratios to the first set."""
    first = None
    print("| set | processor s | ratio | peak MB | ratio |\n| --- | --- | --- | --- | --- |")
    for chosen in options.sets:
        seconds, memory = zip(*(_one(options.photo, chosen) for _ in range(options.times)), strict=True)
        told = min(seconds), max(memory)
        first = first or told
        print(f"| {' + '.join(chosen)} | {told[0]:.1f} | {told[0] / first[0]:.2f} ", end="")
        print(f"| {told[1]:.0f} | {told[1] / first[1]:.2f} |", flush=True)


def _one(photo: Path, chosen: Sequence[str]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "faceveil.core.cli", "protect", str(photo), "-o", f"{folder}/p.png"]
        ran = subprocess.Popen([*command, "--surrogate", *chosen], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
        if ran.returncode:
            sys.exit(f"{chosen} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    chosen = {"nargs": "+", "type": lambda text: tuple(text.split(",")), "help": "recognisers with commas between"}
    say = verbs.add_parser("search")
    say.set_defaults(run=search)
    say.add_argument("folder", type=Path)
    say.add_argument("-o", "--out", type=Path, required=True)
    say.add_argument("--recognisers", nargs="+", required=True)
    say.add_argument("--strengths", nargs="+", default=["balanced"])
    say.add_argument("--photos", nargs="+", help="PERSON/NAME (default: all)")
    say.add_argument("--sets", **chosen)
    say.add_argument("--jobs", type=int, default=1)
    say = verbs.add_parser("cost")
    say.set_defaults(run=cost)
    say.add_argument("photo", type=Path)
    say.add_argument("--sets", **chosen, required=True)
    say.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
