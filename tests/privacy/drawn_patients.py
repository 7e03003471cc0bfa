"""Patients with two similar smooth images each, which the tests of privacy are tried on."""

import numpy as np

from synthgain.dataset import Images

SIZE = 32


def patients(seed: int, count: int, first: int = 0) -> Images:
    """``count`` images ``(count, 1, 32, 32)`` of ``count / 2`` patients, numbered from ``first``; two classes."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(30, 220, (count // 2, 1, 8, 8)).repeat(2, axis=0)
    from scipy.ndimage import zoom

    smooth = zoom(coarse, (1, 1, SIZE / 8, SIZE / 8), order=1) + random.normal(0, 6, (count, 1, SIZE, SIZE))
    groups = first + np.arange(count) // 2
    return Images(smooth.clip(0, 255).round().astype(np.uint8), groups % 2, groups)
