"""Memory runs out inside of every node that takes a model, on every model: what is done about it ends in the same."""

from __future__ import annotations

import os

import numpy as np
import pytest

from .models import EDIT, edited, guarded, optimised
from .test_families import MODELS, kind
from .test_nodes import node

pytestmark = pytest.mark.integration
__all__ = ["kind"]

WAYS = {"optimised": (optimised, "after", "moved"), "edited": (edited, "edit", "protected")}
WAYS["guarded"] = (guarded, "decode", "picture")
EVERY = bool(os.environ.get("FACEVEIL_EVERY_MODEL"))
CASES = [
    (kind, way) for kind in (MODELS if EVERY else ("sd15", "flux2", "qwen")) for way in WAYS if EVERY or way != "edited"
]
"""One of each class of VAE; the editor, which takes a minute or two and climbs the same ladder, when asked for."""
TWICE, TILES, WIDE = 0.01, 4.0, 15.0
"""How far the mean pixel may be from that with enough memory, of 255 levels: where blocks are computed twice, where
tiles are blended, and where the decoder looks over all of a picture at once, of which a tile is a part. Decoders of
random weights shout, and look as much at what is far as at what is near."""
VIDEOS = {"qwen", EDIT, "wan"}


@pytest.fixture
def refusing(comfy):
    yield
    comfy.run({"refuse": node("TinyRefuse", name="", rungs=0)})


def refused(kind: str, picture: str, way: str, rungs: int) -> dict[str, dict]:
    make, last, _ = WAYS[way]
    prompt = make(kind, picture)
    for each in prompt.values():
        each["inputs"] = {
            name: ["refuse", 0] if given == ["model", 0] else given for name, given in each["inputs"].items()
        }
    prompt["refuse"] = node("TinyRefuse", model=["model", 0], name=f"{kind} {way}", rungs=rungs)
    return {**prompt, "refused": node("TinyRefused", image=[last, 0])}


@pytest.mark.parametrize(("kind", "way"), CASES, indirect=["kind"])
def test_whatever_memory_is_refused_ends_in_the_same_picture_or_in_a_sentence(comfy, portrait, refusing, kind, way):
    pictures, taken = [], []
    for rungs in range(3):
        run = comfy.run(refused(kind, portrait, way, rungs))
        assert run.status == "execution_success", run.error.get("exception_message")
        walks = [tuple(map(int, line.split())) for line in run.outputs["refused"]["text"]]
        # A sampling begins each further step where the one before had enough.
        later = rungs if way == "guarded" else 0
        assert walks and all(ended == rungs for _, ended, _ in walks), walks
        assert [began for began, _, _ in walks] == [0, *[later] * (len(walks) - 1)], walks
        pictures.append(comfy.picture(run, WAYS[way][2]).astype(int))
        taken.append(sum(bytes for _, _, bytes in walks))
    twice, tiles = (float(np.abs(each - pictures[0]).mean()) for each in pictures[1:])
    assert twice <= TWICE and tiles <= (WIDE if kind in VIDEOS else TILES), (twice, tiles)
    assert max(taken[1:]) < taken[0], taken
    run = comfy.run(refused(kind, portrait, way, 3))
    assert run.status == "execution_error" and "Use a smaller picture" in run.error["exception_message"]
