"""A run as one page that needs nothing else: tables, curves, faces at 100 %, and what has to be known to repeat it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from io import BytesIO
from math import isfinite
from pathlib import Path

from PIL import Image

from ..images import read_photo, to_bchw
from ..plain import plain
from ..verdict.sheet import life_size
from .curves import curves, legend
from .gathered import Gathered
from .rows import Row
from .sheets import ORDERS
from .tables import by

_SHOWN = {"failure": 2, "visibility": 1}
"""How many faces of each method are shown as the worst of a kind."""
_TOLD = {
    "failure": "the nearest judge lies {:+.2f} of its deviations from the threshold",
    "visibility": "most shows here, {:.2f}",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1e1e22; --paper: #fbfbf9; --faint: #d8d8d4; --soft: #f1f1ee }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e4; --paper: #17181b; --faint: #3a3c42; --soft: #202227 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 1360px; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--faint); text-align: left; vertical-align: top }
th { background: var(--soft) } tr:hover td { background: var(--soft) }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem }
svg text { fill: currentColor; font-size: 11px } svg .title { font-weight: 600; font-size: 13px }
svg .grid { stroke: var(--faint) } .legend span { margin-right: 1.2rem }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .4em }
figure { display: inline-block; margin: 0 1rem 1rem 0 } figcaption { font-size: 13px }
img { max-width: 100%; vertical-align: top } .plot { background: #fff }
"""


def draw_page(
    text: str, rows: Sequence[Row], shown: Sequence[Row], gathered: Gathered, about: Row, far: str, plot: Path
) -> str:
    """`text` are the tables as Markdown; `shown` are the rows whose pictures are here."""
    methods = list(by(rows, "method"))
    lines = curves(rows, far)
    parts = ["<h1>FaceVeil bench</h1>", _known(about, rows, far)]
    if lines:
        intro = "Share of pairs no longer matched, all judges, over each attack's strength; lower is found more often."
        parts += ["<h2>Attacks, by strength</h2>", f"<p>{intro}</p>", legend(methods)]
        parts += ['<div class="curves">', *lines, "</div>"]
    if plot.is_file():
        parts += [
            "<h2>Protection and visibility</h2>",
            f'<p><img class="plot" alt="" src="{_png(plot.read_bytes())}"></p>',
        ]
    faces = list(_worst(shown, gathered))
    if faces:
        parts += [
            "<h2>Worst cases at 100 %</h2>",
            "<p>Original and protected, pixel by pixel, where most shows.</p>",
            *faces,
        ]
    parts += [*in_html(text)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(parts)
    return (
        f"<!doctype html>\n<html lang=en><head>{head}<title>FaceVeil bench</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _known(about: Row, rows: Sequence[Row], far: str) -> str:
    facts = {
        "photos": len({row["photo"] for row in rows}),
        "methods": list(by(rows, "method")),
        "false-accept rate": far,
    }
    body = "".join(
        f"<tr><th>{_safe(name)}</th><td>{_safe(_flat(value))}</td></tr>"
        for name, value in (facts | about).items()
        if value not in ([], None)
    )
    return f'<div class="wide"><table>{body}</table></div>'


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _worst(rows: Sequence[Row], gathered: Gathered) -> Iterator[str]:
    for method, mine in by(rows, "method").items():
        done: list[Row] = []
        for order, count in _SHOWN.items():
            ranked = sorted((row for row in mine if row not in done), key=ORDERS[order], reverse=True)
            for row in ranked[:count]:
                done.append(row)
                value = ORDERS[order](row)
                figure = _TOLD[order].format(value) if isfinite(value) else "no judge has a threshold"
                yield _face(f"{method}, {row['photo']}: {figure}", (gathered.photo(row), gathered.picture(row)), row)


def _face(title: str, pair: Iterable[Path], row: Row) -> str:
    pictures = [to_bchw(read_photo(path).pixels) for path in pair]
    place = tuple(row["quality"].get("worst") or (side // 2 for side in reversed(pictures[0].shape[-2:])))
    images = "".join(f'<img alt="" src="{_png(_encoded(life_size(each, place)))}"> ' for each in pictures)
    return f"<figure>{images}<figcaption>{_safe(title)}</figcaption></figure>"


def _encoded(picture: Image.Image) -> bytes:
    memory = BytesIO()
    picture.save(memory, "PNG", optimize=True)
    return memory.getvalue()


def _png(data: bytes) -> str:
    return f"data:image/png;base64,{b64encode(data).decode()}"


def _safe(text: object) -> str:
    return escape(plain(text))


def in_html(text: str) -> Iterator[str]:
    """Our own Markdown: headings, tables, lists and paragraphs, nothing else."""
    for block in re.split(r"\n\n+", text.strip()):
        lines = block.splitlines()
        if block.startswith("## "):
            yield f"<h2>{_inline(block[3:])}</h2>"
        elif block.startswith("| "):
            cells = [[_inline(cell) for cell in line.strip("| ").split(" | ")] for line in (lines[0], *lines[2:])]
            marked = [
                "".join(f"<{tag}>{cell}</{tag}>" for cell in row)
                for tag, row in zip(_tags(len(cells)), cells, strict=True)
            ]
            yield f'<div class="wide"><table>{"".join(f"<tr>{row}</tr>" for row in marked)}</table></div>'
        elif block.startswith("- "):
            items = re.split(r"\n- ", block[2:])
            yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
        else:
            yield f"<p>{_inline(block)}</p>"


def _tags(count: int) -> list[str]:
    return ["th", *["td"] * (count - 1)]


def _inline(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(" ".join(plain(line) for line in text.splitlines())))
