"""Bootstrap replicates of metrics, vectorised: one matrix product per chunk instead of one metric call per replicate.

A replicate draws whole groups (patients) with replacement, so it is a weight per group. Each measure is prepared once
from the predictions (sums per group) and then applied to any number of weight vectors. Weights of one
give the measure on the images as they are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import LEAST_PROBABILITY
from synthgain.evaluation.predictions import Predictions
from synthgain.seeding import rng

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]
Measure = Callable[[Weights], Array]
"""Group weights ``(R, G)`` -> values ``(R, A, S)`` or ``(R, A, S, K)``; NaN where a drawn class has no image."""

_CELLS = 1_500_000
"""Weights that are held at once."""


@dataclass(frozen=True)
class Resampling:
    """Which groups and seeds each replicate draws: the same for every arm, so that differences are paired."""

    groups: int
    seeds: int
    replicates: int
    seed: int

    def group_weights(self, replicates: int) -> Iterator[Weights]:
        """How often each group is drawn in the first ``replicates`` replicates, in chunks ``(r, G)``."""
        draw = rng(self.seed, "bootstrap", "groups")
        chunk = max(1, _CELLS // self.groups)
        for start in range(0, replicates, chunk):
            rows = min(chunk, replicates - start)
            drawn = draw.integers(self.groups, size=(rows, self.groups), dtype=np.int64)
            drawn += np.arange(rows)[:, None] * self.groups
            counts = np.bincount(drawn.ravel(), minlength=rows * self.groups)
            yield counts.reshape(rows, self.groups).astype(np.float32)

    def seed_weights(self) -> Array:
        """The share of each seed in each replicate, ``(R, S)``; rows sum to 1."""
        drawn = rng(self.seed, "bootstrap", "seeds").multinomial(
            self.seeds, np.full(self.seeds, 1 / self.seeds), size=self.replicates
        )
        return drawn / self.seeds


@dataclass(frozen=True)
class Replicates:
    """A measure on the images as they are, ``point (A, S, ...)``, and resampled, ``values (R, A, S, ...)``."""

    point: Array
    values: npt.NDArray[np.float32]


def replicate(measures: Mapping[str, Measure], resampling: Resampling, replicates: int) -> dict[str, Replicates]:
    """Apply prepared ``measures`` to the first ``replicates`` replicates of the groups."""
    parts: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in measures}
    for weights in resampling.group_weights(replicates):
        for name, measure in measures.items():
            parts[name].append(measure(weights).astype(np.float32))
    ones = np.ones((1, resampling.groups), np.float32)
    return {name: Replicates(measures[name](ones)[0], np.concatenate(parts[name])) for name in measures}


def recall(p: Predictions) -> Measure:
    """For each class the share of its images that are recognised: ``(R, A, S, K)``."""
    hits, totals = _hits(p), _class_totals(p)
    # Most groups hold one class: each class is summed over its own groups only.
    members = [np.flatnonzero(totals[:, k]) for k in range(len(p.classes))]
    sums = [np.ascontiguousarray(hits[rows, k]) for k, rows in enumerate(members)]

    def measure(weights: Weights) -> Array:
        parts = []
        for k, rows in enumerate(members):
            drawn = weights[:, rows]
            parts.append(_ratio(drawn @ sums[k], (drawn @ totals[rows, k])[:, None]))
        return np.stack(parts, axis=2).reshape(len(weights), len(p.arms), len(p.seeds), len(p.classes))

    return measure


def balanced_accuracy(p: Predictions) -> Measure:
    """Mean recall over classes: ``(R, A, S)``."""
    recalls = recall(p)
    return lambda weights: recalls(weights).mean(-1)


def accuracy(p: Predictions) -> Measure:
    """Share of images whose most probable class is the true one: ``(R, A, S)``."""
    return _mean(p, _predicted(p) == p.labels)


def brier(p: Predictions) -> Measure:
    """Mean squared distance between probabilities and truth: ``(R, A, S)``."""
    truth = np.eye(len(p.classes))[p.labels]
    return _mean(p, np.square(p.probabilities - truth).sum(-1))


def log_loss(p: Predictions) -> Measure:
    """Mean negative log probability of the true class: ``(R, A, S)``."""
    given = p.probabilities[:, :, np.arange(len(p.labels)), p.labels].astype(np.float64)
    return _mean(p, -np.log(np.clip(given, LEAST_PROBABILITY, 1)))


def macro_f1(p: Predictions) -> Measure:
    """Mean over classes of ``2 TP / (true + predicted)``: ``(R, A, S)``."""
    shape = (len(p.arms), len(p.seeds), len(p.classes))
    hits, totals = _hits(p), _class_totals(p)
    called = _group_sums(p, np.eye(len(p.classes), dtype=np.float32)[_predicted(p)])
    flat_hits = hits.transpose(0, 2, 1).reshape(p.n_groups, -1)
    flat_called = called.reshape(p.n_groups, -1)

    def measure(weights: Weights) -> Array:
        true = (weights @ totals)[:, None, None, :]
        right = (weights @ flat_hits).reshape(-1, *shape)
        predicted = (weights @ flat_called).reshape(-1, *shape)
        return np.where(true > 0, _ratio(2 * right, true + predicted), np.nan).mean(-1)

    return measure


def macro_auroc(p: Predictions) -> Measure:
    """Mean over classes of the area under the ROC curve of that class against the rest: ``(R, A, S)``.

    The Mann-Whitney count of rightly ordered pairs is a bilinear form of the group weights, exact for every replicate.
    """
    order = np.argsort(p.groups, kind="stable")
    labels, groups, scores = p.labels[order], p.groups[order], p.probabilities[:, :, order]

    def measure(weights: Weights) -> Array:
        values = np.empty((len(weights), len(p.arms), len(p.seeds), len(p.classes)))
        for k in range(len(p.classes)):
            inside, outside = _Side.of(labels == k, groups), _Side.of(labels != k, groups)
            drawn_inside, drawn_outside = weights[:, inside.groups], weights[:, outside.groups]
            ordered = np.empty((len(inside.rows), len(outside.rows)), np.float32)
            possible = (drawn_inside @ inside.sizes) * (drawn_outside @ outside.sizes)
            for a, s in np.ndindex(len(p.arms), len(p.seeds)):
                pairs = _ordered_pairs(scores[a, s, :, k], inside, outside, ordered)
                right = np.einsum("rg,rg->r", drawn_inside @ pairs, drawn_outside)
                values[:, a, s, k] = _ratio(right, possible)
        return values.mean(-1)

    return measure


COUNTED: Mapping[str, Callable[[Predictions], Measure]] = {
    "recall": recall, "balanced_accuracy": balanced_accuracy, "accuracy": accuracy, "macro_f1": macro_f1,
    "brier": brier, "log_loss": log_loss,
}  # fmt: skip
"""Measures that are sums over groups: as many replicates as are asked for."""
PAIRED: Mapping[str, Callable[[Predictions], Measure]] = {"macro_auroc": macro_auroc}
"""Measures of pairs of groups: see `paired_replicates`."""
_PAIRED_BOUNDS = (500, 2_000)
_PAIRED_OPERATIONS = 2e11


def paired_replicates(p: Predictions, asked: int) -> int:
    """Replicates of the measures in `PAIRED`: at most 2,000, and down to 500 where the groups are many.

    Their cost grows with the square of the number of groups.
    """
    totals = _class_totals(p)
    outside = totals.sum(1, keepdims=True) - totals
    pairs = float(((totals > 0).sum(0) * (outside > 0).sum(0)).sum())
    affordable = _PAIRED_OPERATIONS / (2 * len(p.arms) * len(p.seeds) * max(pairs, 1))
    low, high = _PAIRED_BOUNDS
    return int(min(asked, max(low, min(high, affordable))))


def _predicted(p: Predictions) -> npt.NDArray[np.intp]:
    return p.probabilities.argmax(-1)


def _group_sums(p: Predictions, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Sum values ``(A, S, N, ...)`` over the images of each group: ``(G, A, S, ...)``."""
    order = np.argsort(p.groups, kind="stable")
    starts = np.searchsorted(p.groups[order], np.arange(p.n_groups))
    return np.add.reduceat(np.moveaxis(values, 2, 0)[order], starts, axis=0)


