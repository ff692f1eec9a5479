"""What a trajectory on a link knows of itself."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.trajectory.embeddings import ShortPath
from faceveil.core.trajectory.record import Trajectory
from faceveil.nodes.parts.walked import Walked, refuse_unending


@pytest.fixture
def walked():
    path = Trajectory()
    path.latents.put(0.0, torch.zeros(2, 4, 8, 6))
    return Walked(path, "a prompt")


def test_only_the_latents_it_was_made_of_are_taken(walked):
    walked.refuse_other((2, 4, 8, 6), "the latent is")
    with pytest.raises(InputError, match="of 2 x 4 x 8 x 6 and the latent is of 1 x 4 x 8 x 6"):
        walked.refuse_other((1, 4, 8, 6), "the latent is")


def test_what_was_not_learned_is_asked_for(walked):
    with pytest.raises(InputError, match="Put Learn Unconditional Embeddings in between"):
        walked.learned()
    short = ShortPath([0.1, 0.0], [], [])
    assert Walked(walked.path, "a prompt", short).learned() is short


@pytest.mark.parametrize("levels", [[], [0.0], [1.0, 0.5]])
def test_a_path_has_to_end_at_the_picture(levels):
    refuse_unending([1.0, 0.0])
    with pytest.raises(InputError, match="have to run down to 0"):
        refuse_unending(levels)
