"""What attacks do, as Markdown: pairs that come back, and strangers that are found as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..attacks.words import in_words
from .albums import Album, alike_after, copies_of
from .rows import ATTACK, FAR, Row, judged, success
from .search import ranked, shares
from .shares import ByPerson, Rate, together
from .tables import by, table

INTRO = """Each attack on the pictures that were saved: the protected face brought to 256 px where it is larger, changed
as the name says, and shown to the judges. Shares are of pairs no longer matched at a false-accept rate of {far}, of
those matched before, all judges together; lower than plain is what the attack wins. "Best of all" is an opponent who
tries everything and counts any match; who tries so often is also wrong more often."""
INTRO_STRANGERS = """Strangers matched: the share of photos of other people that are taken for the protected one. An
attack that raises this too has found nothing, it has made faces alike. Rank one: the nearest photo is of the right
person."""


def attacks_in(rows: Sequence[Row]) -> list[str]:
    """The attacks that were tried on any of them, as rows name copies."""
    copies = (copy for row in rows for seen in row["recognisers"] for copy in (seen.get("after") or seen["embedded"]))
    return [copy for copy in dict.fromkeys(copies) if copy.startswith(ATTACK)]


def attack_tables(rows: Sequence[Row], paired: Sequence[Row], albums: Mapping[str, Album], far: str = FAR) -> list[str]:
    """Headings and tables, none without attacks; `paired` are the rows as pairs, and only a search has albums."""
    tried = attacks_in(rows)
    if not tried:
        return []
    dodging = [row for row in paired if row["decoy"] is None]
    parts = ["## Attacks: no longer matched", INTRO.format(far=far), _table(dodging, tried, far)]
    if albums:
        parts += ["## Attacks: strangers matched, and rank one", INTRO_STRANGERS, _search(rows, albums, tried, far)]
    return parts


def share_of(rows: Sequence[Row], copy: str, far: str = FAR) -> Rate | ByPerson:
    """Of pairs that were matched before, judged in this copy by those who took no part."""
    return success([pair for pair in judged(rows) if copy in pair[1]["after"]], copy, far)


def _table(rows: Sequence[Row], tried: Sequence[str], far: str) -> str:
    methods = by(rows, "method")
    body = [["plain", *(share_of(mine, "plain", far) for mine in methods.values())]]
    for attack in tried:
        body.append([_named(attack), *(share_of(mine, attack, far) for mine in methods.values())])
    body.append(["**best of all**", *(share_of(worst_of(mine, tried), "worst", far) for mine in methods.values())])
    return table(["attack", *methods], body)


def worst_of(rows: Sequence[Row], tried: Sequence[str]) -> list[Row]:
    """The same rows with the highest similarity of plain and all attacks as one more copy."""

    def with_worst(seen: Row) -> Row:
        highest = max([seen["after"]["plain"], *(seen["after"][copy] for copy in tried if copy in seen["after"])])
        return {**seen, "after": {**seen["after"], "worst": highest}}

    return [{**row, "recognisers": [with_worst(seen) for seen in row["recognisers"]]} for row in rows]


def _search(rows: Sequence[Row], albums: Mapping[str, Album], tried: Sequence[str], far: str) -> str:
    methods, body = by(rows, "method"), []
    for attack in ["plain", *tried]:
        cells = []
        for mine in methods.values():
            first = [
                shares(mine, judge, albums[judge], {"": ranked(1)}, attack, far)[""]
                for judge in dict.fromkeys(seen["name"] for _, seen in judged(mine))
                if judge in albums
            ]
            cells += [f"{strangers(mine, albums, attack, far).share:.3f}", f"{together(first).share:.2f}"]
        body.append([_named(attack), *cells])
    head = [f"{method}, {what}" for method in methods for what in ("strangers", "rank one")]
    return table(["attack", *head], body)


def strangers(rows: Sequence[Row], albums: Mapping[str, Album], copy: str, far: str) -> Rate:
    """How many photos of other people are matched with the protected one in this copy."""
    hits = of = 0
    for row, seen in judged(rows):
        album, limit = albums.get(seen["name"]), seen["thresholds"].get(far)
        if album is None or limit is None or row["photo"] not in album.place or copy not in copies_of(seen):
            continue
        mine = album.place[row["photo"]]
        others = ~album.others[mine]
        others[mine] = False
        alike = alike_after(seen, album, copy)[others]
        hits, of = hits + int((alike > limit).sum()), of + int(alike.isfinite().sum())
    return Rate(hits, of)


def _named(attack: str) -> str:
    key = attack.removeprefix(ATTACK)
    return key if key == "plain" else f"{key}: {in_words(key)}"