def _class_totals(p: Predictions) -> Weights:
    """Images of each class in each group, ``(G, K)``."""
    totals = np.zeros((p.n_groups, len(p.classes)), np.float32)
    np.add.at(totals, (p.groups, p.labels), 1)
    return totals


def _hits(p: Predictions) -> Weights:
    """Recognised images by group, class, and arm and seed: ``(G, K, A * S)``. Counts are exact in float32."""
    right = (_predicted(p) == p.labels).astype(np.float32)
    hits = np.zeros((p.n_groups, len(p.classes), len(p.arms) * len(p.seeds)), np.float32)
    np.add.at(hits, (p.groups, p.labels), right.reshape(-1, len(p.labels)).T)
    return hits


def _mean(p: Predictions, values: npt.NDArray[np.generic]) -> Measure:
    """The mean over images of ``values (A, S, N)``."""
    sums = _group_sums(p, values.astype(np.float64)).reshape(p.n_groups, -1)
    totals = np.bincount(p.groups, minlength=p.n_groups).astype(np.float64)

    def measure(weights: Weights) -> Array:
        return ((weights @ sums) / (weights @ totals)[:, None]).reshape(-1, len(p.arms), len(p.seeds))

    return measure


def _ratio(above: npt.NDArray[np.floating], below: npt.NDArray[np.floating]) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above.astype(np.float64) / below, np.nan)


@dataclass(frozen=True)
class _Side:
    """The images on one side of a class against the rest, sorted by group."""

    rows: npt.NDArray[np.intp]
    groups: npt.NDArray[np.int64]
    sizes: Weights
    members: "csr_array"
    """Which of the images each group has, ``(groups, images)``."""

    @classmethod
    def of(cls, member: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]) -> "_Side":
        from scipy.sparse import csr_array

        rows = np.flatnonzero(member)
        present, starts, sizes = np.unique(groups[rows], return_index=True, return_counts=True)
        ends = np.append(starts, len(rows))
        members = csr_array(
            (np.ones(len(rows), np.float32), np.arange(len(rows)), ends), shape=(len(starts), len(rows))
        )
        return cls(rows, present, sizes.astype(np.float32), members)

    def by_group(self, values: Weights) -> Weights:
        """Sum rows of images to rows of groups."""
        summed: Weights = values if len(self.groups) == len(self.rows) else self.members @ values
        return summed


def _ordered_pairs(scores: npt.NDArray[np.floating], inside: _Side, outside: _Side, ordered: Weights) -> Weights:
    """Pairs of images in which the one inside the class scores higher, ties half, by their groups ``(G1, G2)``.

    ``ordered``: room for all pairs of images, overwritten.
    """
    above, below = scores[inside.rows], scores[outside.rows]
    np.greater.outer(above, below, out=ordered)
    if np.isin(above, below).any():
        ordered[np.equal.outer(above, below)] = 0.5
    return outside.by_group(inside.by_group(ordered).T).T
