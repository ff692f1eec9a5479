"""What the nodes do when memory is short: tiles, room for a recogniser, and a clear message at the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from faceveil.core.errors import ModelError
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.nodes.adapters.memory import FACES, LADDER, decode_in_tiles, ramp, room_for, starts, with_less_memory


def test_memory_that_ran_out_is_tried_again_more_sparingly():
    tried, freed = [], []

    def work(economy):
        tried.append(economy)
        if len(tried) < 3:
            raise torch.OutOfMemoryError("no")
        return "done"

    assert with_less_memory(work, lambda: freed.append(1)) == "done"
    assert tried == list(LADDER) and len(freed) == 2
    assert not tried[0].checkpointed and tried[1].checkpointed and not tried[1].tiled and tried[2].tiled


def test_work_that_ran_out_of_memory_before_begins_where_it_had_enough():
    tried, ways = [], list(LADDER)

    def work(economy):
        tried.append(economy)
        if len(tried) == 1:
            raise torch.OutOfMemoryError("no")
        return "done"

    assert with_less_memory(work, first=ways[1]) == "done" and tried == ways[1:]


def test_when_nothing_helps_the_message_says_what_does_and_other_errors_pass(caplog):
    def never(economy):
        raise torch.OutOfMemoryError("no")

    with pytest.raises(ModelError, match="Use a smaller picture"):
        with_less_memory(never)
    assert [record.args for record in caplog.records] == [("blocks computed twice",), ("tiles",)], "what is tried next"
    with pytest.raises(ZeroDivisionError):
        with_less_memory(lambda economy: 1 / 0)


def test_tiles_cover_everything_and_end_with_it():
    assert starts(20, 32, 8) == [0] and starts(32, 32, 8) == [0]
    for length in (33, 64, 90):
        places = starts(length, 32, 8)
        assert places[0] == 0 and places[-1] + 32 == length
        assert all(there - here <= 24 for here, there in pairwise(places))
    assert ramp(32, 8, 4).min() > 0 and ramp(32, 8, 4).max() == 1


def test_a_decoder_that_looks_at_single_cells_gives_the_same_in_tiles_with_its_gradient():
    grow = nn.Upsample(scale_factor=4, mode="nearest")
    latent = torch.randn(1, 2, 50, 71, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def slope_of(decode):
        x = latent.clone().requires_grad_()
        picture = decode(x)
        return picture.detach(), torch.autograd.grad(picture.cos().sum(), x)[0]

    whole = slope_of(lambda x: grow(x.square()))
    tiled = slope_of(lambda x: decode_in_tiles(lambda tile: grow(tile.square()), x, 4))
    for wanted, found in zip(whole, tiled, strict=True):
        assert torch.allclose(wanted, found, atol=1e-12)


def test_the_room_for_a_recogniser_is_its_weights_and_what_it_keeps_of_some_faces():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    recogniser = Recogniser(Card("small", 16, "arcface"), network)
    weights = (3 * 8 + 8 * 4) * 9 + 8 + 4
    # What each convolution sees (the second sees what the ReLU keeps), and what is brought to unit length.
    kept = 3 * 16 * 16 + 8 * 14 * 14 + 4 * 12 * 12
    assert room_for(recogniser) == pytest.approx(4 * (weights + FACES * kept), rel=0.01)
    assert room_for(Recogniser(Card("elsewhere", 16, "arcface"), lambda crops: crops)) == 0
