"""The record of a verdict. Its JSON keys are a promise: scripts and graphs read them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import chain

from ..faces.face import Box
from ..plain import plain
from ..recognisers.judge import Sent
from .facts import FaceVerdict, RecogniserVerdict
from .weakest import weakest

SCHEMA = 1
"""Of the JSON: another number when a key goes or means something else, the same when one is added."""


@dataclass
class Report:
    """One photo's verdict and what it cost."""

    faces: list[FaceVerdict]
    seconds: float = 0.0
    evaluations: dict[str, int] = field(default_factory=lambda: {"denoiser": 0, "decoder": 0, "recogniser": 0})
    recipe: str | None = None
    seed: int | None = None
    budget: float | None = None
    """The most paint that was to show on a face."""
    amount: float = 1.0
    """The share of the change that was found which the budget left."""
    strangers: int = 0
    """Faces that are like nobody whose veil was given, and stayed as they were."""
    compared_with: str = "original"
    """"gallery" when other photos of the person were given, else "original": then before is 1."""
    unheard: list[str] = field(default_factory=list)
    """Why a service that was to judge did not."""
    online: list[Sent] = field(default_factory=list)
    """What left the machine, to which service; empty where nobody but networks judged."""

    @property
    def numbers(self) -> list[int]:
        """What each face is called: the number by which it is chosen, or its place here where nobody counted."""
        return [index if face.number is None else face.number for index, face in enumerate(self.faces)]

    @property
    def boxes(self) -> dict[int, Box]:
        """Where the faces are, by their numbers."""
        return {number: face.box for number, face in zip(self.numbers, self.faces, strict=True)}

    @property
    def known(self) -> list[FaceVerdict]:
        """The faces of which something can be said."""
        return [face for face in self.faces if face.known]

    @property
    def protected(self) -> bool:
        """Every face that somebody knew before; False when nobody knew any."""
        return bool(self.known) and all(face.protected for face in self.known)

    @property
    def independent(self) -> bool | None:
        """Whether somebody who took no part judges every face of which something can be said; None when that is not
        known, or nothing can be said."""
        judged = [face.independent for face in self.known]
        return None if not judged or None in judged else all(judged)

    def as_dict(self) -> dict[str, object]:
        """JSON-ready, as docs/report.schema.json says."""
        results = {"protected": self.protected, "independent": self.independent, "weakest": self.weakest}
        return {"schema": SCHEMA, **asdict(self), **results}

    def sentence(self) -> str:
        """The verdict in one plain sentence, never promising more than was measured."""
        if not any(face.deciding for face in self.faces):
            return (
                "Nothing can be said: no recogniser here has a threshold at this rate. Measure one: faceveil calibrate."
            )
        if not self.known:
            return "Nothing can be said: the face was not matched even before. Does the gallery show the same person?"
        hidden, count, strangers = sum(face.protected for face in self.known), len(self.known), self._strangers()
        names = sorted({row.name for face in self.known for row in face.deciding})
        who = f"{len(names)} recogniser{'s' if len(names) > 1 else ''} ({', '.join(names)})"
        everybody = "The face is" if len(self.faces) == 1 else "1 face is" if count == 1 else f"All {count} faces are"
        some = f"{hidden} of {count} faces are" if hidden < count else everybody
        outcome = f"{some} no longer matched" if hidden else f"{everybody} still matched"
        parts = f"{outcome}, plain or after sharing, as measured by {who}.", self.weakest, self._independence()
        return strangers + " ".join(part for part in parts if part)

    @property
    def weakest(self) -> str:
        """What of the cheap attacks undoes most, in one sentence; empty where none was tried or nothing holds."""
        return weakest([face for face in self.known if face.protected])

    def _independence(self) -> str:
        """One sentence on whether a judge was independent, which nobody should have to find out from a table."""
        if self.independent is None:
            return "Whom it was protected against is not known here, and so not whether an independent judge took part."
        if not self.independent:
            return "No independent judge took part, so this says little about others."
        names = ", ".join(sorted({name for face in self.known for name in face.independent or ()}))
        return f"An independent judge took part, which the protection never asked: {names}."

    def _strangers(self) -> str:
        """What has to be said first of faces that nobody knew."""
        count = len(self.faces) - len(self.known)
        if not count:
            return ""
        faces, them = ("1 face was", "it") if count == 1 else (f"{count} faces were", "them")
        return f"{faces} not matched even before, so nothing can be said of {them}. Of the others: "

    def text(self) -> str:
        """The whole verdict for a terminal."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The same line by line; a recogniser's name is a stranger's text."""
        tables = [_face_lines(number, face) for number, face in zip(self.numbers, self.faces, strict=True)]
        return [plain(line) for line in (*chain(*tables), *self._notes(), self.sentence(), *self._advice())]

    def _notes(self) -> list[str]:
        """What is true of the photo as a whole."""
        lines = []
        if self.amount < 1:
            lines.append(f"  {self.amount:.0%} of what was found: no more paint than {self.budget:g} may show")
        if self.strangers:
            lines.append(f"  left as they were, being like nobody whose veil was given: {self.strangers}")
        lines += [f"  {sent.words()}" for sent in self.online]
        return lines + [f"  not heard: {why} Ask again with: faceveil verify" for why in self.unheard]

    @property
    def _could_be_stronger(self) -> bool:
        """Protection inside a sampler has no strengths."""
        return self.recipe != "in-loop" and not (self.recipe or "").startswith("strong")

    def _advice(self) -> list[str]:
        """A line on what to try when somebody still matches; which buttons or options those are, each surface says."""
        if not any(row.matched_before and row.matched_after for face in self.faces for row in face.deciding):
            return []
        stronger = "the strength strong, or " if self._could_be_stronger else ""
        return [f"What may help: {stronger}protecting against more recognisers, of other families."]


