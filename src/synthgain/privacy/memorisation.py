"""Near-duplicates of training images among synthetic ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.dataset import Images
from synthgain.privacy.neighbours import Nearest, flipped, nearest, pixels
from synthgain.privacy.planted import Pixels, power, rate

ALPHA = 0.01
"""Significance at which 'nearer to training than to held-out images' is flagged."""
PAIRS = 32


@dataclass(frozen=True)
class Pairs:
    """The nearest training image of each synthetic one, mirrored or not, whatever its class."""

    nearest: Nearest
    flipped: npt.NDArray[np.bool_]

    def closest(self, synthetic_rows: npt.NDArray[np.intp], train_rows: npt.NDArray[np.intp]) -> dict[str, Any]:
        """Arrays for ``neighbours.npz``: the closest pairs, nearest first, in rows of the two image sets."""
        order = np.argsort(self.nearest.distance, kind="stable")[:PAIRS]
        return {
            "synthetic": synthetic_rows[order], "train": train_rows[self.nearest.row[order]],
            "rms": self.nearest.distance[order], "flipped": self.flipped[order],
        }  # fmt: skip


def pair(synthetic: Images, train: Images) -> Pairs:
    """Each synthetic image with the training image that it could be a copy of: RMS difference in grey levels."""
    drawn = pixels(synthetic.pixels)
    straight, mirrored = nearest(drawn, pixels(train.pixels)), nearest(drawn, pixels(flipped(train.pixels)))
    turned = mirrored.distance < straight.distance
    both = (np.where(turned, getattr(mirrored, name), getattr(straight, name)) for name in ("row", "distance"))
    return Pairs(Nearest(*both), turned)


def duplicates(
    pairs: Pairs, synthetic: Images, train: Images, held_out: Images, threshold: float,
    planted: Mapping[str, Pixels], classes: Sequence[str], quantile: float = 0.01,
) -> dict[str, Any]:  # fmt: skip
    """Share of synthetic images that nearly equal a training image, or come nearer than real images ever do.

    Near-duplicates by distance, as in Carlini et al. 2023 (arXiv 2301.13188). ``share``: RMS difference below
    ``threshold`` grey levels, mirrored copies included. Flagged is one image already, unless held-out real images have
    as large a share (``held_out``, 0 where the split has no leak). ``relative``:
    nearer than all but ``quantile`` of the training images are to training images of other groups; the same share of
    held-out real images stands beside it. Blurred images come near to everything: the relative share alone is no sign
    of copies.
    ``power``: the share found of each kind of ``planted`` copies. Shares are records of `rate`.
    """
    near = pairs.nearest.distance < threshold
    beside = _near(held_out.pixels, train, threshold)
    record = rate(near) | {
        "threshold": threshold, "count": int(near.sum()), "held_out": rate(beside),
        "power": power(lambda images: _near(images, train, threshold), planted),
        "per_class": {name: rate(near[synthetic.labels == k]) for k, name in enumerate(classes)},
    }  # fmt: skip
    if not len(synthetic.labels):
        return record | {"flagged": False}
    record["flagged"] = bool(near.mean() > (beside.mean() if len(beside) else 0))
    vectors = pixels(train.pixels)
    others = nearest(vectors, vectors, (train.groups, train.groups)).distance
    limit = float(np.quantile(others[np.isfinite(others)], quantile)) if np.isfinite(others).any() else None
    if limit is None or not len(held_out.labels):
        return record | {"relative": None, "relative_why": "insufficient n: no second group of real images"}
    real = nearest(pixels(held_out.pixels), vectors).distance
    return record | {"relative": {
        "threshold": limit, "share": float((pairs.nearest.distance < limit).mean()),
        "held_out_share": float((real < limit).mean()),
    }}  # fmt: skip


def _near(images: Pixels, train: Images, threshold: float) -> npt.NDArray[np.bool_]:
    unlabelled = Images(images, np.zeros(len(images), np.int64), np.arange(len(images)))
    return pair(unlabelled, train).nearest.distance < threshold
