"""Planted copies: training images changed in known ways, on which the power of every test for copies is measured."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from synthgain.classifiers.augment import turned

Pixels = npt.NDArray[np.uint8]
PLANTED = 200
"""Copies of each kind, one per training image, of randomly chosen ones where there are more."""
LEVEL = 0.95


def plant(images: Pixels, seed: int, most: int = PLANTED) -> dict[str, Pixels]:
    """Copies of ``images (N, C, H, W)``, by kind: uint8 ``(min(N, most), C, H, W)`` each, of the same images.

    ``exact``; ``flipped`` left and right; ``rotated`` by 5 to 15 degrees either way; ``noisy``: Gaussian noise of 10
    grey levels; ``intensity``: contrast changed by up to a fifth and brightness by up to 20 grey levels; ``blurred``
    over 3 by 3 pixels, as generated images often are.
    """
    random = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(images), generator=random)[:most].sort().values
    originals = torch.from_numpy(np.array(images[rows.numpy()])).float()
    return {kind: change(originals, random).round().clamp(0, 255).byte().numpy() for kind, change in _CHANGES.items()}


def power(flag: Callable[[Pixels], npt.NDArray[np.bool_]], planted: Mapping[str, Pixels]) -> dict[str, Any]:
    """Share of each kind of planted copies that ``flag`` finds: ``{kind: record of `rate`}``."""
    return {kind: rate(flag(images)) for kind, images in planted.items()}


def rate(flags: npt.NDArray[np.bool_], level: float = LEVEL) -> dict[str, Any]:
    """``share``, ``n`` and the exact binomial interval ``low``, ``high`` (Clopper and Pearson, Biometrika 1934)."""
    from scipy.stats import binomtest

    n, found = len(flags), int(flags.sum())
    if not n:
        return {"share": None, "low": None, "high": None, "n": 0, "why": "insufficient n: no image"}
    limits = binomtest(found, n).proportion_ci(level, method="exact")
    return {"share": found / n, "low": float(limits.low), "high": float(limits.high), "n": n}


def _rotated(images: Tensor, random: torch.Generator) -> Tensor:
    degrees = 5 + 10 * torch.rand(len(images), generator=random)
    sides = torch.randint(0, 2, (len(images),), generator=random) * 2 - 1
    ones = torch.ones(len(images))
    return turned(images, degrees * sides * math.pi / 180, ones, torch.zeros(len(images), 2), ones)


def _intensity(images: Tensor, random: torch.Generator) -> Tensor:
    contrast, brightness = (2 * torch.rand(2, len(images), 1, 1, 1, generator=random) - 1).unbind(0)
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) * (1 + 0.2 * contrast) + mean + 20 * brightness


def _blurred(images: Tensor, random: torch.Generator) -> Tensor:
    return F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


_CHANGES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "exact": lambda images, _: images,
    "flipped": lambda images, _: images.flip(3),
    "rotated": _rotated,
    "noisy": lambda images, random: images + 10 * torch.randn(images.shape, generator=random),
    "intensity": _intensity,
    "blurred": _blurred,
}
