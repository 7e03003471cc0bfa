"""Kernel inception distance: the unbiased squared MMD between two sets of features."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
Groups = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
_ROWS = 512


def kid(first: Features, second: Features, groups: tuple[Groups, Groups] | None = None) -> float:
    """Unbiased squared maximum mean discrepancy of features ``(n, F)`` and ``(m, F)``, cubic polynomial kernel.

    ``k(x, y) = (x . y / F + 1) ** 3`` (Binkowski et al. 2018, section 4 and eq. 4). About 0, and sometimes below it,
    for two samples of one distribution, whatever their sizes. ``groups`` (patients) of both, ``(n,)`` and ``(m,)``:
    only pairs of images of different groups are counted within a set, because those of one resemble each other and
    would add a distance where there is none. Without, every image is a group of its own, as in the paper.

    Raises
    ------
    ValueError
        A set has fewer than two images, or images of one group only.
    """
    one, other = (_Set.of(*each) for each in zip((first, second), groups or (None, None), strict=True))
    if min(len(one.sizes), len(other.sizes)) < 2:
        counts = f"{len(one.sizes)} and {len(other.sizes)}"
        raise ValueError(f"KID needs two images in each set, got {counts} (of different groups)")
    return float(_kids(one, other, np.ones((len(one.sizes), 1)), np.ones((len(other.sizes), 1)))[0])


def kid_interval(
    first: Features,
    second: Features,
    groups: tuple[Groups, Groups],
    *,
    level: float,
    rng: np.random.Generator,
    halves: int = 200,
) -> tuple[float, float]:
    """Interval of `kid` for images ``(n, F)`` and ``(m, F)`` in ``groups`` (patients), ``(n,)`` and ``(m,)``.

    From random half samples: half of the groups of both, without replacement. Their spread around the value of all
    images equals that value's own sampling error (McCarthy 1969); drawing with replacement would put equal images into
    the kernel sums, which biases KID upwards. For two samples of one distribution, where the error falls as 1 / n, the
    interval is too wide.
    """
    one, other = (_Set.of(*each) for each in zip((first, second), groups, strict=True))
    chosen = (_half_samples(len(each.sizes), halves, rng) for each in (one, other))
    values = _kids(one, other, *chosen)
    low, high = np.quantile(values[np.isfinite(values)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class _Set:
    """Features with the group of each image, numbered from 0, and of each group its size and its own kernel sum."""

    features: Features
    members: Groups
    sizes: Floats
    sums: Floats

    @classmethod
    def of(cls, features: Features, groups: Groups | None) -> "_Set":
        if groups is None:
            groups = np.arange(len(features))
        _, members, counts = np.unique(groups, return_inverse=True, return_counts=True)
        sizes = counts.astype(np.float64)
        sums: Floats = np.bincount(members, _diagonal(features), minlength=len(sizes)).astype(np.float64)
        for group in np.flatnonzero(sizes > 1):
            own = features[members == group]
            sums[group] = _kernel(own, own).sum()
        return cls(features, members, sizes, sums)

    def within(self, chosen: Floats) -> Floats:
        """Mean kernel over pairs of different groups, in each subset of the groups ``(G, R)``; NaN without a pair."""
        rows = chosen[self.members]
        total = _sums(self.features, self.features, rows, rows) - self.sums @ chosen
        pairs = rows.sum(0) ** 2 - self.sizes**2 @ chosen
        return np.divide(total, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _half_samples(count: int, halves: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Indicators ``(count, halves)`` of random halves."""
    return (rng.random((count, halves)).argsort(0) < max(count // 2, 1)).astype(np.float64)


def _kids(first: _Set, second: _Set, of_first: Floats, of_second: Floats) -> Floats:
    """KID of each pair of subsets, given as indicator columns of the groups, ``(G, R)``: ``(R,)``."""
    inside, outside = of_first[first.members], of_second[second.members]
    across = _sums(first.features, second.features, inside, outside) / np.maximum(inside.sum(0) * outside.sum(0), 1)
    return first.within(of_first) + second.within(of_second) - 2 * across


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
