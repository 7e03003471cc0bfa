"""Tests of memorisation on nearest-neighbour distances, and what may be said after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.privacy.neighbours import Nearest, Vectors, flipped, group_distances, nearest, pixels

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
    pairs: Pairs, synthetic: Images, train: Images, held_out: Images, threshold: float, quantile: float = 0.01
) -> dict[str, Any]:
    """Share of synthetic images that nearly equal a training image, or come nearer than real images ever do.

    ``share``: RMS difference below ``threshold`` grey levels, mirrored copies included. ``relative``: nearer than all
    but ``quantile`` of the training images are to training images of other groups; the same share of held-out real
    images stands beside it. Blurred images come near to everything: the relative share alone is no sign of copies.
    """
    if not len(synthetic.labels):
        return {"share": None, "threshold": threshold, "flagged": False, "why": "insufficient n: no synthetic image"}
    share = float((pairs.nearest.distance < threshold).mean())
    record = {"share": share, "n": len(synthetic.labels), "threshold": threshold, "flagged": share > FLAGGED_DUPLICATES}
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
    the same patients are called training and held-out at random, one-sided, ``(k + 1) / (B + 1)``.

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
    record: dict[str, Any] = {"classes": used, "left_out": left_out}
    if not shares:
        why = f"insufficient n: fewer than {LEAST_GROUPS} training or held-out patients in every class"
        return record | {"share": None, "p": None, "why": why}
    counts = np.array([count for count, _ in shares], np.float64)
    pooled = counts @ np.stack([each for _, each in shares]) / counts.sum()
    record |= {"share": float(pooled[0]), "n": int(counts.sum()), "p": None}
    if not assignments:
        return record
    low, high = np.quantile(pooled[1:], [0.025, 0.975])
    p = float(((pooled[1:] >= pooled[0] - 1e-12).sum() + 1) / len(pooled))
    return record | {"expected_low": float(low), "expected_high": float(high), "p": p}


def conclusion(duplicate: dict[str, Any], nearer: dict[str, Any]) -> dict[str, Any]:
    """``{"flagged": bool, "sentence": str}``: what the two tests allow to be said."""
    found = []
    if duplicate["flagged"]:
        found.append(
            f"{100 * duplicate['share']:.1f} % of the synthetic images nearly equal a training image "
            f"(RMS below {duplicate['threshold']:g} grey levels, mirrored copies included)"
        )
    if nearer["p"] is not None and nearer["p"] < ALPHA:
        expected = f"{100 * nearer['expected_low']:.0f} to {100 * nearer['expected_high']:.0f} %"
        found.append(
            f"{100 * nearer['share']:.0f} % are nearer to training than to as many held-out patients "
            f"(expected {expected}, p = {nearer['p']:.3f})"
        )
    if found:
        return {"flagged": True, "sentence": f"memorisation detected: {'; '.join(found)}"}
    unheld = "" if nearer["p"] is not None else f" (the second could not be done: {nearer['why']})"
    return {
        "flagged": False,
        "sentence": "no memorisation detected by tests for near-duplicates and for nearness to training images, both "
        f"in pixels{unheld}; their power was not measured, and such distances are a smoke alarm, no guarantee",
    }


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
