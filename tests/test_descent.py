"""Agreement with torch's own optimisers, and what leaving them out is for."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from faceveil.core.descent import descent


@pytest.mark.parametrize(("method", "theirs"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_steps_are_torchs_to_the_bit(method, theirs):
    draw = torch.Generator().manual_seed(3)
    start = [torch.randn(2, 7, generator=draw), torch.randn(3, 5, 4, generator=draw)]
    ours, known = ([each.clone().requires_grad_() for each in start] for _ in range(2))
    rates = (0.3, 1e-3)
    update = descent(zip(ours, rates, strict=True), method, (0.8, 0.95))
    reference = theirs(
        [{"params": [each], "lr": rate} for each, rate in zip(known, rates, strict=True)], betas=(0.8, 0.95)
    )
    for index in range(40):
        for which, pair in enumerate(zip(ours, known, strict=True)):
            slope = torch.randn(start[which].shape, generator=draw)
            for each in pair:
                # One of them is not asked about for a while.
                each.grad = None if which == 1 and index < 5 else slope.clone()
        update.step()
        reference.step()
        assert all(map(torch.equal, ours, known))


def test_momentum_goes_on_where_the_gradient_turns():
    at = torch.zeros(1, 2, requires_grad=True)
    update = descent([(at, 0.5)], "sign", (0.9, 0.0))
    for slope in ([1.0, -1.0], [-0.1, -1.9]):
        at.grad = torch.tensor([slope])
        update.step()
    assert at.tolist() == [[-1.0, 1.0]]


def test_nobody_waits_for_a_compiler():
    code = (
        "import sys, torch\nfrom faceveil.core.descent import descent\nat = torch.ones(1, 1)\nat.grad = at.clone()\n"
        "descent([(at, 0.1)], 'adam', (0.9, 0.99)).step()\nassert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
