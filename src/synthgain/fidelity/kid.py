"""Kernel inception distance: the unbiased squared MMD between two sets of features."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
_ROWS = 512


def kid(first: Features, second: Features) -> float:
    """Unbiased squared maximum mean discrepancy of features ``(n, F)`` and ``(m, F)``, cubic polynomial kernel.

    ``k(x, y) = (x . y / F + 1) ** 3`` (Binkowski et al. 2018, section 4 and eq. 4). About 0, and sometimes below it,
    for two samples of one distribution, whatever their sizes.

    Raises
    ------
    ValueError
        A set has fewer than two images.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"KID needs two images in each set, got {len(first)} and {len(second)}")
    return float(_kids(first, second, np.ones((len(first), 1)), np.ones((len(second), 1)))[0])


def kid_interval(
    first: Features,
    second: Features,
    groups: npt.NDArray[np.integer],
    *,
    level: float,
    rng: np.random.Generator,
    halves: int = 200,
) -> tuple[float, float]:
    """Interval of `kid` for independent images ``first`` and images ``second`` in ``groups`` (patients), ``(m,)``.

    From random half samples: half of ``first`` and half of the groups, without replacement. Their spread around the
    value of all images equals that value's own sampling error (McCarthy 1969); drawing with replacement would put equal
    images into the kernel sums, which biases KID upwards. For two samples of one distribution, where the error falls
    as 1 / n, the interval is too wide.
    """
    numbers, members = np.unique(groups, return_inverse=True)
    inside = _half_samples(len(first), halves, rng)
    outside = _half_samples(len(numbers), halves, rng)[members]
    usable = (inside.sum(0) >= 2) & (outside.sum(0) >= 2)
    values = _kids(first, second, inside[:, usable], outside[:, usable])
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _half_samples(count: int, halves: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Indicators ``(count, halves)`` of random halves."""
    return (rng.random((count, halves)).argsort(0) < max(count // 2, 1)).astype(np.float64)


def _kids(
    first: Features, second: Features, inside: npt.NDArray[np.float64], outside: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """KID of each pair of subsets, given as indicator columns ``(n, R)`` and ``(m, R)``: ``(R,)``."""
    n, m = inside.sum(0), outside.sum(0)
    within_first = _sums(first, first, inside, inside) - _diagonal(first) @ inside
    within_second = _sums(second, second, outside, outside) - _diagonal(second) @ outside
    across = _sums(first, second, inside, outside)
    return within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * across / (n * m)


def _sums(
    first: Features, second: Features, inside: npt.NDArray[np.float64], outside: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Kernel values summed over the pairs of each subset; the kernel matrix is never held whole."""
    total = np.zeros(inside.shape[1])
    for rows in _chunks(len(first)):
        total += ((_kernel(first[rows], second) @ outside) * inside[rows]).sum(0)
    return total


def _kernel(first: Features, second: Features) -> npt.NDArray[np.float64]:
    return (first.astype(np.float64) @ second.astype(np.float64).T / first.shape[1] + 1) ** 3


def _diagonal(features: Features) -> npt.NDArray[np.float64]:
    return (np.square(features.astype(np.float64)).sum(1) / features.shape[1] + 1) ** 3


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, start + _ROWS)
