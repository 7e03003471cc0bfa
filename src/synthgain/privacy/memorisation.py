"""Tests of memorisation on nearest-neighbour distances, and what may be said after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.privacy.neighbours import Nearest, Vectors, flipped, group_distances, nearest, pixels
from synthgain.privacy.planted import Pixels, power, rate

FLAGGED_DUPLICATES = 0.01
"""A larger share of near-duplicates of training images is flagged."""
ALPHA = 0.01
"""Significance at which 'nearer to training than to held-out images' is flagged."""
LEAST_GROUPS = 5
"""Fewer held-out patients than this of a class say nothing."""
PAIRS = 32
_MOST = 500
"""Synthetic images per class in the permutation test, the first ones."""
ASSIGNMENTS = 500
"""Random assignments of patients to training and held-out in the permutation test."""
DETECTABLE = 2.326 + 0.842
"""Standard deviations from chance to what a one-sided test at 1 % finds with a power of 80 %."""
_DRAWS = 10


@dataclass(frozen=True)
class Images:
    """uint8 images ``(N, C, H, W)``, class indices ``(N,)`` and numbers of the groups (patients) ``(N,)``."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.integer]


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

    ``share``: RMS difference below ``threshold`` grey levels, mirrored copies included. ``relative``: nearer than all
    but ``quantile`` of the training images are to training images of other groups; the same share of held-out real
    images stands beside it. Blurred images come near to everything: the relative share alone is no sign of copies.
    ``power``: the share found of each kind of ``planted`` copies. Shares are records of `rate`.
    """
    near = pairs.nearest.distance < threshold
    record = rate(near) | {
        "threshold": threshold, "needed": FLAGGED_DUPLICATES,
        "power": power(lambda images: _near(images, train, threshold), planted),
        "per_class": {name: rate(near[synthetic.labels == k]) for k, name in enumerate(classes)},
    }  # fmt: skip
    if not len(synthetic.labels):
        return record | {"flagged": False}
    record["flagged"] = bool(near.mean() > FLAGGED_DUPLICATES)
    vectors = pixels(train.pixels)
    others = nearest(vectors, vectors, (train.groups, train.groups)).distance
    limit = float(np.quantile(others[np.isfinite(others)], quantile)) if np.isfinite(others).any() else None
    if limit is None or not len(held_out.labels):
        return record | {"relative": None, "relative_why": "insufficient n: no second group of real images"}
    beside = nearest(pixels(held_out.pixels), vectors).distance
    return record | {"relative": {
        "threshold": limit, "share": float((pairs.nearest.distance < limit).mean()),
        "held_out_share": float((beside < limit).mean()),
    }}  # fmt: skip


def _near(images: Pixels, train: Images, threshold: float) -> npt.NDArray[np.bool_]:
    unlabelled = Images(images, np.zeros(len(images), np.int64), np.arange(len(images)))
    return pair(unlabelled, train).nearest.distance < threshold


def nearer_to_train(
    synthetic: Images,
    train: Images,
    held_out: Images,
    vectors: tuple[Vectors, Vectors, Vectors],
    classes: Sequence[str],
    rng: np.random.Generator,
    assignments: int = ASSIGNMENTS,
) -> dict[str, Any]:
    """Share of synthetic images that are nearer to training than to as many held-out patients of the same class.

    About 50 % is expected without memorisation. The p-value is of a permutation test over patients: the share when
    the same patients are called training and held-out at random, one-sided, ``(k + 1) / (B + 1)``. ``needed``: the
    share of copies among the images that the test finds with a power of 80 %, from the spread under permutation.

    Parameters
    ----------
    vectors: what distances are measured on, ``(N, F)`` for synthetic, train and held-out images.
    assignments: random ones for the test; with 0 the share is only described.
    """
    shares: list[tuple[int, npt.NDArray[np.float64]]] = []
    used, left_out = [], []
    for k, name in enumerate(classes):
        rows = [np.flatnonzero(images.labels == k) for images in (synthetic, train, held_out)]
        rows[0] = rows[0][:_MOST]
        sides = [np.unique(images.groups[at]) for images, at in zip((train, held_out), rows[1:], strict=True)]
        if not len(rows[0]) or min(map(len, sides)) < LEAST_GROUPS:
            left_out.append(name)
            continue
        used.append(name)
        distance = _to_groups(rows, train, held_out, vectors)
        shares.append((len(rows[0]), _assigned_shares(distance, len(sides[0]), len(sides[1]), rng, assignments)))
    few = f"insufficient n: no synthetic image, or fewer than {LEAST_GROUPS} training or held-out patients"
    each = {name: _against_chance(share, count) for name, (count, share) in zip(used, shares, strict=True)}
    each |= {name: {"share": None, "n": 0, "p": None, "why": few} for name in left_out}
    record: dict[str, Any] = {"classes": used, "left_out": left_out, "per_class": each}
    if not shares:
        return record | {"share": None, "n": 0, "p": None, "needed": None, "why": f"{few} in every class"}
    counts = np.array([count for count, _ in shares], np.float64)
    pooled = counts @ np.stack([each for _, each in shares]) / counts.sum()
    return record | _against_chance(pooled, int(counts.sum()))


def _against_chance(shares: npt.NDArray[np.float64], count: int) -> dict[str, Any]:
    """The record of the true assignment, first of ``shares``, against the random ones after it."""
    found, chance = float(shares[0]), shares[1:]
    if not len(chance):
        return {"share": found, "n": count, "p": None}
    low, high = np.quantile(chance, [0.025, 0.975])
    p = float(((chance >= found - 1e-12).sum() + 1) / len(shares))
    needed = float(DETECTABLE * chance.std() / (1 - chance.mean())) if chance.mean() < 1 else 1.0
    return {
        "share": found, "n": count, "expected_low": float(low), "expected_high": float(high), "p": p,
        "needed": min(1.0, needed),
    }  # fmt: skip


def _to_groups(
    rows: list[npt.NDArray[np.intp]], train: Images, held_out: Images, vectors: tuple[Vectors, Vectors, Vectors]
) -> npt.NDArray[np.float64]:
    """Distances of the synthetic images to each training group, then to each held-out group: ``(n, G)``."""
    parts = []
    for images, at, vector in zip((train, held_out), rows[1:], vectors[1:], strict=True):
        _, numbers = np.unique(images.groups[at], return_inverse=True)
        parts.append(group_distances(vectors[0][rows[0]], vector[at], numbers))
    return np.concatenate(parts, axis=1)


def _assigned_shares(
    distance: npt.NDArray[np.float64], train: int, held_out: int, rng: np.random.Generator, assignments: int
) -> npt.NDArray[np.float64]:
    """Share nearer to 'training' groups: first with the true assignment of groups, then with random ones."""
    shares = np.empty(1 + assignments)
    equal = min(train, held_out)
    for index in range(1 + assignments):
        order = np.arange(train + held_out) if index == 0 else rng.permutation(train + held_out)
        draws = [_nearer(distance, rng.permutation(order[:train])[:equal], rng.permutation(order[train:])[:equal])
                 for _ in range(_DRAWS)]  # fmt: skip
        shares[index] = np.mean(draws)
    return shares


def _nearer(distance: npt.NDArray[np.float64], one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> float:
    left, right = distance[:, one].min(1), distance[:, other].min(1)
    return float((left < right).mean() + (left == right).mean() / 2)
