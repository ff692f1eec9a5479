"""Our Flux against diffusers', with the same random weights."""

from __future__ import annotations

import pytest
import torch
from flux_names import diffusers_sizes, diffusers_state
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from faceveil.core.engines.flux import Flux, FluxShape, pack, positions, rotate, unpack

SHAPE = FluxShape(hidden_size=64, num_heads=2, axes_dim=(4, 14, 14), depth=1, depth_single_blocks=2)


@pytest.fixture(scope="module")
def flux():
    torch.manual_seed(0)
    model = Flux(SHAPE).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 else 0.0, 0.1)
    return model


@pytest.fixture(scope="module")
def question():
    draw = lambda *shape: torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))
    return draw(2, 16, 8, 12), torch.tensor([0.3, 0.8]), draw(2, 5, 64), draw(2, 64), torch.tensor([1.0, 3.5])


def test_velocity_equals_diffusers(flux, question):
    diffusers = pytest.importorskip("diffusers")
    other = diffusers.FluxTransformer2DModel(**diffusers_sizes(SHAPE)).eval()
    other.load_state_dict(diffusers_state(flux.state_dict()))
    x, t, context, pooled, guidance = question
    places = positions(5, 4, 6).float()
    with torch.no_grad():
        theirs = other(
            hidden_states=pack(x),
            timestep=t,
            guidance=guidance,
            encoder_hidden_states=context,
            pooled_projections=pooled,
            txt_ids=places[:5],
            img_ids=places[5:],
            return_dict=False,
        )[0]
        ours = flux(*question)
    assert float((unpack(theirs, 4, 6) - ours).abs().max()) < 1e-5 * float(ours.abs().max())


def test_packing_is_undone_by_unpacking():
    x = torch.randn(2, 16, 6, 4)
    assert torch.equal(unpack(pack(x), 3, 2), x) and pack(x).shape == (2, 6, 64)


def test_rotations_keep_lengths_and_depend_on_distance_only():
    angles = torch.rand(1, 8)
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)
    product = lambda a, b: float((rotate(q, a * angles) * rotate(k, b * angles)).sum())
    assert rotate(q, angles).norm() == pytest.approx(float(q.norm()), abs=1e-5)
    assert product(5, 3) == pytest.approx(product(7, 5), abs=1e-4)
    assert product(5, 3) != pytest.approx(product(5, 4), abs=1e-4)


def test_gradients_agree_with_finite_differences(flux, question):
    x, *rest = (part.double() for part in question)
    model = Flux(SHAPE).double()
    model.load_state_dict(flux.state_dict())
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(model(x, *rest).square().sum(), x)
    way, step = torch.randn_like(x), 1e-5
    with torch.no_grad():
        high, low = (model(x + sign * step * way, *rest).square().sum() for sign in (1, -1))
    assert float((gradient * way).sum()) == pytest.approx(float((high - low) / (2 * step)), rel=1e-5)


class SinglePrecision(TorchDispatchMode):
    """Another device than the CPU ("meta" here) that has no double precision."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor) and made.device.type == "meta" and made.dtype == torch.float64:
                raise TypeError("this device has no float64")
        return out


def test_a_device_without_double_precision_will_do(flux, question):
    elsewhere = Flux(SHAPE).to("meta")
    with SinglePrecision():
        with pytest.raises(TypeError):
            torch.zeros(2, device="meta", dtype=torch.float64)
        answer = elsewhere(*(part.to("meta") for part in question))
    assert answer.device.type == "meta" and answer.shape == question[0].shape
