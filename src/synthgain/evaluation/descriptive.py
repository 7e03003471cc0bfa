"""Each arm by itself: every metric, its mean over seeds and its interval."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.bca import left_out
from synthgain.evaluation.metrics import METRICS, NotEstimable, ece_null, recalls
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.resampling import (
    COUNTED,
    MEASURES,
    PAIRED,
    Array,
    Replicates,
    Resampling,
    paired_replicates,
    replicate,
)
from synthgain.evaluation.statistics import interval, two_level
from synthgain.seeding import rng

MOST_LOST = 0.05
"""Largest share of replicates that may draw no patient of some class."""
_NO_INTERVAL = {
    "ece": "compare it with its null: the bootstrap of a calibration error is biased upwards",
    "macro_auprc": "no interval is computed for average precision",
}
_GREATEST = {"brier": 2.0, "log_loss": math.inf}
"""Largest value of a metric that is no share; intervals over few seeds would reach beyond it."""
_PER_CLASS = ("recall", "balanced_accuracy", "macro_f1", "macro_auroc")
"""Metrics whose variance is that of as many means as there are classes."""
_FEWEST_OF_CLASS = 5
"""Patients (groups) with test images of a class below which its recall has no interval."""


class Resampled:
    """Metrics of every arm and seed with their bootstrap replicates: all metrics, or those in ``only``.

    ``trainings``: see `Resampling`.
    """

    def __init__(
        self,
        predictions: Predictions,
        replicates: int,
        seed: int,
        level: float,
        only: Collection[str] = tuple(MEASURES),
        trainings: str = "",
    ) -> None:  # fmt: skip
        self.predictions, self.level = predictions, level
        self.resampling = Resampling(predictions.n_groups, len(predictions.seeds), replicates, seed, trainings)
        self.seed_weights = self.resampling.seed_weights()
        self._jackknife: dict[str, Array] = {}
        named = {"recall" if name == "balanced_accuracy" else name for name in only}
        counted = {name: prepare(predictions) for name, prepare in COUNTED.items() if name in named}
        paired = {name: prepare(predictions) for name, prepare in PAIRED.items() if name in named}
        few = paired_replicates(predictions, replicates)
        self.replicates = replicate(counted, self.resampling, replicates) | replicate(paired, self.resampling, few)
        if "recall" in named:
            by_class = self.replicates["recall"]
            self.replicates["balanced_accuracy"] = Replicates(by_class.point.mean(-1), by_class.values.mean(-1))

    def jackknife(self, metric: str) -> Array:
        """The metric without each block of patients in turn (see `bca.left_out`): ``(blocks, A, S)``."""
        if metric not in self._jackknife:
            blocks = left_out(self.resampling.groups, self.resampling.seed)
            self._jackknife[metric] = MEASURES[metric](self.predictions)(blocks)
        return self._jackknife[metric]

    def count(self, metric: str) -> int:
        """How many replicates there are of a metric."""
        return len(self.replicates[metric].values)

    def fitted(self, metric: str) -> int:
        """Means that the metric estimates from the groups."""
        return len(self.predictions.classes) if metric in _PER_CLASS else 1

    def refusal(self, metric: str) -> NotEstimable | None:
        """Why the metric, or its interval, is not estimable with these test images; None if it is."""
        if metric not in _PER_CLASS:
            return None
        if self.predictions.absent:
            return NotEstimable(f"no test image of class {', '.join(self.predictions.absent)}")
        lost = float(1 - np.isfinite(self.replicates[metric].values).all(axis=(1, 2)).mean())
        if lost > MOST_LOST:
            return NotEstimable(f"too few patients: {100 * lost:.0f} % of the bootstrap replicates lack a class")
        return None

    def arm(self, name: str) -> dict[str, Any]:
        """The record of one arm: ``{metric: {mean, low, high, per_seed}, recall: {class: ...}}``."""
        at = self.predictions.arms.index(name)
        record: dict[str, Any] = {metric: self._metric(metric, at) for metric in METRICS}
        record["recall"] = self._recall(at)
        return record

    def _metric(self, metric: str, arm: int) -> dict[str, Any]:
        p = self.predictions
        values = [METRICS[metric](p.labels, probabilities) for probabilities in p.probabilities[arm]]
        refused = next((value for value in values if isinstance(value, NotEstimable)), None)
        if refused is not None:
            return absent(refused)
        per_seed = [float(value) for value in values if not isinstance(value, NotEstimable)]
        record: dict[str, Any] = {"mean": float(np.mean(per_seed)), "low": None, "high": None, "per_seed": per_seed}
        if metric == "ece":
            record |= _null(p.probabilities[arm], self.level)
        if metric in _NO_INTERVAL:
            return record | {"low_why": _NO_INTERVAL[metric]}
        if (why := self.refusal(metric)) is not None:
            return record | {"low_why": why.why}
        found = self.replicates[metric]
        low, high = self._interval(found.point[arm], found.values[:, arm], self.fitted(metric))
        return record | {"low": max(low, 0.0), "high": min(high, _GREATEST.get(metric, 1.0))}

    def _recall(self, arm: int) -> dict[str, Any]:
        p, found = self.predictions, self.replicates["recall"]
        by_seed = [recalls(p.labels, probabilities) for probabilities in p.probabilities[arm]]
        records: dict[str, Any] = {}
        for k, label in enumerate(p.classes):
            values = [seed[k] for seed in by_seed]
            refused = next((value for value in values if isinstance(value, NotEstimable)), None)
            if refused is not None:
                records[label] = absent(refused)
                continue
            mean = float(np.mean([value for value in values if not isinstance(value, NotEstimable)]))
            groups = len(np.unique(p.groups[p.labels == k]))
            if groups < _FEWEST_OF_CLASS:
                why = f"{groups} patients or groups with this class, {_FEWEST_OF_CLASS} needed for an interval"
                records[label] = {"mean": mean, "low": None, "high": None, "low_why": why}
                continue
            low, high = self._interval(found.point[arm, :, k], found.values[:, arm, :, k], 1, groups)
            records[label] = {"mean": mean, "low": max(low, 0.0), "high": min(high, 1.0)}
        return records

    def _interval(
        self, point: Array, values: npt.NDArray[np.float32], fitted: int, groups: int | None = None
    ) -> tuple[float, float]:
        """``groups``: those that count for the quantity; None: all."""
        groups = groups or self.predictions.n_groups
        replicates, _ = two_level(point, values, self.seed_weights, level=self.level, n_groups=groups, fitted=fitted)
        return interval(replicates, self.level)


def absent(reason: NotEstimable, per_seed: Sequence[float] = ()) -> dict[str, Any]:
    """The record of a metric that is not estimable."""
    return {"mean": None, "low": None, "high": None, "per_seed": list(per_seed), "why": reason.why}


def _null(probabilities: npt.NDArray[np.float32], level: float) -> dict[str, float]:
    """Calibration error by chance alone: its mean over seeds, and what it stays below with probability ``level``.

    Whatever the seed, or the arm, an image has one label: all of them meet the same random numbers, so that averaging
    over seeds does not average the chance in the images away.
    """
    drawn = np.mean([ece_null(seed, rng(0, "ece")) for seed in probabilities], axis=0)
    return {"null": float(drawn.mean()), "null_high": float(np.quantile(drawn, level))}
