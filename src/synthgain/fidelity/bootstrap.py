"""Bootstrap of patients for measures that are averages over images or pairs of images (Efron 1979, Ann Stat 7:1).

Whole groups (patients) are drawn with replacement, with all of their images, as images of one patient are alike (Field
& Welsh 2007, J R Stat Soc B 69:369). Few groups make such intervals too narrow, and nothing is refused here for that.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
REPLICATES = 1000


def multiplicities(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each of ``count`` groups is drawn, ``(REPLICATES, count)``; rows sum to ``count``, at least 1."""
    drawn = rng.integers(count, size=(REPLICATES, count))
    drawn += count * np.arange(REPLICATES)[:, None]
    return np.bincount(drawn.ravel(), minlength=REPLICATES * count).reshape(REPLICATES, count)


def weighted_means(
    values: npt.NDArray[np.generic], groups: npt.NDArray[np.integer], rng: np.random.Generator
) -> Floats:
    """Means of ``values (n,)`` whose ``groups (n,)`` are drawn with replacement, ``(REPLICATES,)``, in their unit.

    ``sum of m_g * sum_g / sum of m_g * n_g`` over groups, m how often a group is drawn: a ratio, because groups differ
    in size. With one group all replicates are equal: no interval. Needs one value.
    """
    numbers, members = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(members, values.astype(np.float64)), np.bincount(members)
    weights = multiplicities(len(numbers), rng)
    return np.asarray((weights @ sums) / (weights @ counts))
