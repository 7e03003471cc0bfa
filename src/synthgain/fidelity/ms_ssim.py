"""Multi-scale structural similarity of pairs of images: 1 for equal ones, high within a class that collapsed."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

Images = npt.NDArray[np.uint8]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, finest first (Wang et al. 2003, section 3.2)."""
WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of the Gaussian window, pixels."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_PIXELS = 1 << 21
"""Pixels of a batch on one side."""


def scales(side: int) -> int:
    """How many of the five scales fit images of ``side`` pixels: the window must lie inside the coarsest one.

    Five scales need 176 pixels; 64 pixels hold three, 32 hold two.
    """
    return sum(side >> scale >= WINDOW for scale in range(len(WEIGHTS)))


def ms_ssim(first: Images, second: Images) -> npt.NDArray[np.float64]:
    """MS-SSIM of each pair of uint8 images ``(n, C, H, W)``: ``(n,)`` (Wang et al. 2003, eq. 7).

    With as many scales as fit (see `scales`), their weights divided by their sum. SSIM's window is a Gaussian of 11
    pixels and only whole windows count; a negative similarity of structure counts as 0; colours are averaged.

    Raises
    ------
    ValueError
        Shapes differ, or a side is shorter than the window.
    """
    if first.shape != second.shape or min(first.shape[-2:]) < WINDOW:
        raise ValueError(f"MS-SSIM needs pairs of at least {WINDOW} pixels, got {first.shape} and {second.shape}")
    batch = max(1, _PIXELS // int(np.prod(first.shape[1:])))
    parts = [
        _of_batch(*(torch.from_numpy(np.array(side[at : at + batch])).float() for side in (first, second)))
        for at in range(0, len(first), batch)
    ]
    return np.asarray(torch.cat(parts).double().numpy()) if parts else np.zeros(0)


def _of_batch(first: Tensor, second: Tensor) -> Tensor:
    count = scales(min(first.shape[-2:]))
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    product = torch.ones(len(first))
    for scale, weight in enumerate(weights):
        luminance, structure = _compared(first, second)
        coarsest = scale == count - 1
        product *= (luminance * structure if coarsest else structure).mean((1, 2, 3)).clamp(min=0) ** float(weight)
        first, second = avg_pool2d(first, 2), avg_pool2d(second, 2)
    return product


def _compared(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, around each pixel (Wang et al. 2003, eq. 1, 2 and 3)."""
    smooth = _smoothed(torch.stack([first, second, first * first, second * second, first * second]))
    mean1, mean2, square1, square2, product = smooth
    structure = (2 * (product - mean1 * mean2) + _C2) / (square1 - mean1**2 + square2 - mean2**2 + _C2)
    luminance = (2 * mean1 * mean2 + _C1) / (mean1**2 + mean2**2 + _C1)
    return luminance, structure


def _smoothed(maps: Tensor) -> Tensor:
    """Maps ``(..., H, W)`` under the window, where it lies inside: ``(..., H - 10, W - 10)``."""
    return _windows(maps.shape[-2]) @ maps @ _windows(maps.shape[-1]).T


def _windows(side: int) -> Tensor:
    """Every position of the window along a side, ``(side - 10, side)``: as a product much faster than a convolution."""
    away = torch.arange(side) - torch.arange(side - WINDOW + 1)[:, None] - WINDOW // 2
    window = torch.exp(-((away / SIGMA) ** 2) / 2) * (away.abs() <= WINDOW // 2)
    return window / window.sum(1, keepdim=True)
