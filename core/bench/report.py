"""What a finished run leaves beside its rows: tables, a plot, sheets to look at, the linear probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, ModelError
from ..images import Photo, from_pil, write_photo
from ..recognisers.recogniser import Recogniser
from .frechet import features, frechet, load_inception
from .probe import FEWEST, Probe, probe
from .rows import Row, writing_into
from .sheets import ORDERS, draw
from .tables import probes_table, tables
from .trial import Trial, picture_path


@dataclass(frozen=True)
class Gathered:
    """The photos and pictures of a run, by row."""

    folder: Path
    pairs: dict[str, tuple[Path, Path]]
    """Photo and gallery photo by the photo's name."""

    def photo(self, row: Row) -> Path:
        return self.pairs[row["photo"]][0]

    def picture(self, row: Row) -> Path:
        photo, gallery = self.pairs[row["photo"]]
        decoy = None if row["decoy"] is None else Path(row["decoy"])
        return picture_path(self.folder, Trial(row["method"], row["held_out"], photo, gallery, decoy))

    def shown(self, rows: Sequence[Row]) -> list[Row]:
        """Rows whose pictures are here: those of another machine's results are not."""
        return [row for row in rows if row["photo"] in self.pairs and self.picture(row).is_file()]


def write_report(
    rows: Sequence[Row],
    out: Path,
    gathered: Gathered,
    judges: Sequence[Recogniser] = (),
    inception: Path | None = None,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> list[str]:
    """Everything into `out`; returns notes on what could not be made, a line each."""
    if not rows:
        raise InputError("There are no results to make a table of.")
    notes, text = [], tables(rows)
    dodging = gathered.shown([row for row in rows if row["decoy"] is None])
    probes = list(_probes(dodging, gathered, judges, on_step))
    if probes:
        text += "\n" + probes_table(probes)
    if inception:
        text += "\n" + _distances(dodging, gathered, inception)
    with writing_into(out):
        (out / "results.md").write_text(text, encoding="utf-8")
        try:
            from .plot import draw_plot

            draw_plot(rows, out / "results.png")
        except ModelError as error:
            notes.append(str(error))
        for method in dict.fromkeys(row["method"] for row in dodging):
            mine = [row for row in dodging if row["method"] == method]
            for order in ORDERS:
                target = out / "sheets" / f"{method.replace(':', '-')}-{order}.jpg"
                target.parent.mkdir(exist_ok=True)
                write_photo(Photo(from_pil(draw(mine, order, gathered.photo, gathered.picture))), target)
    return notes


def _probes(rows: Sequence[Row], gathered: Gathered, judges: Sequence[Recogniser], on_step: Callable[[int, int], None]):
    """By method and judge, on the photos that were protected without that judge's family."""
    for method in dict.fromkeys(row["method"] for row in rows):
        for judge in judges:
            mine = [row for row in rows if row["method"] == method and row["held_out"] == judge.family]
            if len(mine) >= FEWEST:
                people = [(gathered.photo(row), gathered.picture(row), gathered.pairs[row["photo"]][1]) for row in mine]
                found: Probe = probe(judge, people, on_step)
                yield method, found


def _distances(rows: Sequence[Row], gathered: Gathered, inception: Path) -> str:
    network, lines = load_inception(inception), ["## Fréchet distance to the originals", ""]
    lines += ["| method | pictures | FID |", "| --- | --- | --- |"]
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        if len(mine) > 1:
            pair = (features(network, [where(row) for row in mine]) for where in (gathered.photo, gathered.picture))
            lines.append(f"| {method} | {len(mine)} | {frechet(*pair):.1f} |")
    return "\n".join(lines) + "\n"
