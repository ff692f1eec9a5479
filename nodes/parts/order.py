"""What a graph does to a protected picture afterwards: some of it undoes the protection. No ComfyUI import."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Prompt = Mapping[str, Mapping[str, Any]]
"""A graph as ComfyUI runs it: nodes by number, with `class_type` and `inputs`; a link is [number, output]."""

PROTECT, SAVE = "FaceVeilProtect", "FaceVeilSaveProtected"
PROTECTING = {
    *(PROTECT, "FaceVeilApplyVeil", "FaceVeilProtectFrames", "FaceVeilProtectVideo"),
    *("FaceVeilGuardedSampler", "FaceVeilLatentOptimizer", "FaceVeilTrajectoryEditor"),
}
SHARED = "FaceVeilSharing"
SHOWING = {("FaceVeilVerdict", 1): "the original face", ("FaceVeilFindFaces", 2): "the faces with boxes and numbers"}
"""Outputs that are pictures to look at, and what is in them."""
LOOKS_ON = {"FaceVeilVerdict", "FaceVeilSharing", "PreviewImage", "ImageCompare", "PreviewAny"}
"""What is only looked at there is not what is published."""
PREVIEWS, JPEG = {"PreviewImage", "ImageCompare"}, {"jpg", "jpeg", ".jpg", ".jpeg"}
UNDOING = (
    (r"restore|codeformer|gfpgan|detailer|reactor|faceswap|faceboost", "draws the face anew"),
    (r"upscale|supir|seedvr", "draws fine features anew"),
    (r"ksampler|samplercustom", "generates the picture anew"),
)
"""Kinds of nodes by their names, and what each does that may bring back what recognisers look for."""
EMBEDDING = re.compile(r"saveimage(advanced|kj|withalpha)?")
"""Kinds that write the graph into the file, and with it what the original was called."""


def warnings_in(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Nodes and what each warns of in this graph, for those that warn of anything."""
    of_kind = {PROTECT: warnings_after, SAVE: warnings_before}
    for node, each in prompt.items():
        warns = of_kind.get(str(each.get("class_type")))
        if warns and (warnings := warns(prompt, node)):
            yield node, "\n".join(warnings)


def warnings_after(prompt: Prompt, node: str) -> list[str]:
    """For Protect Portrait: what the graph does with its picture, where that is worth a warning."""
    behind = list(_behind(prompt, node))
    warnings = [warning for at in behind for warning in _warnings(prompt, at)]
    previewed = [at for at in prompt if node in _sources(prompt[at], only_from=(node, 0))]
    if not behind and any(prompt[at].get("class_type") in PREVIEWS for at in previewed):
        warnings.append(
            "WARNING: nothing saves the protected picture. A preview that is saved by hand carries the whole prompt, "
            "with the original's name and fingerprint. Add Save Protected."
        )
    return warnings


def warnings_before(prompt: Prompt, node: str) -> list[str]:
    """For Save Protected: the same of itself and of what lies between Protect Portrait and it, where that one is."""
    before = set(_reached(node, lambda at: list(_sources(prompt.get(at, {})))))
    protected = [at for at in before if prompt.get(at, {}).get("class_type") == PROTECT]
    between = {at for start in protected for at in _behind(prompt, start) if at in before or at == node}
    warnings = [warning for at in prompt if at in between for warning in _warnings(prompt, at)]
    return [*_wrong_picture(prompt, node, {prompt.get(at, {}).get("class_type") for at in before}), *warnings]


def _wrong_picture(prompt: Prompt, node: str, before: set[Any]) -> Iterator[str]:
    """What is saved is not the protected picture, but something near it in the graph."""
    if not before:
        return
    title = _title(prompt[node])
    shown = [what for source, what in SHOWING.items() if source in _links(prompt, node)]
    if shown:
        yield f"WARNING: '{title}' saves a picture to look at, with {shown[0]} in it. Connect the protected picture."
    elif not before & PROTECTING:
        yield f"WARNING: nothing before '{title}' protects: it saves the picture as it came."
    elif SHARED in before:
        yield f"WARNING: '{title}' saves what Simulate Sharing made of the picture. Connect the protected one."


def _links(prompt: Prompt, node: str) -> list[tuple[str, int]]:
    """Which kinds of nodes a node takes something from, and which of their outputs."""
    values = (prompt[node].get("inputs") or {}).values()
    links = [value for value in values if isinstance(value, list) and len(value) == 2]
    return [(str(prompt.get(str(at), {}).get("class_type")), slot) for at, slot in links]


def _title(each: Mapping[str, Any]) -> str:
    return str((each.get("_meta") or {}).get("title") or each.get("class_type", ""))


def _behind(prompt: Prompt, node: str) -> Iterator[str]:
    """Everything that a node's first output goes into, and on from there."""
    users: dict[str, list[str]] = {}
    for number, each in prompt.items():
        if each.get("class_type") not in LOOKS_ON:
            for name in _sources(each, only_from=(node, 0)):
                users.setdefault(name, []).append(number)
    return _reached(node, lambda at: users.get(at, []))


def _warnings(prompt: Prompt, number: str) -> Iterator[str]:
    each = prompt.get(number, {})
    kind = str(each.get("class_type", ""))
    title = _title(each)
    for pattern, does in UNDOING:
        if re.search(pattern, kind.lower()):
            yield f"WARNING: '{title}' comes after the protection and {does}, which may undo it. Put it before."
            return
    if "save" in kind.lower() and JPEG & {str(value).lower() for value in (each.get("inputs") or {}).values()}:
        yield "Saved as JPEG, which changes every pixel: the verdict's jpeg rows say what is left. png keeps all of it."
    if EMBEDDING.fullmatch(kind.lower()):
        yield (
            f"WARNING: '{title}' writes the original's name and fingerprint into the file. Save with Save Protected."
        )


def _sources(each: Mapping[str, Any], only_from: tuple[str, int] | None = None) -> Iterator[str]:
    """The nodes that a node takes something from; of the one in `only_from` only that output counts."""
    for value in (each.get("inputs") or {}).values():
        link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
        if link and (only_from is None or value[0] != only_from[0] or value[1] == only_from[1]):
            yield value[0]


def _reached(start: str, following: Callable[[str], list[str]]) -> Iterator[str]:
    """Everything behind a node, nearest first, each once."""
    seen, waiting = {start}, list(following(start))
    while waiting:
        at = waiting.pop(0)
        if at not in seen:
            seen.add(at)
            yield at
            waiting += following(at)
