"""Networks that ComfyUI loaded become fit for gradients, and exact where their blocks are computed twice."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from faceveil.nodes.adapters.gradients import (
    blocks_of,
    checkpointed,
    differentiable,
    foreign,
    make_differentiable,
    ordinary,
    turned_back,
)


def loaded() -> nn.Sequential:
    with torch.inference_mode():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 3, 1)).eval()


def gradient(network: nn.Module) -> torch.Tensor:
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.ones(1, 3, 6, 6, requires_grad=True)
        (found,) = torch.autograd.grad(network(x).square().sum(), x)
        return found


def test_gradients_flow_and_no_weight_is_copied():
    network = loaded()
    with pytest.raises(RuntimeError):
        gradient(network)
    places = [weight.data_ptr() for weight in network.state_dict().values()]
    make_differentiable(network)
    make_differentiable(network)
    assert gradient(network).abs().sum() > 0
    assert [weight.data_ptr() for weight in network.state_dict().values()] == places
    assert not any(weight.requires_grad for weight in network.parameters())


def test_weights_whose_data_was_swapped_under_inference_mode_are_mended_too():
    network = loaded()
    make_differentiable(network)
    with torch.inference_mode():
        swapped = torch.ones(4, 3, 3, 3)
    with torch.inference_mode(False):
        network[0].weight.data = swapped
    make_differentiable(network)
    assert gradient(network).abs().sum() > 0


def test_tied_weights_stay_tied():
    network = loaded()
    network.append(network[0])
    network[3] = nn.Identity()
    with torch.inference_mode():
        network[4].weight = network[0].weight
    make_differentiable(network)
    assert network[4].weight is network[0].weight


def test_inside_differentiable_what_is_changed_in_place_is_remembered():
    network = loaded()

    def careless(x):
        y = x.sin()
        z = y.square()
        y += 1
        return (z * y).sum() + network(x).square().sum()

    with torch.inference_mode(), differentiable(network):
        x = torch.ones(1, 3, 6, 6, dtype=torch.float32).mul_(0.3).requires_grad_()
        (found,) = torch.autograd.grad(careless(x), x)
        with torch.no_grad():
            along = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
            near = (careless(x + 1e-2 * along) - careless(x - 1e-2 * along)) / 2e-2
    assert float((found * along).sum()) == pytest.approx(float(near), rel=1e-2)


def test_quantised_weights_are_left_as_they_are_and_others_keep_their_kind():
    class Packed(torch.Tensor):
        pass

    network = loaded()
    with torch.inference_mode():
        packed = torch.ones(4, 3, 3, 3).as_subclass(Packed)
        packed.scale = 3
        wrapped = nn.Parameter(torch.ones(3, 4, 1, 1), requires_grad=False)
    wrapped._qdata = torch.ones(1)
    network[0]._parameters["weight"], network[3]._parameters["weight"] = packed, wrapped
    make_differentiable(network)
    assert network[3].weight is wrapped
    assert network[0].weight.scale == 3 and not network[0].weight.is_inference()


class Patch:
    """What packs such as IPAdapter put into a model's options: a network and tensors, in an object that is called."""

    def __init__(self) -> None:
        self.told = [{"network": loaded(), "seen": torch.ones(1, 3, 6, 6), "weight": 2.0}]

    def __call__(self, x):
        (told,) = self.told
        return told["weight"] * told["network"](x * told["seen"])


def test_what_other_packs_put_into_a_model_is_fit_for_gradients_and_stays_as_it_was():
    with torch.inference_mode():
        options = {"patches_replace": {"attn2": {("input", 1): Patch()}}, "kept": len}
    (patch,) = options["patches_replace"]["attn2"].values()
    seen, place = patch.told[0]["seen"], patch.told[0]["network"][0].weight.data_ptr()
    with pytest.raises(RuntimeError):
        gradient(patch)
    made = ordinary(options)
    (copied,) = made["patches_replace"]["attn2"].values()
    assert gradient(copied).abs().sum() > 0 and made["kept"] is len
    assert patch.told[0]["seen"] is seen and patch.told[0]["network"][0].weight.data_ptr() == place
    with torch.inference_mode():
        assert torch.equal(patch(seen), copied(seen))


def test_a_patch_that_hangs_at_several_places_stays_one_and_may_know_itself():
    patch = Patch()
    patch.owner = patch
    made = ordinary({"here": patch, "there": [patch, patch.told]})
    assert made["here"] is made["there"][0] is made["here"].owner and made["here"] is not patch
    assert made["there"][1] is made["here"].told


def test_the_gradient_of_a_rotation_is_the_rotation_back():
    angles = torch.rand(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotation = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1).view(5, 4, 2, 2)
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    turned = (rotation @ x.reshape(2, 5, 4, 2, 1)).reshape(x.shape)
    grad = torch.randn(x.shape, dtype=torch.float64)
    (wanted,) = torch.autograd.grad(turned, x, grad)
    assert torch.allclose(turned_back(grad, rotation), wanted)


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


def test_what_another_pack_put_into_a_blocks_place_is_there_again_afterwards(network):
    first, *others = network.blocks

    def patched(x):
        return x.cos()

    first.forward = patched
    with checkpointed(network, network):
        assert first.forward is not patched
    assert vars(first)["forward"] is patched
    assert not any("forward" in vars(block) for block in (*others, network.folder.last))


def test_a_block_that_is_computed_again_finds_its_own_number_in_the_options(network):
    """ComfyUI writes the number of each block into one dictionary; what packs patch looks there."""
    options, x = {}, torch.ones(1, 6, dtype=torch.float64)
    for block in network.blocks:
        block.forward = lambda x, options: x.sin() * (1 + options["block"])
    found = x.clone().requires_grad_()
    with checkpointed(network):
        y = found
        for number, block in enumerate(network.blocks):
            options["block"] = number
            y = block(y, options)
        (slope,) = torch.autograd.grad(y.sum(), found)
    inner = x.sin()
    outer = 2 * inner.sin()
    assert torch.allclose(slope, 3 * outer.cos() * 2 * inner.cos() * x.cos())


def test_weights_of_another_packs_kind_are_known():
    class Packed(torch.Tensor):
        pass

    network = nn.Linear(2, 2)
    assert not foreign(network)
    network.weight = nn.Parameter(network.weight.detach().as_subclass(Packed), requires_grad=False)
    assert foreign(network)
    network.weight._qdata = torch.ones(1)
    assert not foreign(network)


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
