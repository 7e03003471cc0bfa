"""Which images show the same: exact and perceptual near-duplicates, and the groups that they form.

Near-duplicates are found exactly, without comparing every pair: means over blocks of pixels can only shrink a distance
(they are a 1-Lipschitz map up to scale), and so can a projection on one direction. Images are sorted along the first
principal component of their block means and compared within a window there, first by block means, then by pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

THUMB = 64
BLOCK = 4
_FEATURES = (THUMB // BLOCK) ** 2
_ROWS = 512
_PAIRS = 256
_POWER_STEPS = 20


class Groups:
    """Disjoint sets of row numbers (union by smaller root, path halving)."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def find(self, row: int) -> int:
        parent = self._parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return int(row)

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self._parent[max(a, b)] = min(a, b)

    def join_equal(self, keys: pd.Series) -> None:
        """Join all rows with the same key; an empty key joins nothing."""
        rows = np.flatnonzero(keys.duplicated(keep=False) & (keys != ""))
        first: dict[str, int] = {}
        for row, key in zip(rows, keys.iloc[rows], strict=True):
            self.join(first.setdefault(key, int(row)), int(row))

    def copy(self) -> "Groups":
        twin = Groups(0)
        twin._parent = self._parent.copy()
        return twin

    def roots(self) -> npt.NDArray[np.intp]:
        """The smallest row number of each row's set, ``(N,)``."""
        parent = self._parent
        while (parent[parent] != parent).any():
            parent = parent[parent]
        self._parent = parent
        return parent.copy()


def join_near_duplicates(groups: Groups, thumbs: Path, count: int, rms: float, scratch: Path) -> None:
    """Join images whose RMS difference is below ``rms`` grey levels, directly or through others between them.

    Parameters
    ----------
    thumbs: a file with ``count`` images, uint8 ``(64, 64)`` each, without header; read piece by piece.
    scratch: a folder for temporary files of 1 KiB per image.
    """
    if count < 2 or rms <= 0:
        return
    given, ordered = scratch / "block_sums.u2", scratch / "block_sums_ordered.u2"
    with open(given, "wb") as stream:
        for start in range(0, count, _ROWS):
            rows = np.fromfile(thumbs, np.uint8, _ROWS * THUMB**2, offset=start * THUMB**2)
            _block_sums(rows).tofile(stream)
    order, position = _along_first_component(given, count)
    with open(ordered, "wb") as stream:
        for start in range(0, count, _ROWS):
            _read_rows(given, order[start : start + _ROWS], np.uint16, _FEATURES).tofile(stream)
    reach = 1.01 * rms * THUMB / BLOCK  # the distance of block means at most; single precision adds far less than 1 %
    for a, b in _candidates(ordered, position, reach):
        for pairs in range(0, len(a), _PAIRS):
            _join_close(groups, thumbs, order[a[pairs : pairs + _PAIRS]], order[b[pairs : pairs + _PAIRS]], rms)
    given.unlink()
    ordered.unlink()


def _block_sums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Sums over blocks of 4 by 4 pixels, ``(n * 4096,)`` -> ``(n, 256)``; exact."""
    sums = images.reshape(-1, THUMB, THUMB).astype(np.uint16)
    sums = sum(sums[:, start::BLOCK] for start in range(BLOCK))  # type: ignore[assignment]
    sums = sum(sums[:, :, start::BLOCK] for start in range(BLOCK))  # type: ignore[assignment]
    return sums.reshape(-1, _FEATURES)


def _block_means(sums: Path, start: int) -> npt.NDArray[np.float32]:
    """Block means ``(n, 256)`` of the `_ROWS` images from ``start``, around 0."""
    rows = np.fromfile(sums, np.uint16, _ROWS * _FEATURES, offset=2 * start * _FEATURES)
    return rows.reshape(-1, _FEATURES).astype(np.float32) / np.float32(BLOCK**2) - np.float32(128)


def _along_first_component(sums: Path, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Rows sorted by the first principal component of their block means, and their sorted coordinates there."""
    total, products = np.zeros(_FEATURES), np.zeros((_FEATURES, _FEATURES))
    for start in range(0, count, _ROWS):
        means = _block_means(sums, start).astype(np.float64)
        total += means.sum(0)
        products += means.T @ means
    covariance = products / count - np.outer(total, total) / count**2
    axis = np.ones(_FEATURES)
    for _ in range(_POWER_STEPS):  # any direction is valid, the principal one leaves the fewest pairs
        axis = covariance @ axis
        axis /= max(np.linalg.norm(axis), np.finfo(float).tiny)
    position = np.concatenate([_block_means(sums, start) @ axis for start in range(0, count, _ROWS)])
    order = np.argsort(position, kind="stable")
    return order, position[order]


def _candidates(
    sums: Path, position: npt.NDArray[np.float64], reach: float
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Pairs of sorted rows whose block means lie within ``reach``, for a block of rows against the window behind it."""
    count = len(position)
    for start in range(0, count, _ROWS):
        rows = _block_means(sums, start)
        norms = (rows**2).sum(1) - np.float32(reach**2)
        end = int(np.searchsorted(position, position[min(start + _ROWS, count) - 1] + reach, side="right"))
        for other in range(start, end, _ROWS):
            columns = rows if other == start else _block_means(sums, other)
            # |a - b|^2 <= r^2, written with one matrix product
            a, b = np.nonzero(rows @ columns.T >= (norms[:, None] + (columns**2).sum(1)) / 2)
            a, b = a + start, b + other
            yield a[a < b], b[a < b]


def _join_close(groups: Groups, thumbs: Path, a: npt.NDArray[np.intp], b: npt.NDArray[np.intp], rms: float) -> None:
    roots = groups.roots()
    apart = roots[a] != roots[b]
    a, b = a[apart], b[apart]
    first, second = (_read_rows(thumbs, rows, np.uint8, THUMB**2) for rows in (a, b))
    difference = first.astype(np.int32) - second
    close = (difference**2).mean(1) < rms**2
    for i, j in zip(a[close], b[close], strict=True):
        groups.join(int(i), int(j))


def _read_rows(file: Path, rows: npt.NDArray[np.intp], kind: type, width: int) -> npt.NDArray[Any]:
    """Rows ``(n, width)`` in any order, by plain reads: pages of a memory map would count as memory."""
    found: npt.NDArray[Any] = np.empty((len(rows), width), kind)
    with open(file, "rb", buffering=0) as stream:
        for position, row in enumerate(rows):
            stream.seek(int(row) * found[0].nbytes)
            found[position] = np.frombuffer(stream.read(found[0].nbytes), kind)
    return found


def repeated(shown: pd.Series, first: pd.Series) -> dict[int, int]:
    """Rows that show exactly what another row shows (an equal value of ``shown``), each with the row that is kept.

    The earliest row is kept, but one for which ``first`` is true before one for which it is not.
    """
    several = shown[shown.duplicated(keep=False)]
    ordered = several.iloc[np.argsort(~first[several.index].to_numpy(dtype=bool), kind="stable")]
    kept = ordered.drop_duplicates()
    row_of = dict(zip(kept, kept.index, strict=True))
    dropped = several[~several.index.isin(kept.index)]
    return {row: row_of[value] for row, value in zip(dropped.index, dropped, strict=True)}
