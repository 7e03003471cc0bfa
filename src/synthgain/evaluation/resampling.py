"""Bootstrap replicates of metrics, vectorised: one matrix product per chunk instead of one metric call per replicate.

A replicate draws whole groups (patients) with replacement, so it is a weight per group. Each measure is prepared once
from the predictions (sums per group) and then applied to any number of weight vectors. Weights of one
give the measure on the images as they are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import LEAST_PROBABILITY
from synthgain.evaluation.predictions import Predictions
from synthgain.seeding import rng

Array = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Measure = Callable[[Weights], Array]
"""Group weights ``(R, G)`` -> values ``(R, A, S)`` or ``(R, A, S, K)``; NaN where a drawn class has no image."""

_CELLS = 1_500_000
"""Weights that are held at once."""


@dataclass(frozen=True)
class Resampling:
    """Which groups and seeds each replicate draws: the same for every arm, so that differences are paired.

    ``trainings`` names the set of trainings whose seeds are drawn: sets of another name draw theirs independently, but
    the same groups.
    """

    groups: int
    seeds: int
    replicates: int
    seed: int
    trainings: str = ""

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
        drawn = rng(self.seed, "bootstrap", "seeds", *filter(None, [self.trainings])).multinomial(
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
    """For each class ``sum of w * hits / sum of w * images`` over groups: `metrics.recalls`, ``(R, A, S, K)``.

    NaN where a replicate draws no image of the class.
    """
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
    """Mean of `recall` over classes, as `metrics.balanced_accuracy`: ``(R, A, S)``; NaN where a class is not drawn."""
    recalls = recall(p)
    return lambda weights: recalls(weights).mean(-1)


def accuracy(p: Predictions) -> Measure:
    """`metrics.accuracy`, the share of images whose most probable class is the true one: ``(R, A, S)``."""
    return _mean(p, _predicted(p) == p.labels)


def brier(p: Predictions) -> Measure:
    """`metrics.brier`, the mean squared distance between probabilities and truth, 0 to 2: ``(R, A, S)``."""
    truth = np.eye(len(p.classes))[p.labels]
    return _mean(p, np.square(p.probabilities - truth).sum(-1))


def log_loss(p: Predictions) -> Measure:
    """`metrics.log_loss`, the mean of ``-ln p`` of the true class in nats: ``(R, A, S)``."""
    given = p.probabilities[:, :, np.arange(len(p.labels)), p.labels].astype(np.float64)
    return _mean(p, -np.log(np.clip(given, LEAST_PROBABILITY, 1)))


def macro_f1(p: Predictions) -> Measure:
    """`metrics.macro_f1`, the mean over classes of ``2 TP / (true + predicted)``: ``(R, A, S)``.

    NaN where a class is not drawn.
    """
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
    """`metrics.macro_auroc`, the mean over classes of a class's AUROC against the rest: ``(R, A, S)``.

    NaN where a class, or all others, are not drawn. The Mann-Whitney count of rightly ordered pairs, ties half, exact
    for every replicate: with the images in the order of their scores, the weight that lies below each image of the
    class is a running sum, for all replicates at once.
    """
    members = [np.flatnonzero(p.labels == k) for k in range(len(p.classes))]
    others = [np.flatnonzero(p.labels != k) for k in range(len(p.classes))]

    def some(weights: Weights) -> Array:
        drawn = np.ascontiguousarray(weights.T)[p.groups]
        values = np.empty((len(weights), len(p.arms), len(p.seeds), len(p.classes)))
        for k, (inside, outside) in enumerate(zip(members, others, strict=True)):
            mine, room = drawn[inside], np.zeros((len(outside) + 1, len(weights)), np.float32)
            possible = mine.sum(0) * drawn[outside].sum(0)
            for a, s in np.ndindex(len(p.arms), len(p.seeds)):
                below = _weight_below(p.probabilities[a, s, :, k], drawn, inside, outside, room)
                values[:, a, s, k] = _ratio(np.einsum("nr,nr->r", mine, below), possible)
        return values.mean(-1)

    def measure(weights: Weights) -> Array:
        rows = max(1, _PAIRED_CELLS // len(p.labels))
        return np.concatenate([some(weights[at : at + rows]) for at in range(0, len(weights), rows)])

    return measure


COUNTED: Mapping[str, Callable[[Predictions], Measure]] = {
    "recall": recall, "balanced_accuracy": balanced_accuracy, "accuracy": accuracy, "macro_f1": macro_f1,
    "brier": brier, "log_loss": log_loss,
}  # fmt: skip
"""Measures that are sums over groups: as many replicates as are asked for."""
PAIRED: Mapping[str, Callable[[Predictions], Measure]] = {"macro_auroc": macro_auroc}
"""Measures of pairs of images, which sums over groups do not determine: see `paired_replicates`."""
MEASURES: Mapping[str, Callable[[Predictions], Measure]] = {**COUNTED, **PAIRED}
_LEAST_PAIRED = 500
_PAIRED_CELLS = 3_000_000
"""Weights of images that are held at once."""
_PAIRED_OPERATIONS = 2e9


def paired_replicates(p: Predictions, asked: int) -> int:
    """Replicates of the measures in `PAIRED`: as many as asked for, down to 500 where arms, seeds and images are many.

    2,000 replicates of 10 arms, 8 seeds, 3,000 images and 4 classes take some five seconds.
    """
    affordable = _PAIRED_OPERATIONS / p.probabilities.size
    return int(min(asked, max(_LEAST_PAIRED, affordable)))


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


def _weight_below(
    scores: npt.NDArray[np.floating], drawn: Weights, inside: Rows, outside: Rows, room: Weights
) -> Weights:
    """For each image ``inside`` and replicate, the weight of the images ``outside`` that score lower, ties half.

    ``drawn``: weights of all images ``(N, R)``; ``room``: zeros and space for running sums ``(outside + 1, R)``.
    """
    order = outside[np.argsort(scores[outside], kind="stable")]
    for place, row in enumerate(order):  # numpy's cumsum along this axis is several times slower
        np.add(room[place], drawn[row], out=room[place + 1])
    lower, reached = (np.searchsorted(scores[order], scores[inside], side) for side in ("left", "right"))
    if np.array_equal(lower, reached):
        return room[lower]
    return (room[lower] + room[reached]) / np.float32(2)
