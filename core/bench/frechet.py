"""The Fréchet distance of two sets of pictures, for those who bring an inception network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.crops import resize
from ..images import read_photo, to_bchw
from ..onnx.graph import OnnxGraph


def frechet(first: Tensor, second: Tensor) -> float:
    """Between the Gaussians through two sets of features (N, dim)."""
    if min(len(first), len(second)) < 2:
        raise InputError("A Fréchet distance needs two pictures on each side at least, and thousands to mean much.")
    means = [each.double().mean(0) for each in (first, second)]
    spreads = [torch.cov(each.double().T).reshape(each.shape[1], each.shape[1]) for each in (first, second)]
    # The trace of the root of a product of two such matrices, by the symmetric form that has real eigenvalues.
    values, vectors = torch.linalg.eigh(spreads[0])
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ spreads[1] @ root).clamp_min(0).sqrt().sum()
    apart = (means[0] - means[1]).square().sum() + spreads[0].trace() + spreads[1].trace() - 2 * shared
    return float(apart)


@torch.inference_mode()
def features(network: torch.nn.Module, paths: Sequence[Path], side: int = 299) -> Tensor:
    """Of an inception network as ONNX: (1, 3, side, side) in [-1, 1] to (1, dim)."""
    pictures = (resize(to_bchw(read_photo(path).pixels), side, side) for path in paths)
    return torch.cat([network(picture * 2 - 1).flatten(1) for picture in pictures])


def load_inception(path: Path) -> torch.nn.Module:
    return OnnxGraph(path)
