"""Tables of a run, as Markdown: who is still matched, how visible it is, what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .probe import Probe
from .rows import ATTACK, FAR, Row, judged, lead, mean, measured, success

FARS = ("1e-2", "1e-3", "1e-4")


def tables(rows: Sequence[Row]) -> str:
    """Everything that rows say, protocol by protocol."""
    parts = []
    for title, decoy in (("Dodge", False), ("Decoy", True)):
        mine = [row for row in rows if (row["decoy"] is not None) == decoy]
        if not mine:
            continue
        parts += [
            f"## {title}: judges of a family that took no part",
            _rates(mine, decoy),
            f"## {title}: after sharing, FAR 1e-2, all judges",
            shared(mine, decoy),
            f"## {title}: recognisers that took part",
            own(mine, decoy),
        ]
        if decoy:
            parts += [f"## {title}: no longer matched with themselves", _rates(mine, decoy=False)]
    parts += ["## How visible", visibility(rows), "## Cost", cost(rows)]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def by(rows: Sequence[Row], key: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row[key]), []).append(row)
    return found


def _rates(rows: Sequence[Row], decoy: bool) -> str:
    body = []
    for method, mine in by(rows, "method").items():
        names = dict.fromkeys(seen["name"] for _, seen in judged(mine))
        shares = []
        for name in names:
            pairs = [(row, seen) for row, seen in judged(mine) if seen["name"] == name]
            rates = [success(pairs, far=far, decoy=decoy) for far in FARS]
            shares.append(rates[0].share)
            body.append([method, name, len(pairs), rates[0].of, *rates, *([] if decoy else [f"{lead(pairs):.2f}"])])
        everybody = [] if decoy else [f"{lead(judged(mine)):.2f}"]
        body.append([method, "**mean of judges**", "", "", f"{mean(shares):.3f}", "", "", *everybody])
    head = ["method", "judge", "pairs", "counted", *(f"FAR {far}" for far in FARS), *([] if decoy else ["below by"])]
    return table(head, body)


def shared(rows: Sequence[Row], decoy: bool = False, far: str = FAR) -> str:
    copies = dict.fromkeys(copy for _, seen in judged(rows) for copy in seen["after"])
    names = [copy for copy in copies if not copy.startswith(ATTACK)]
    body = [
        [method, *(success(judged(mine), copy, far, decoy) for copy in names)]
        for method, mine in by(rows, "method").items()
    ]
    return table(["method", *names], body)


def own(rows: Sequence[Row], decoy: bool = False, far: str = FAR) -> str:
    body = []
    for method, mine in by(rows, "method").items():
        for name in dict.fromkeys(seen["name"] for _, seen in judged(mine, "surrogate")):
            pairs = [(row, seen) for row, seen in judged(mine, "surrogate") if seen["name"] == name]
            body.append([method, name, success(pairs, far=far, decoy=decoy)])
    return table(["method", "surrogate", f"FAR {far}"], body)


def _figures(mine: Sequence[Row], keys: Iterable[str], of: Callable[[Row], Row]) -> list[str]:
    return [f"{mean(of(row).get(key) for row in mine):.3f}" for key in keys]


def visibility(rows: Sequence[Row]) -> str:
    known = measured(rows)
    body = [
        [
            method,
            len(mine),
            *_figures(mine, known, lambda row: row["quality"]),
            f"{mean(r['shift'] for r in mine):.3f}",
        ]
        for method, mine in by(rows, "method").items()
    ]
    return table(["method", "photos", *(name.replace("_", " ") for name in known), "landmark shift"], body)


def cost(rows: Sequence[Row]) -> str:
    """Seconds of the processor: of the clock they would say how busy the machine was."""
    kinds = ("denoiser", "decoder", "recogniser")
    body = [
        [
            method,
            *(f"{mean(row['evaluations'][kind] for row in mine):.0f}" for kind in kinds),
            f"{mean(row['cpu_seconds'] for row in mine):.1f}",
            _largest(row["peak_mb"] for row in mine),
        ]
        for method, mine in by(rows, "method").items()
    ]
    return table(["method", *(f"{kind} evaluations" for kind in kinds), "processor s", "peak MB"], body)


def _largest(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.0f}" if known else "-"


def probes_table(probes: Sequence[tuple[str, Probe]]) -> str:
    body = [
        [name, p.recogniser, p.learner, p.people, p.photos, *(f"{share:.2f}" for share in _named(p))]
        for name, p in probes
    ]
    head = ["method", "recogniser", "learner", "people", "photos of each"]
    head += ["clean to clean", "trained on protected", "tested on protected"]
    return "## Probes: share of photos named right\n\n" + table(head, body) + "\n"


def _named(probe: Probe) -> tuple[float, float, float]:
    return probe.clean, probe.trained_on_protected, probe.tested_on_protected
