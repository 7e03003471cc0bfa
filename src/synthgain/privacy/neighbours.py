"""Nearest neighbours: are synthetic images copies of training images, or nearer to them than to held-out ones?

A distance to the nearest record is a smoke alarm and no guarantee (Yao et al. 2025, arXiv 2505.01524).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]
Vectors = npt.NDArray[np.float32]
Groups = npt.NDArray[np.integer]
_CHUNK = 512
_COMPARED_SIZE = 64
"""Side in pixels at which images are compared; larger ones are averaged down to it."""


@dataclass(frozen=True)
class Nearest:
    """For each of ``n`` images the nearest of another set: its row there, and the distance."""

    row: Rows
    distance: npt.NDArray[np.float64]


def nearest(images: Vectors, others: Vectors, apart: tuple[Groups, Groups] | None = None) -> Nearest:
    """The nearest of ``others (m, F)`` for each of ``images (n, F)``: root mean square difference over the F values.

    ``apart``: groups of both, where images of one group do not count as neighbours. An image without any neighbour has
    row 0 and an infinite distance.
    """
    row = np.zeros(len(images), np.intp)
    best = np.full(len(images), np.inf)
    for at in chunks(len(images)):
        for beside in chunks(len(others)):
            squared = _squared(images[at], others[beside])
            if apart is not None:
                squared[apart[0][at, None] == apart[1][None, beside]] = np.inf
            place = squared.argmin(1)
            found = squared[np.arange(len(place)), place]
            closer = found < best[at]
            row[at] = np.where(closer, place + beside.start, row[at])
            best[at] = np.where(closer, found, best[at])
    # The expansion |x|^2 + |y|^2 - 2xy loses digits near 0, where copies are: the found pairs are measured again.
    known = np.flatnonzero(np.isfinite(best))
    for part in chunks(len(known)):
        rows = known[part]
        best[rows] = np.sqrt(np.square(images[rows].astype(np.float64) - others[row[rows]]).mean(1))
    return Nearest(row, best)


def group_distances(images: Vectors, others: Vectors, groups: Groups) -> npt.NDArray[np.float64]:
    """Distance of each image ``(n, F)`` to the nearest image of each group of ``others (m, F)``: ``(n, G)``.

    ``groups (m,)`` numbers the groups from 0.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    found = np.empty((len(images), len(starts)))
    for at in chunks(len(images)):
        found[at] = np.minimum.reduceat(_squared(images[at], others[order]), starts, axis=1)
    return np.sqrt(np.maximum(found, 0))


def pixels(images: npt.NDArray[np.uint8]) -> Vectors:
    """Images ``(N, C, H, W)`` as vectors of grey levels, averaged down to 64 by 64 where they are larger."""
    if max(images.shape[-2:]) <= _COMPARED_SIZE:
        return np.asarray(images).reshape(len(images), math.prod(images.shape[1:])).astype(np.float32)
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    side = (min(images.shape[-2], _COMPARED_SIZE), min(images.shape[-1], _COMPARED_SIZE))
    parts = [
        adaptive_avg_pool2d(torch.from_numpy(np.array(images[at])).float(), side).flatten(1).numpy()
        for at in chunks(len(images))
    ]
    return np.concatenate(parts)


def flipped(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The images mirrored left and right."""
    return np.ascontiguousarray(np.asarray(images)[..., ::-1])


def chunks(count: int) -> Iterator[slice]:
    """Slices that cover ``count`` rows."""
    for start in range(0, count, _CHUNK):
        yield slice(start, min(start + _CHUNK, count))


def _squared(images: Vectors, others: Vectors) -> npt.NDArray[np.float32]:
    """Mean squared differences ``(n, m)``."""
    own = np.square(images).sum(1)[:, None] + np.square(others).sum(1)[None]
    return (own - 2 * images @ others.T) / images.shape[1]
