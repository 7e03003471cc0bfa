"""Bootstrap of patients for measures that are averages over images or pairs of images."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
REPLICATES = 1000


def multiplicities(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each of ``count`` groups is drawn, ``(REPLICATES, count)``."""
    drawn = rng.integers(count, size=(REPLICATES, count))
    drawn += count * np.arange(REPLICATES)[:, None]
    return np.bincount(drawn.ravel(), minlength=REPLICATES * count).reshape(REPLICATES, count)


def weighted_means(
    values: npt.NDArray[np.generic], groups: npt.NDArray[np.integer], rng: np.random.Generator
) -> Floats:
    """Means of ``values (n,)`` whose ``groups (n,)`` are drawn with replacement, ``(REPLICATES,)``."""
    numbers, members = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(members, values.astype(np.float64)), np.bincount(members)
    weights = multiplicities(len(numbers), rng)
    return np.asarray((weights @ sums) / (weights @ counts))
