"""Embeddings in lines of text."""

from __future__ import annotations

from base64 import b64decode, b64encode

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError

PRECISION = np.float16
"""Cosines of 128 numbers and more are right to a few in 10,000: a results file a quarter as long decides the same."""


def packed(embedding: Tensor, recogniser: str) -> str:
    """Of one face (dim,)."""
    if not embedding.isfinite().all():
        raise ModelError(f"The recogniser '{recogniser}' returned invalid numbers (NaN); nothing can be said with it.")
    return b64encode(embedding.flatten().cpu().numpy().astype(PRECISION).tobytes()).decode()


def unpacked(text: str) -> Tensor:
    """(dim,), of unit length again."""
    values = np.frombuffer(b64decode(text), PRECISION).astype(np.float32)
    return torch.nn.functional.normalize(torch.from_numpy(values), dim=0)
