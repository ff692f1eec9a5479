"""Against scikit-image, with gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity

from faceveil.core.perception.colour import chroma_change, luma, to_lab
from faceveil.core.perception.ssim import dssim, ms_ssim, psnr, ssim


def pair(size: int = 96, noise: float = 0.05, dtype=torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand(2, 3, size // 8, size // 8, generator=generator, dtype=dtype)
    smooth = torch.nn.functional.interpolate(rough, (size, size), mode="bicubic").clamp(0.05, 0.95)
    return smooth, (smooth + noise * torch.randn(smooth.shape, generator=generator, dtype=dtype)).clamp(0, 1)


def test_ssim_agrees_with_scikit_image():
    a, b = pair()
    for one in range(2):
        left, right = (luma(x)[one, 0].double().numpy() for x in (a, b))
        expected = structural_similarity(
            left, right, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, full=True
        )[1][5:-5, 5:-5].mean()
        assert float(ssim(a, b)[one]) == pytest.approx(expected, abs=1e-4)
        assert float(dssim(a, b)[one]) == pytest.approx((1 - expected) / 2, abs=1e-4)


def test_lab_agrees_with_scikit_image():
    a, _ = pair()
    expected = rgb2lab(a.permute(0, 2, 3, 1).double().numpy())
    assert np.abs(to_lab(a.double()).permute(0, 2, 3, 1).numpy() - expected).max() < 1e-3


def test_equal_pictures_have_no_distance():
    a, _ = pair()
    assert torch.allclose(ssim(a, a), torch.ones(2)) and torch.allclose(ms_ssim(a, a), torch.ones(2))
    assert torch.equal(psnr(a, a), torch.full((2,), 100.0))
    assert chroma_change(a, a).max() < 1e-5


def test_psnr_of_a_known_error():
    a = torch.full((1, 3, 16, 16), 0.5)
    assert float(psnr(a, a + 0.1)) == pytest.approx(20.0, abs=1e-4)


def test_worse_pictures_score_worse():
    scores = [float(ms_ssim(*pair(noise=noise))[0]) for noise in (0.01, 0.05, 0.2)]
    assert scores == sorted(scores, reverse=True)


def test_grey_noise_has_no_chroma_and_a_tint_has():
    a, _ = pair()
    grey = luma(a).expand_as(a)
    assert chroma_change(grey, (grey + 0.05).clamp(0, 1)).max() < 0.02
    assert chroma_change(grey, grey + torch.tensor([0.05, 0, 0]).view(1, 3, 1, 1)).min() > 2


@pytest.mark.parametrize("size", [8, 16, 40, 180])
def test_small_pictures_work(size):
    a = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    b = (a + 0.1).clamp(0, 1)
    assert 0 < float(ssim(a, b)) < 1
    if size >= 16:
        assert 0 < float(ms_ssim(a, b)) < 1


@pytest.mark.parametrize("distance", [ssim, ms_ssim, psnr, chroma_change])
def test_gradients_agree_with_finite_differences(distance):
    a, b = pair(48, dtype=torch.float64)
    b = b.clamp(0.02, 0.98).requires_grad_()
    gradient = torch.autograd.grad(distance(a, b).sum(), b)[0]
    direction = torch.randn(b.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        ends = [distance(a, b + sign * 1e-7 * direction).sum() for sign in (1, -1)]
    assert torch.isclose((ends[0] - ends[1]) / 2e-7, (gradient * direction).sum(), rtol=1e-4)