def _face_lines(number: int, face: FaceVerdict) -> list[str]:
    """A table with a row for each recogniser, and below it what became of the picture."""
    left, top, right, bottom = (round(side) for side in face.box)
    titles = "".join(f"{title:>9}" for title in ("before", "after", "jpeg75", "jpeg50", "half"))
    lines = [
        f"face {number} at {left},{top} to {right},{bottom}",
        f"  {'recogniser':<22}{'threshold':>10}{titles}  verdict",
    ]
    for row in face.recognisers:
        threshold = "-" if row.threshold is None else f"{row.threshold:.3f}"
        cells = "".join(f"{score:>9.3f}" for score in (row.before, *row.copies.values()))
        lines.append(f"  {f'{row.name} ({row.role})':<22}{threshold:>10}{cells}  {_verdict(row)}")
    lines += [_attacked(row) for row in face.recognisers if row.attacked]
    lines += [
        _towards_decoy(row.name, row.threshold, row.decoy_before, row.decoy_after)
        for row in face.recognisers
        if row.decoy_before is not None and row.decoy_after is not None
    ]
    lines.append(f"  change on the face: {face.quality.words()}")
    lines.append(f"  outside the faces: {face.quality.outside_words()}")
    if face.quality.missing:
        lines.append(f"  not measured (weights not here, see faceveil fetch): {', '.join(face.quality.missing)}")
    return lines


def _verdict(row: RecogniserVerdict) -> str:
    if row.threshold is None:
        return f"no threshold at FAR {row.far}; measure one: faceveil calibrate"
    if not row.matched_before:
        return "not matched even before"
    return "still matched" if row.matched_after else "no longer matched"


def _attacked(row: RecogniserVerdict) -> str:
    limit = float("inf") if row.threshold is None else row.threshold
    scores = ", ".join(f"{key} {score:.3f}{'*' if score > limit else ''}" for key, score in row.attacked.items())
    return f"  {row.name}, attacked (* matched): {scores}"


def _towards_decoy(name: str, threshold: float | None, before: float, after: float) -> str:
    matched = ", which is taken for the same person" if threshold is not None and after > threshold else ""
    return f"  similarity to the decoy, {name}: {before:.3f} before, {after:.3f} after{matched}"
