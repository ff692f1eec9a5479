"""Pictures that several tests of batches look at."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from faceveil.core.images import to_bhwc


@pytest.fixture(scope="session")
def crop(portrait) -> Tensor:
    """The middle of the portrait as (1, 256, 256, 3), which is quicker than the whole of it."""
    return to_bhwc(portrait)[:, :256, 100:356]


@pytest.fixture(scope="session")
def empty(crop) -> Tensor:
    """A picture of that size without a face."""
    return torch.linspace(0, 1, crop.shape[2]).view(1, 1, -1, 1).expand_as(crop).clone()
