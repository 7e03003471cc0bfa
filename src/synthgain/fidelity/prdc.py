"""Precision, recall, density and coverage: do synthetic images lie among real ones, and do they reach all of them?"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
NEIGHBOURS = 5
_ROWS = 512
_ROUNDING = 1e-12
"""Squared distances below this share of a squared norm are rounding errors of equal features."""


class Prdc(NamedTuple):
    precision: float
    """Share of synthetic images that lie in the manifold of real ones."""
    recall: float
    """Share of real images that lie in the manifold of synthetic ones."""
    density: float
    """Like precision, but counts in how many real neighbourhoods an image lies; may exceed 1."""
    coverage: float
    """Share of real neighbourhoods that hold a synthetic image."""


def prdc(synthetic: Features, real: Features, k: int = NEIGHBOURS) -> Prdc:
    """The four shares for features ``(m, F)`` and ``(n, F)``; use equal ``m`` and ``n``, because all depend on them.

    A neighbourhood is the closed ball around an image whose radius is the distance to its ``k``-th nearest other image
    of its own set; a manifold is the union of them. Precision and recall: Kynkäänniemi et al. 2019, eq. 1 and 2.
    Density and coverage: Naeem et al. 2020, eq. 3 and 4. Two samples of one distribution reach a coverage of
    ``1 - 2 ** -k`` or so, and no share of 1: read each beside its real-versus-real value.

    Raises
    ------
    ValueError
        A set has no ``k`` + 1 images.
    """
    if min(len(synthetic), len(real)) <= k:
        raise ValueError(f"k = {k} needs {k + 1} images in each set, got {len(synthetic)} and {len(real)}")
    centre = real.mean(0, dtype=np.float64)
    made, known = (side.astype(np.float64) - centre for side in (synthetic, real))
    of_synthetic, of_real = _squared_radii(made, k), _squared_radii(known, k)
    hits = np.zeros(len(made), np.int64)
    covered = reached = 0
    for rows in _chunks(len(known)):
        squared = _squared(known[rows], made)
        inside = squared <= of_real[rows, None]
        hits += inside.sum(0)
        covered += int(inside.any(1).sum())
        reached += int((squared <= of_synthetic).any(1).sum())
    return Prdc(float((hits > 0).mean()), reached / len(real), float(hits.mean()) / k, covered / len(real))


def covered(synthetic: Features, real: Features, k: int = NEIGHBOURS) -> npt.NDArray[np.bool_]:
    """Whether the neighbourhood of each real image ``(n,)``, see `prdc`, holds a synthetic one; ``k`` + 1 real ones."""
    centre = real.mean(0, dtype=np.float64)
    made, known = (side.astype(np.float64) - centre for side in (synthetic, real))
    radii = _squared_radii(known, k)
    return np.concatenate([(_squared(known[rows], made) <= radii[rows, None]).any(1) for rows in _chunks(len(known))])


def _squared_radii(features: Floats, k: int) -> Floats:
    """Squared distance of each image to the ``k``-th nearest other one, ``(n,)``."""
    radii = np.empty(len(features))
    for rows in _chunks(len(features)):
        squared = _squared(features[rows], features)
        squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = np.inf
        radii[rows] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return radii


def _squared(rows: Floats, others: Floats) -> Floats:
    """Squared distances ``(n, m)``; 0 for equal features, whatever the rounding."""
    norms = np.square(rows).sum(1)[:, None]
    squared = rows @ others.T
    squared *= -2
    squared += norms
    squared += np.square(others).sum(1)
    squared[squared <= _ROUNDING * norms] = 0
    return np.asarray(squared)


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, min(start + _ROWS, count))
