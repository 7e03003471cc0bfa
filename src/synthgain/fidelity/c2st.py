"""Classifier two-sample test: can a simple classifier tell synthetic images from real ones that it has not seen?"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synthgain.fidelity.bootstrap import weighted_means

Features = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]
FOLDS = 5
PERMUTATIONS = 199
PENALTY = 100.0
"""Weight of the squared coefficients, so that the classifier also works where features outnumber images."""
_STEPS, _CLOSE = 100, 1e-3


class Separation(NamedTuple):
    accuracy: float
    """Balanced: the mean of both sides' held-out accuracies; 0.5 where the classifier cannot tell them apart."""
    low: float
    high: float
    p: float
    """Share of random divisions into sides that are told apart as well as this one."""


def c2st(
    first: Features,
    second: Features,
    groups: tuple[Groups, Groups],
    *,
    level: float,
    rng: np.random.Generator,
) -> Separation:
    """Test whether features ``(n, F)`` and ``(m, F)`` have one distribution (Lopez-Paz and Oquab 2017, section 3).

    The statistic is the held-out accuracy (eq. 2) of a logistic regression on standardised features, cross-validated.
    ``groups`` ``(n,)`` and ``(m,)`` number the patients alike on both sides; all images of a patient are in one fold.
    The interval is a bootstrap of patients with the classifiers held fixed: somewhat too narrow, because other images
    would have trained other classifiers. The p-value is from `PERMUTATIONS` divisions of the patients into sides at
    random, each with classifiers of its own: a binomial one, that takes folds for independent, is too small.

    Raises
    ------
    ValueError
        A side has fewer than two groups.
    """
    right, sides, units = _cross_validated(first, second, groups, PERMUTATIONS, rng)
    accuracies = _balanced(right, sides)
    actual, parts = right[:, 0], (sides[:, 0], ~sides[:, 0])
    replicates = np.mean([weighted_means(actual[part], units[part], rng) for part in parts], axis=0)
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    as_large = int((accuracies[1:] >= accuracies[0]).sum())
    return Separation(float(accuracies[0]), float(low), float(high), (1 + as_large) / (1 + PERMUTATIONS))


def accuracy(first: Features, second: Features, groups: tuple[Groups, Groups], *, rng: np.random.Generator) -> float:
    """The accuracy of `c2st` alone; raises ValueError where a side has fewer than two groups."""
    right, sides, _ = _cross_validated(first, second, groups, 0, rng)
    return float(_balanced(right, sides)[0])


def fewest_groups(first: Groups, second: Groups) -> int:
    """Patients (groups) on the side that has fewer; the test needs two."""
    return min(len(np.unique(side)) for side in (first, second))


def _balanced(right: Bools, sides: Bools) -> Floats:
    """Mean of the accuracies of both sides, ``(R,)``, for ``(N, R)``."""
    each = [(right & side).sum(0) / side.sum(0) for side in (sides, ~sides)]
    return np.asarray(np.mean(each, axis=0))


def _cross_validated(
    first: Features, second: Features, groups: tuple[Groups, Groups], permutations: int, rng: np.random.Generator
) -> tuple[Bools, Bools, Groups]:
    """Whether each image was called by its side, its side, both ``(n + m, 1 + permutations)``, and its unit.

    A unit is a patient on one side; units are what is permuted. Column 0 holds the true sides.
    """
    fewest = fewest_groups(*groups)
    if fewest < 2:
        raise ValueError(f"C2ST needs two patients (groups) on each side, got {fewest} on one")
    side = np.repeat([True, False], [len(first), len(second)])
    pairs, units = np.unique(np.stack([~side, np.concatenate(groups)]), axis=1, return_inverse=True)
    mine = pairs[0] == 0
    divided = np.stack([mine, *(rng.permutation(mine) for _ in range(permutations))], axis=1)
    sides = divided[units]
    # Whole patients are dealt to folds in random order, those of the first side before the others: all have both.
    numbers, members = np.unique(pairs[1], return_inverse=True)
    shared = np.isin(numbers, pairs[1][mine])
    order = np.concatenate([rng.permutation(np.flatnonzero(part)) for part in (shared, ~shared)])
    fold = np.empty(len(numbers), np.intp)
    fold[order] = np.arange(len(order)) % min(FOLDS, fewest)
    features = np.concatenate([first, second]).astype(np.float64)
    return _called(features, sides, fold[members][units]) == sides, sides, units


def _called(features: Floats, sides: Bools, folds: npt.NDArray[np.intp]) -> Bools:
    """The sides ``(N, R)`` to which classifiers put images ``(N, F)`` of a fold ``(N,)`` that they did not see.

    An image is put where its odds exceed those of the training images, so that unequal sides do no harm.
    """
    found = np.empty_like(sides)
    for fold in np.unique(folds):
        out = folds == fold
        deviation = features[~out].std(0)
        standard = (features - features[~out].mean(0)) / np.where(deviation > 0, deviation, 1)
        weights, offset = logistic(standard[~out], sides[~out])
        ones = sides[~out].sum(0)
        found[out] = standard[out] @ weights + offset > np.log((ones + 0.5) / (len(sides) - out.sum() - ones + 0.5))
    return found


def logistic(features: Floats, sides: Bools) -> tuple[Floats, Floats]:
    """Coefficients ``(F, R)`` and offsets ``(R,)`` of ``R`` logistic regressions of ``sides (N, R)`` on ``(N, F)``.

    Newton's method with the largest Hessian that the loss can have in place of its own (Böhning and Lindsay 1988,
    section 3): one factorisation serves every step of all regressions. Where features outnumber images, the images'
    own span is searched, in which the penalised solution lies.
    """
    if features.shape[1] > len(features):
        span = np.linalg.qr(features.T)[0]
        weights, offsets = logistic(features @ span, sides)
        return span @ weights, offsets
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    penalty = np.append(np.full(features.shape[1], PENALTY), 0.0)
    step = np.linalg.inv(design.T @ design / 4 + np.diag(penalty))
    found = np.zeros((design.shape[1], sides.shape[1]))
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-(design @ found)))
        change = step @ (design.T @ (sides - chances) - penalty[:, None] * found)
        found += change
        if np.abs(change).max() < _CLOSE * np.abs(found).max():
            break
    return found[:-1], found[-1]
