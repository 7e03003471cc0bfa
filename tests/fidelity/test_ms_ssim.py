"""MS-SSIM of pairs of images against other implementations."""

import numpy as np
import pytest
import torch
from monai.metrics.regression import MultiScaleSSIMMetric
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from synthgain.fidelity.ms_ssim import WEIGHTS, ms_ssim, scales


def pairs(side: int, channels: int, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Smooth images and noisy versions of them."""
    random = np.random.default_rng(0)
    coarse = torch.from_numpy(random.uniform(0, 255, (count, channels, 6, 6)))
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear").numpy()
    noisy = np.clip(smooth + random.normal(0, 40, smooth.shape), 0, 255)
    return smooth.astype(np.uint8), noisy.astype(np.uint8)


@pytest.mark.parametrize("side, channels, count", [(32, 1, 2), (64, 3, 3), (180, 1, 5)])
def test_it_equals_monai_with_the_weights_that_fit(side: int, channels: int, count: int) -> None:
    first, second = pairs(side, channels)
    assert scales(side) == count
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    known = MultiScaleSSIMMetric(2, data_range=255, weights=weights.tolist())
    expected = known(torch.from_numpy(first).float(), torch.from_numpy(second).float())
    assert ms_ssim(first, second) == pytest.approx(expected.numpy().ravel(), abs=1e-4)


def test_it_is_near_torchmetrics_which_counts_reflected_borders_too() -> None:
    first, second = pairs(180, 1)
    expected = multiscale_structural_similarity_index_measure(
        torch.from_numpy(first).float(), torch.from_numpy(second).float(), data_range=255.0, reduction="none"
    )
    assert ms_ssim(first, second) == pytest.approx(expected.numpy(), abs=0.01)


def test_the_smallest_images_have_one_scale_which_is_ssim() -> None:
    first, second = pairs(16, 1)
    assert scales(16) == 1
    inner = [torch.from_numpy(side).float() for side in (first, second)]
    expected = structural_similarity_index_measure(*inner, data_range=255.0, reduction="none", return_full_image=True)
    assert ms_ssim(first, second) == pytest.approx(expected[1][..., 5:-5, 5:-5].mean((1, 2, 3)).numpy(), abs=1e-4)


@pytest.mark.parametrize("side, count", [(16, 1), (21, 1), (22, 2), (44, 3), (88, 4), (175, 4), (176, 5), (1024, 5)])
def test_the_window_lies_inside_the_coarsest_scale(side: int, count: int) -> None:
    assert scales(side) == count


def test_equal_images_have_one_and_negatives_zero() -> None:
    first, _ = pairs(32, 1)
    assert ms_ssim(first, first) == pytest.approx(np.ones(3), abs=1e-6)
    assert ms_ssim(first, 255 - first).max() < 0.2
    assert ms_ssim(np.zeros((2, 1, 32, 32), np.uint8), np.zeros((2, 1, 32, 32), np.uint8)) == pytest.approx(1)


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pairs(32, 1, 7)
    whole = ms_ssim(first, second)
    monkeypatch.setattr("synthgain.fidelity.ms_ssim._PIXELS", 3 * 32 * 32)
    assert ms_ssim(first, second) == pytest.approx(whole, abs=1e-6)


def test_images_below_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 11 pixels"):
        ms_ssim(np.zeros((1, 1, 8, 8), np.uint8), np.zeros((1, 1, 8, 8), np.uint8))
