"""Networks loaded in inference mode, as ComfyUI does, become fit for gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from faceveil.nodes.adapters.autograd import make_differentiable


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
