"""Which images show the same: exact and perceptual near-duplicates, and the groups that they form.

Near-duplicates are found exactly, without comparing every pair: means over blocks of pixels can only shrink a distance
(they are a 1-Lipschitz map up to scale), and so can a projection on one direction. Images are sorted along the first
principal component of their block means and compared within a window there, first by block means, then by pixels.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

THUMB = 64
BLOCK = 4
_FEATURES = (THUMB // BLOCK) ** 2
_ROWS = 512
_PAIRS = 1024
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

    def join_equal(self, keys: Iterable[str]) -> None:
        """Join all rows with the same key; an empty key joins nothing."""
        first: dict[str, int] = {}
        for row, key in enumerate(keys):
            if key:
                self.join(first.setdefault(key, row), row)

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
    scratch: a folder for a temporary file of 512 bytes per image.
    """
    if count < 2 or rms <= 0:
        return
    order, position = _along_first_component(thumbs, count)
    features = scratch / "block_sums.u2"
    with open(features, "wb") as stream:
        for start in range(0, count, _ROWS):
            _block_sums(_read_rows(thumbs, order[start : start + _ROWS])).tofile(stream)
    reach = 1.001 * rms * THUMB / BLOCK  # of block means; what rounding may add is far below 0.1 %
    for a, b in _candidates(features, position, reach):
        for pairs in range(0, len(a), _PAIRS):
            _join_close(groups, thumbs, order[a[pairs : pairs + _PAIRS]], order[b[pairs : pairs + _PAIRS]], rms)
    features.unlink()


def _block_sums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Sums over blocks of 4 by 4 pixels, ``(n, 4096)`` -> ``(n, 256)``; exact."""
    side = THUMB // BLOCK
    return images.reshape(-1, side, BLOCK, side, BLOCK).sum((2, 4), dtype=np.uint16).reshape(-1, _FEATURES)


def _along_first_component(thumbs: Path, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Rows sorted by the first principal component of their block means, and their sorted coordinates there."""
    total, products = np.zeros(_FEATURES), np.zeros((_FEATURES, _FEATURES))
    for _, means in _block_means(thumbs, count):
        total += means.sum(0)
        products += means.T @ means
    covariance = products / count - np.outer(total, total) / count**2
    axis = np.ones(_FEATURES)
    for _ in range(_POWER_STEPS):  # any direction is valid, the principal one leaves the fewest pairs
        axis = covariance @ axis
        axis /= max(np.linalg.norm(axis), np.finfo(float).tiny)
    position = np.concatenate([means @ axis for _, means in _block_means(thumbs, count)])
    order = np.argsort(position, kind="stable")
    return order, position[order]


def _block_means(thumbs: Path, count: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    for start in range(0, count, _ROWS):
        rows = np.fromfile(thumbs, np.uint8, min(_ROWS, count - start) * THUMB**2, offset=start * THUMB**2)
        yield start, _block_sums(rows) / BLOCK**2


def _candidates(
    features: Path, position: npt.NDArray[np.float64], reach: float
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Pairs of sorted rows whose block means lie within ``reach``, for a block of rows against the window behind it."""
    count = len(position)

    def block(start: int) -> npt.NDArray[np.float64]:
        size = min(_ROWS, count - start) * _FEATURES
        return np.fromfile(features, np.uint16, size, offset=2 * start * _FEATURES).reshape(-1, _FEATURES) / BLOCK**2

    for start in range(0, count, _ROWS):
        rows = block(start)
        end = int(np.searchsorted(position, position[min(start + _ROWS, count) - 1] + reach, side="right"))
        for other in range(start, end, _ROWS):
            columns = rows if other == start else block(other)
            squared = (rows**2).sum(1)[:, None] + (columns**2).sum(1)[None] - 2 * rows @ columns.T
            a, b = np.nonzero(squared <= reach**2)
            a, b = a + start, b + other
            yield a[a < b], b[a < b]


def _join_close(groups: Groups, thumbs: Path, a: npt.NDArray[np.intp], b: npt.NDArray[np.intp], rms: float) -> None:
    roots = groups.roots()
    apart = roots[a] != roots[b]
    a, b = a[apart], b[apart]
    difference = _read_rows(thumbs, a).astype(np.int32) - _read_rows(thumbs, b)
    close = (difference**2).mean(1) < rms**2
    for i, j in zip(a[close], b[close], strict=True):
        groups.join(int(i), int(j))


def _read_rows(thumbs: Path, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Images ``(n, 4096)`` at row numbers in any order, by plain reads: pages of a memory map would count as memory."""
    images = np.empty((len(rows), THUMB**2), np.uint8)
    with open(thumbs, "rb", buffering=0) as stream:
        for position, row in enumerate(rows):
            stream.seek(int(row) * THUMB**2)
            images[position] = np.frombuffer(stream.read(THUMB**2), np.uint8)
    return images


def repeated(table: pd.DataFrame, first: pd.Series) -> dict[int, int]:
    """Rows that show exactly what another row shows, each with the row that is kept instead.

    The earliest row is kept, but one for which ``first`` is true before one for which it is not.
    """
    ordered = table.iloc[np.argsort(~first[table.index].to_numpy(dtype=bool), kind="stable")]
    kept = ordered.drop_duplicates("sha256")
    row_of = dict(zip(kept["sha256"], kept.index, strict=True))
    dropped = table[~table.index.isin(kept.index)]
    return {row: row_of[sha] for row, sha in zip(dropped.index, dropped["sha256"], strict=True)}
