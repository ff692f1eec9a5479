"""Tables of a search, as Markdown: by method and judge, their mean, and the judge that is hardest to hide from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from .albums import Album
from .layout import person_of
from .rows import POSTED, Row, judged, success_by_person
from .search import Figure, anybody, averaged, each_other, linked, ranked, shares, unlike_template, updated
from .shares import DRAWS, SEED, ByPerson, together
from .tables import by, cost, own, shared, table, visibility

Worst = Callable[[Sequence[tuple[float, str]]], tuple[float, str]]
"""Of judges' shares, each with the judge, the one that is hardest to hide from."""
HIDDEN: dict[str, Figure] = {"any": anybody, "template": unlike_template}
"""Shares that protection raises; pairs come first, counted as in the protocol of pairs."""
RANKS: dict[str, Figure] = {
    "rank one, before": ranked(1, protected=False),
    "rank one": ranked(1),
    "rank five, before": ranked(5, protected=False),
    "rank five": ranked(5),
}
LINKED: dict[str, Figure] = {
    "photo and template as they were": linked(False, False),
    "protected photo": linked(True, False),
    "protected template": linked(False, True),
    "both protected": linked(True, True),
    "protected pairs": each_other,
    "means": averaged,
    "updated template": updated,
}
"""Shares that protection lowers."""

INTRO = """Every photo is protected knowing nothing but itself, and a judge looks for it, its face found afresh, among
all others ({photos} photos of {people} people), matching at a false-accept rate of {far}.

- pairs: of the protected photo and each other photo of the person, those no longer matched, of those matched before
- any: photos that no other photo of the person matches any more, of those that one at least matched before
- template: photos no longer matched by the mean of the person's other photos, of those matched before
- rank one, rank five: photos whose nearest, or one of whose five nearest among all photos, is of the right person
- linked: photos matched by the mean of the person's others; a protected template is the mean of protected ones;
  protected pairs: two protected photos of a person, compared with each other; means: the mean of all protected
  photos of a person against that of the clean ones; updated template: a protected photo against the mean of clean
  and protected others

In brackets: the 95 % interval, people drawn anew {draws} times (seed {seed}), and of how many. It knows no other people
than these: one without width says that they agree, not that others will."""


def search_tables(rows: Sequence[Row], paired: Sequence[Row], albums: Mapping[str, Album], far: str) -> str:
    """Everything that a search's rows say; `paired` are the same rows as pairs."""
    names = {name for album in albums.values() for name in album.names}
    people = len({person_of(name) for name in names})
    parts = ["## Search", INTRO.format(photos=len(names), people=people, far=far, draws=DRAWS, seed=SEED)]
    for copy, where in (("plain", ""), (POSTED, ", after JPEG 75")):
        for title, figures, worst in (
            ("no longer matched", HIDDEN, min),
            ("the right person ranked first, or among five", RANKS, max),
            ("linked, share matched", LINKED, max),
        ):
            parts += [f"## Search: {title}{where}", _by_judge(rows, paired, albums, figures, worst, copy, far)]
    parts += [f"## Search: pairs after sharing, FAR {far}, all judges", shared(paired, far=far)]
    parts += ["## Search: pairs, recognisers that took part", own(paired, far=far)]
    parts += ["## How visible", visibility(rows), "## Cost", cost(rows)]
    return "\n\n".join(parts) + "\n"


def _by_judge(
    rows: Sequence[Row],
    paired: Sequence[Row],
    albums: Mapping[str, Album],
    figures: Mapping[str, Figure],
    worst: Worst,
    copy: str,
    far: str,
) -> str:
    body, names = [], [*(["pairs"] if figures is HIDDEN else []), *figures]
    for method, mine in by(rows, "method").items():
        seen, pairs = judged(mine), judged(by(paired, "method")[method])
        judges = [name for name in dict.fromkeys(each["name"] for _, each in seen) if name in albums]
        by_name: dict[str, list[ByPerson]] = {name: [] for name in names}
        for judge in judges:
            own_pairs = [(row, each) for row, each in pairs if each["name"] == judge]
            found = {
                "pairs": success_by_person(own_pairs, copy, far),
                **shares(mine, judge, albums[judge], figures, copy, far),
            }
            for name in names:
                by_name[name].append(found[name])
            photos = {row["photo"] for row, each in seen if each["name"] == judge}
            people = {person_of(photo) for photo in photos}
            body.append([method, judge, len(people), len(photos), *(_cell(found[name]) for name in names)])
        body.append([method, "**mean of judges**", "", "", *(together(each) for each in by_name.values())])
        body.append(
            [method, "**hardest judge**", "", "", *(_hardest(each, judges, worst) for each in by_name.values())]
        )
    return table(["method", "judge", "people", "photos", *names], body)


def _cell(share: ByPerson) -> str:
    return f"{share} of {share.of}" if share.of else "-"


def _hardest(shares: Sequence[ByPerson], judges: Sequence[str], worst: Worst) -> str:
    measured = [(share.share, name) for share, name in zip(shares, judges, strict=True) if not isnan(share.share)]
    if not measured:
        return "-"
    value, name = worst(measured)
    return f"{value:.2f}, {name}"
