"""What a finished run leaves beside its rows: tables, a plot, sheets to look at, the linear probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import InputError, ModelError
from ..images import Photo, from_pil, write_photo
from ..recognisers.recogniser import Recogniser
from .albums import albums_of, as_pairs
from .attack_tables import attack_tables
from .attacking import joined
from .frechet import features, frechet, load_inception
from .gathered import Gathered
from .page import draw_page
from .probe import FEWEST, Probe, probe, search_probes
from .rows import FAR, Row, writing_into
from .search_tables import search_tables
from .sheets import ORDERS, draw
from .tables import probes_table, tables


def write_report(
    rows: Sequence[Row],
    out: Path,
    gathered: Gathered,
    judges: Sequence[Recogniser] = (),
    inception: Path | None = None,
    on_step: Callable[[int, int], None] = lambda done, of: None,
    known: Sequence[Row] = (),
    far: str = FAR,
    attacked: Sequence[Row] = (),
    about: Row | None = None,
) -> list[str]:
    """Everything into `out`; returns notes on what could not be made, a line each.

    A search's rows come with the photos as they are `known`, and are told at one false-accept rate. `attacked` is what
    opponents made of the pictures, and `about` what the run said of itself.
    """
    if not rows:
        raise InputError("There are no results to make a table of.")
    if len({"person" in row for row in rows}) > 1:
        raise InputError("Some of these results are of pairs and some of a search: make tables of each by themselves.")
    notes, albums = [], albums_of(known)
    rows = joined(rows, attacked)
    if "person" in rows[0]:
        paired = [as_pairs(row, albums) for row in rows]
        text, probes = search_tables(rows, paired, albums, far), list(search_probes(rows, albums))
    else:
        paired, text, probes = rows, tables(rows), []
    text += "".join(f"\n{part}\n" for part in attack_tables(rows, paired, albums, far))
    rows, dodging = paired, gathered.shown([row for row in paired if row["decoy"] is None])
    probes += _probes(dodging, gathered, judges, on_step)
    if probes:
        text += "\n" + probes_table(probes)
    if inception:
        text += "\n" + _distances(dodging, gathered, inception)
    with writing_into(out):
        (out / "results.md").write_text(text, encoding="utf-8")
        try:
            from .plot import draw_plot

            draw_plot(rows, out / "results.png", far)
        except ModelError as error:
            notes.append(str(error))
        for method in dict.fromkeys(row["method"] for row in dodging):
            mine = [row for row in dodging if row["method"] == method]
            for order in ORDERS:
                target = out / "sheets" / f"{method.replace(':', '-')}-{order}.jpg"
                target.parent.mkdir(exist_ok=True)
                write_photo(Photo(from_pil(draw(mine, order, gathered.photo, gathered.picture))), target)
        page = draw_page(text, rows, dodging, gathered, about or {}, far, out / "results.png")
        (out / "report.html").write_text(page, encoding="utf-8")
    return notes


def _probes(
    rows: Sequence[Row], gathered: Gathered, judges: Sequence[Recogniser], on_step: Callable[[int, int], None]
) -> Iterator[tuple[str, Probe]]:
    """By method and judge, on the photos that were protected without that judge's family; of pairs alone."""
    for method in dict.fromkeys(row["method"] for row in rows):
        for judge in judges:
            mine = [row for row in rows if row["method"] == method and judge.family in row["held_out"].split("+")]
            if gathered.galleries and len(mine) >= FEWEST:
                others = (gathered.galleries[row["photo"]] for row in mine)
                people = list(zip(map(gathered.photo, mine), map(gathered.picture, mine), others, strict=True))
                yield from ((method, found) for found in probe(judge, people, on_step))


def _distances(rows: Sequence[Row], gathered: Gathered, inception: Path) -> str:
    network, lines = load_inception(inception), ["## Fréchet distance to the originals", ""]
    lines += ["| method | pictures | FID |", "| --- | --- | --- |"]
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        if len(mine) > 1:
            pair = (features(network, [where(row) for row in mine]) for where in (gathered.photo, gathered.picture))
            lines.append(f"| {method} | {len(mine)} | {frechet(*pair):.1f} |")
    return "\n".join(lines) + "\n"
