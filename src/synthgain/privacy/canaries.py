"""Canaries: marked training images that nothing but the generator's memory can give away (Carlini et al., 2019)."""

import numpy as np
import numpy.typing as npt

from synthgain.seeding import rng

REFERENCES = 128
"""Canaries of the same making that no generator was trained on, which the planted ones are ranked among."""
_CELLS = 8
"""Squares of a pattern along each side."""


def canaries(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], count: int, seed: int, *, references: bool = False
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """``count`` canaries made from training images ``(N, C, H, W)``: uint8 ``(count, C, H, W)`` and their labels.

    Each is the mean of a training image, drawn at random, and a random pattern of 8 by 8 black and white squares of its
    own. ``references`` gives others of the same making.
    """
    random = rng(seed, "canaries", "references" if references else "planted")
    rows = random.integers(0, len(images), count)
    height, width = images.shape[2:]
    cells = random.integers(0, 2, (count, 1, _CELLS, _CELLS)) * 255
    down, right = np.arange(height) * _CELLS // height, np.arange(width) * _CELLS // width
    patterns = cells[:, :, down[:, None], right[None, :]]
    blended = (images[rows].astype(np.int64) + patterns) // 2
    return blended.astype(np.uint8), labels[rows]
