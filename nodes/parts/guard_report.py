"""Whether a guard won, in words for its node: whoever sampled must not have to read a log for it. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.recognisers.recogniser import Recogniser

UNGUARDED = "Only edited: no recognisers are connected, so nothing is protected."


def guard_report(won: Sequence[bool | None], recognisers: Sequence[Recogniser]) -> str:
    """Of each picture, whether its guard won; None is one without a face."""
    names = ", ".join(recogniser.name for recogniser in recognisers)
    lines = [_sentence(each, names) for each in won]
    if len(lines) == 1:
        return lines[0]
    return "\n".join(f"picture {index + 1} of {len(lines)}: {line}" for index, line in enumerate(lines))


def _sentence(won: bool | None, names: str) -> str:
    if won is None:
        return "WARNING: no face was found in this picture, and it is NOT protected."
    if won:
        return f"Guarded: when sampling ended, nobody who was connected matched the face any more ({names})."
    return (
        f"WARNING: the guard did NOT win: somebody may still match the face ({names}). Take more iterations or steps, "
        "or put Protect Portrait behind, and look at the verdict."
    )
