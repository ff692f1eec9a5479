"""Listening to self-attention, and comparing it within a bounded memory."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from small_flux import SmallFlux
from torch.utils.checkpoint import checkpoint

from faceveil.core.attention import guide as attention
from faceveil.core.attention.guide import AttentionGuide, map_change
from faceveil.core.attention.listening import Listening
from faceveil.core.errors import InputError, ModelError
from faceveil.core.optimise import Settings, Terms, optimise


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_every_layer_is_heard_and_none_is_changed():
    model, recorded = SmallFlux(), []
    x, conditioning = draw(2, 4, 8, 8), model.describe([""])
    with Listening(lambda q, k, out: recorded.append((q.shape, out.shape))):
        listened = model.denoise(x, 0.2, conditioning)
    assert torch.equal(listened, model.denoise(x, 0.2, conditioning))
    assert recorded == [((2, 2, 19, 16), (2, 2, 19, 16))] * 3


def test_cross_attention_is_not_self_attention():
    recorded, q, k = [], draw(1, 2, 5, 4), draw(1, 2, 7, 4)
    with Listening(lambda *given: recorded.append(given)):
        F.scaled_dot_product_attention(q, k, k)
        F.scaled_dot_product_attention(query=q, key=q, value=q)
    assert len(recorded) == 1


def test_heads_that_share_their_keys_are_heard_with_them():
    recorded, q, k = [], draw(1, 4, 5, 4), draw(1, 2, 5, 4, seed=1)
    with Listening(lambda *given: recorded.append(given)):
        out = F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    ((queries, keys, output),) = recorded
    assert torch.equal(queries, q) and torch.equal(keys, k[:, [0, 0, 1, 1]]) and torch.equal(output, out)


def test_maps_compared_in_parts_are_the_same_maps(monkeypatch):
    q, k, before_q, before_k = (draw(2, 3, 11, 4, seed=seed) for seed in range(4))
    q.requires_grad_()
    inputs = q, k, before_q, before_k
    maps = [(a @ b.mT / 2).softmax(-1) for a, b in (inputs[:2], inputs[2:])]
    whole = map_change(*inputs)
    assert torch.allclose(whole, (maps[0] - maps[1]).square().mean((1, 2, 3)))
    (gradient,) = torch.autograd.grad(whole.sum(), q)
    monkeypatch.setattr(attention, "_AT_ONCE", 2 * 3 * 11 * 4)
    parts = map_change(*inputs)
    assert torch.allclose(parts, whole) and torch.allclose(torch.autograd.grad(parts.sum(), q)[0], gradient)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("form", ["full", "light"])
def test_the_gradient_of_a_change_in_half_precision_is_that_in_whole(form, kind):
    draw = torch.Generator().manual_seed(0)
    first, weights = torch.randn(1, 2, 64, 16, generator=draw), torch.randn(3, 16, 16, generator=draw) / 4

    class Moved:
        def __init__(self):
            self.value = (first * 1.1).requires_grad_()

        def groups(self):
            yield self.value, 0.1

    def attend(x, kind):
        F.scaled_dot_product_attention(*(x.to(kind) @ each.to(kind) for each in weights))

    def slope_in(kind):
        guide, moved = AttentionGuide(form), Moved()
        with guide.remembering(0):
            attend(first, kind)

        def objective(picture, rows, progress):
            with guide.comparing(0, rows) as change:
                attend(moved.value, kind)
            return Terms({"attention": change.total}, change.total, torch.zeros(1, dtype=torch.bool))

        optimise(moved, lambda rows: moved.value, objective, Settings(1, patience=0))
        return moved.value.grad.flatten()

    wanted, found = slope_in(torch.float32), slope_in(kind)
    assert float(torch.cosine_similarity(wanted, found, 0)) > 0.99
    assert (found == 0).float().mean() < 0.01


@pytest.mark.parametrize("form", ["full", "light"])
def test_blocks_that_are_computed_twice_can_be_listened_to(form):
    """Nothing of the comparison may be among what a block has to find again when it is computed again."""
    model, guide = SmallFlux(), AttentionGuide(form)
    x, conditioning = draw(1, 4, 8, 8), model.describe([""])
    with guide.remembering(0):
        model.denoise(x, 0.2, conditioning)

    def slope(denoise):
        moved = (x * 1.1).requires_grad_()
        with guide.comparing(0, torch.arange(1)) as change:
            ended = denoise(moved)
        return torch.autograd.grad(change.total.sum() + ended.sum(), moved)[0]

    plain = slope(lambda moved: model.denoise(moved, 0.2, conditioning))
    twice = slope(lambda moved: checkpoint(model.denoise, moved, 0.2, conditioning, use_reentrant=False))
    assert torch.allclose(plain, twice, rtol=1e-10)


def test_the_light_form_keeps_no_more_than_it_may():
    model, guide = SmallFlux(), AttentionGuide("light", keep=200)
    with guide.remembering(0):
        model.denoise(draw(2, 4, 8, 8), 0.2, model.describe([""]))
    assert [known[0].shape for known in guide.known[0]] == [(2, 2, 5, 16)] * 3
    assert all(known[0][0].numel() <= 200 for known in guide.known[0])


@pytest.mark.parametrize("form", ["full", "light"])
def test_each_picture_is_compared_with_itself(form):
    model, guide = SmallFlux(), AttentionGuide(form)
    x, conditioning = draw(3, 4, 8, 8), model.describe([""])
    with guide.remembering(0):
        model.denoise(x, 0.2, conditioning)
    rows = torch.tensor([2, 0])
    with guide.comparing(0, rows) as same:
        model.denoise(x[rows], 0.2, conditioning)
    with guide.comparing(0, rows) as swapped:
        model.denoise(x[[0, 2]], 0.2, conditioning)
    with guide.comparing(0, rows) as one:
        model.denoise(x[rows] + 0.2 * torch.tensor([1, 0]).view(2, 1, 1, 1), 0.2, conditioning)
    assert float(same.total.max()) < 1e-20 < 1e-9 < float(swapped.total.min())
    assert float(one.total[0]) > 1e-9 and float(one.total[1]) < 1e-20


def test_unheard_models_and_unknown_forms_are_refused():
    with pytest.raises(ModelError, match="cannot be heard"), AttentionGuide().remembering(0):
        pass
    with pytest.raises(InputError, match="full, light"):
        AttentionGuide("maps")
