"""Which images show the same: exact and perceptual near-duplicates, and the groups that they form.

An image that is mirrored or turned by quarters shows the same, too: many public sets were enlarged in this way. All
such pairs are found exactly, without comparing every pair: means over blocks of pixels can only shrink a distance (up
to scale), and so do their sums over the places that a block takes under the eight symmetries of the square, which an
image shares with its mirrored and turned copies. Images are sorted along the first principal component of those sums,
compared by them within a window there, and then by pixels in all eight positions.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.quality.decode import THUMB

_BLOCK = 4
_SIDE = THUMB // _BLOCK
_ROWS = 512
_PAIRS = 256
_CODE = (_SIDE // 2) * (_SIDE // 2 + 1) // 2
"""Numbers by which an image is compared first; kept in single precision, of which a distance loses less than 0.01."""
Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


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


def join_near_duplicates(same: Groups, alike: Groups, thumbs: Path, count: int, rms: float) -> None:
    """Join images whose RMS difference is below ``rms`` grey levels, directly or through others between them.

    Parameters
    ----------
    same: joined where the images are as they are.
    alike: joined also where one of them has first to be mirrored, turned by quarters, or both.
    thumbs: a file with ``count`` images, uint8 ``(64, 64)`` each, without header; read piece by piece.
    """
    if count < 2 or rms <= 0:
        return
    codes = np.empty((count, _CODE), np.float32)
    for start in range(0, count, _ROWS):
        images = np.fromfile(thumbs, np.uint8, _ROWS * THUMB**2, offset=start * THUMB**2)
        codes[start : start + _ROWS] = _invariants(images)
    codes -= codes.mean(0, dtype=np.float64)
    position = (codes @ np.linalg.eigh(codes.T @ codes)[1][:, -1]).astype(np.float64)
    order = np.argsort(position, kind="stable")
    codes, position = codes[order], position[order]
    reach = 1.001 * rms * _SIDE + 0.05  # the greatest distance of block means, and some rounding
    for a, b in _candidates(codes, position, reach):
        for pairs in range(0, len(a), _PAIRS):
            _join_close(same, alike, thumbs, order[a[pairs : pairs + _PAIRS]], order[b[pairs : pairs + _PAIRS]], rms)


def _invariants(images: npt.NDArray[np.uint8]) -> Array:
    """What block means and their mirrored and turned copies share: ``(n * 4096,)`` -> ``(n, 36)``.

    The coordinates of the orthogonal projection of the ``(16, 16)`` means on all images that each symmetry leaves as
    they are: the sum over the blocks that the symmetries exchange, divided by the root of their number.
    """
    means = images.reshape(-1, _SIDE, _BLOCK, _SIDE, _BLOCK).mean((2, 4))
    quarter = (means + means[:, ::-1])[:, : _SIDE // 2]
    quarter = (quarter + quarter[:, :, ::-1])[:, :, : _SIDE // 2]
    i, j = np.triu_indices(_SIDE // 2)
    off_diagonal = (quarter[:, i, j] + quarter[:, j, i]) / np.sqrt(8)
    return np.where(i == j, quarter[:, i, j] / np.sqrt(4), off_diagonal)


def _candidates(codes: npt.NDArray[np.float32], position: Array, reach: float) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of sorted rows whose codes lie within ``reach``, for a block of rows against the window behind it."""
    for start in range(0, len(codes), _ROWS):
        rows = slice(start, start + _ROWS)
        these = codes[rows].astype(np.float64)
        end = int(np.searchsorted(position, position[rows][-1] + reach, side="right"))
        for other in range(start, end, _ROWS):
            those = codes[other : other + _ROWS].astype(np.float64)
            # |a - b|^2 <= r^2, written with one matrix product
            norms = (these**2).sum(1)[:, None] + (those**2).sum(1)
            a, b = np.nonzero(these @ those.T >= (norms - reach**2) / 2)
            a, b = a + start, b + other
            yield a[a < b], b[a < b]


def _join_close(same: Groups, alike: Groups, thumbs: Path, a: Rows, b: Rows, rms: float) -> None:
    roots = same.roots()
    apart = roots[a] != roots[b]
    a, b = a[apart], b[apart]
    first, second = _read(thumbs, a).astype(np.int32), _read(thumbs, b)
    as_they_are, *moved = (
        ((first - np.rot90(image, turns, (1, 2))) ** 2).mean((1, 2)) < rms**2
        for image in (second, second.swapaxes(1, 2))
        for turns in range(4)
    )
    for groups, close in ((same, as_they_are), (alike, np.any([as_they_are, *moved], axis=0))):
        for i, j in zip(a[close], b[close], strict=True):
            groups.join(int(i), int(j))


def _read(thumbs: Path, rows: Rows) -> npt.NDArray[np.uint8]:
    """The images ``(n, 64, 64)`` in any order, by plain reads: pages of a memory map would count as memory."""
    found = np.empty((len(rows), THUMB, THUMB), np.uint8)
    with open(thumbs, "rb", buffering=0) as stream:
        for image, row in zip(found, rows, strict=True):
            stream.seek(int(row) * image.nbytes)
            stream.readinto(image.data)
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
