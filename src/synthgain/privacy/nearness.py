"""Nearness: do synthetic images keep nearer to training patients than to as many held-out ones?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.dataset import Images
from synthgain.privacy.neighbours import Vectors, group_distances

LEAST_GROUPS = 5
"""Fewer training or held-out patients than this of a class say nothing."""
ASSIGNMENTS = 500
"""Random assignments of patients to training and held-out in the permutation test."""
_EIGHT_IN_TEN = 0.842
"""Standard deviations below its mean that a normal variable exceeds with a probability of 80 %."""
_MOST = 500
"""Synthetic images per class, the first ones."""
_DRAWS = 10
"""Draws of equally many patients from both sides, over which a share is averaged."""
_PLANTED = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares of planted copies that the power is measured at."""
_ROUGH = (150, 2)
"""Assignments and draws of that measurement."""
Distances = npt.NDArray[np.float64]
Patients = npt.NDArray[np.int64]
Sides = npt.NDArray[np.bool_]
"""Whether each patient is a training patient ``(P,)``; of several assignments ``(A, P)``."""


@dataclass(frozen=True)
class _Class:
    """Distances of a class's synthetic images, and of its training images as copies, to its patients: ``(n, G)``."""

    synthetic: Distances
    copies: Distances
    patients: Patients
    """Who the columns are ``(G,)``: numbers that are the same in every class, even ones for training."""

    def mixed(self, share: float, rng: np.random.Generator) -> "_Class":
        """The class with that share of its images replaced by copies of training images."""
        count = round(share * len(self.synthetic))
        planted = self.copies[rng.integers(0, len(self.copies), count)]
        return _Class(np.concatenate([planted, self.synthetic[count:]]), self.copies, self.patients)


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

    The comparison with held-out records is that of Platzer & Reutterer 2021 (Frontiers in Big Data 4:679939), here by
    patient and class, so that both sides are equally many. About 50 % is expected without memorisation. The p-value is
    of a permutation test over patients: the share when
    the same patients are called training and held-out at random, one-sided, ``(k + 1) / (B + 1)``. A patient with
    images of several classes changes sides in all of them, and only with patients who have the same classes.
    ``needed``: the least of some shares of planted copies among the images that the test finds with a power of 80 %;
    None for none.

    Parameters
    ----------
    vectors: what distances are measured on, ``(N, F)`` for synthetic, train and held-out images.
    assignments: random ones for the test; with 0 the share is only described.
    """
    parts: dict[str, _Class] = {}
    for k, name in enumerate(classes):
        rows = [np.flatnonzero(images.labels == k) for images in (synthetic, train, held_out)]
        sides = [np.unique(images.groups[at]) for images, at in zip((train, held_out), rows[1:], strict=True)]
        if len(rows[0]) and min(map(len, sides)) >= LEAST_GROUPS:
            drawn, copied = (_to_groups(vectors[place][rows[place][:_MOST]], rows, train, held_out, vectors)
                             for place in (0, 1))  # fmt: skip
            parts[name] = _Class(drawn, copied, np.concatenate([2 * sides[0], 2 * sides[1] + 1]))
    few = f"insufficient n: no synthetic image, or fewer than {LEAST_GROUPS} training or held-out patients"
    left_out = [name for name in classes if name not in parts]
    sides_of = _assignments(parts, rng, assignments) if parts else np.zeros((1, 0), bool)
    shares = {name: _assigned_shares(part, sides_of, rng) for name, part in parts.items()}
    each = {name: _against_chance(shares[name], len(part.synthetic)) for name, part in parts.items()}
    each |= {name: {"share": None, "n": 0, "p": None, "why": few} for name in left_out}
    record: dict[str, Any] = {"classes": list(parts), "left_out": left_out, "per_class": each}
    if not parts:
        return record | {"share": None, "n": 0, "p": None, "needed": None, "why": f"{few} in every class"}
    pooled, count = _pooled(parts, shares), sum(len(part.synthetic) for part in parts.values())
    needed = _needed(parts, sides_of[: 1 + _ROUGH[0]], pooled[1:], rng) if assignments else None
    return record | _against_chance(pooled, count) | {"needed": needed}


def _needed(parts: dict[str, _Class], sides: Sides, chance: Distances, rng: np.random.Generator) -> float | None:
    """The least share of copies with which four in five generators pass the limit of the test.

    Expected is the mean of ``chance`` (shares under random assignments) for images that are no copies; as far as they
    stray there, a generator strays. The limit is the 99 % quantile under random assignments once the copies are in.
    """
    copied = _pooled(parts, {k: _assigned_shares(part.mixed(1.0, rng), sides[:1], rng) for k, part in parts.items()})
    for share in _PLANTED:
        mixed = {name: part.mixed(share, rng) for name, part in parts.items()}
        assigned = {name: _assigned_shares(part, sides, rng, _ROUGH[1]) for name, part in mixed.items()}
        limit = np.quantile(_pooled(parts, assigned)[1:], 0.99)
        usual = chance.mean() - _EIGHT_IN_TEN * chance.std()
        if share * copied[0] + (1 - share) * usual >= limit:
            return share
    return None


def _pooled(parts: dict[str, _Class], shares: dict[str, Distances]) -> Distances:
    """Shares of each class, weighted by its images."""
    counts = np.array([len(parts[name].synthetic) for name in shares], np.float64)
    pooled: Distances = counts @ np.stack(list(shares.values())) / counts.sum()
    return pooled


def _against_chance(shares: npt.NDArray[np.float64], count: int) -> dict[str, Any]:
    """The record of the true assignment, first of ``shares``, against the random ones after it."""
    found, chance = float(shares[0]), shares[1:]
    if not len(chance):
        return {"share": found, "n": count, "p": None}
    low, high = np.quantile(chance, [0.025, 0.975])
    p = float(((chance >= found - 1e-12).sum() + 1) / len(shares))
    return {"share": found, "n": count, "expected_low": float(low), "expected_high": float(high), "p": p}


def _to_groups(
    drawn: Vectors, rows: list[npt.NDArray[np.intp]], train: Images, held_out: Images,
    vectors: tuple[Vectors, Vectors, Vectors],
) -> Distances:  # fmt: skip
    """Distances of the images ``drawn`` to each training group, then to each held-out group: ``(n, G)``."""
    parts = []
    for images, at, vector in zip((train, held_out), rows[1:], vectors[1:], strict=True):
        _, numbers = np.unique(images.groups[at], return_inverse=True)
        parts.append(group_distances(drawn, vector[at], numbers))
    return np.concatenate(parts, axis=1)


def _assignments(parts: dict[str, _Class], rng: np.random.Generator, count: int) -> Sides:
    """The true assignment of patients to training, then ``count`` random ones: ``(1 + count, P)``."""
    patients = np.unique(np.concatenate([part.patients for part in parts.values()]))
    sides = np.zeros((1 + count, patients.max() + 1), bool)
    sides[0, patients] = patients % 2 == 0
    _, alike = np.unique([np.isin(patients, part.patients) for part in parts.values()], axis=1, return_inverse=True)
    for number in range(alike.max() + 1):
        those = patients[alike == number]
        for row in sides[1:]:
            row[those] = rng.permutation(sides[0, those])
    return sides


def _assigned_shares(part: "_Class", sides: Sides, rng: np.random.Generator, draws: int = _DRAWS) -> Distances:
    """Share of a class's images that is nearer to 'training' patients, under each assignment of the patients."""
    shares = np.empty(len(sides))
    for index, training in enumerate(sides[:, part.patients]):
        one, other = np.flatnonzero(training), np.flatnonzero(~training)
        equal = min(len(one), len(other))
        drawn = [_nearer(part.synthetic, rng.permutation(one)[:equal], rng.permutation(other)[:equal])
                 for _ in range(draws)]  # fmt: skip
        shares[index] = np.mean(drawn)
    return shares


def _nearer(distance: npt.NDArray[np.float64], one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> float:
    left, right = distance[:, one].min(1), distance[:, other].min(1)
    return float((left < right).mean() + (left == right).mean() / 2)
