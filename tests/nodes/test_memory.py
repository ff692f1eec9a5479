"""What the nodes do when memory is short: blocks computed twice, tiles, and a clear message at the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from faceveil.core.errors import ModelError
from faceveil.nodes.adapters.gradients import blocks_of, checkpointed
from faceveil.nodes.adapters.memory import LADDER, decode_in_tiles, ramp, starts, with_less_memory


class Careless(nn.Module):
    """Changes in place what its norm and its caller gave it, as ComfyUI's Flux does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(6), nn.Linear(6, 6)

    def forward(self, x):
        inner = self.linear(self.norm(x))
        x += inner.tanh()
        return x


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.blocks = nn.ModuleList(Careless() for _ in range(3))
        self.folder = nn.Module()
        self.folder.last = Careless()

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.folder.last(x)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network().double().requires_grad_(False)


def slope(network, x):
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(network(x).sin().sum(), x)
    return found


def test_blocks_are_the_parts_in_containers_and_folders_that_are_never_called(network):
    assert blocks_of(network) == [*network.blocks, network.folder.last]


def test_gradients_through_careless_blocks_are_exact_and_nothing_is_left_behind(network):
    x = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        wanted = slope(network, x)
    with checkpointed(network):
        found = slope(network, x)
        with torch.no_grad():
            assert network(x).isfinite().all()
    assert torch.allclose(found, wanted, rtol=1e-12)
    near = torch.zeros_like(x)
    for place in range(x.numel()):
        step = torch.zeros_like(x).view(-1)
        step[place] = 1e-6
        up, down = (network(x + sign * step.view_as(x)).sin().sum() for sign in (1, -1))
        near.view(-1)[place] = (up - down) / 2e-6
    assert torch.allclose(found, near, atol=1e-7)
    assert not any("forward" in vars(block) for block in blocks_of(network))
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_less_is_kept_for_the_gradient(network):
    def kept(x):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            network(x)
        return sum(sizes)

    x = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    plain = kept(x)
    with checkpointed(network):
        assert kept(x) < 0.5 * plain


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


def test_when_nothing_helps_the_message_says_what_does_and_other_errors_pass():
    def never(economy):
        raise torch.OutOfMemoryError("no")

    with pytest.raises(ModelError, match="Use a smaller picture"):
        with_less_memory(never)
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
