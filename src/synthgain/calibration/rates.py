"""Studies of known truth, judged by the rule that judges real ones, and how often it is right."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation import gain
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.verdict import GAIN, LOSS, NO_DIFFERENCE, Rule, judge

RULE = Rule(level=0.95, margin=0.02, min_seeds=6, min_groups=20)
REPLICATES = 1_000
TARGETS = {
    "false_gain_rate": {"at_most": 0.035}, "coverage": {"at_least": 0.93, "at_most": 0.99},
    "power_at_mdg": {"at_least": 0.75}, "no_difference_at_margin": {"at_most": 0.05},
}  # fmt: skip
NOT_ESTIMABLE = "not estimable"
"""In place of the word."""
Judged = tuple[str | float, ...]
"""Word, truth, difference, limits of the interval and of the accelerated one, and the printed detectable gain."""
Columns = dict[str, npt.NDArray[Any]]
_NAMES = ("word", "truth", "difference", "low", "high", "bca_low", "bca_high", "detectable")


def verdicts(p: Predictions, truths: npt.NDArray[np.float64], metric: str, seed: int) -> list[Judged]:
    """Judge ``candidate-0`` against ``baseline-0``, ``candidate-1`` against ``baseline-1``, ...

    What is not estimable is NaN here, and counted as such.

    Parameters
    ----------
    truths: the true gain of each study.
    seed: of the bootstrap, whose draws the studies share.
    """
    resampled = Resampled(p, REPLICATES, seed, RULE.level, only=[metric])
    rows: list[Judged] = []
    for study, truth in enumerate(truths.tolist()):
        found = gain.find(resampled, gain.Pair(f"candidate-{study}", f"baseline-{study}", metric), RULE)
        if isinstance(found, NotEstimable):
            rows.append((NOT_ESTIMABLE, truth, *[float("nan")] * 6))
            continue
        known = found.evidence
        accelerated = (float("nan"),) * 2 if isinstance(found.bca, NotEstimable) else found.bca
        detectable = float("nan") if isinstance(known.detectable, NotEstimable) else known.detectable
        word, _ = judge(known, RULE)
        rows.append((word, truth, known.difference, known.low, known.high, *accelerated, detectable))
    return rows


def columns(rows: Iterable[Judged]) -> Columns:
    """The rows of `verdicts`, an array for each of their places."""
    return {name: np.array(column) for name, column in zip(_NAMES, zip(*rows, strict=True), strict=True)}


def record(none: Columns, at_mdg: Columns, at_margin: Columns, bound: bool) -> dict[str, Any]:
    """The JSON-ready record of studies in which no gain is planted, the detectable one, and the margin.

    False gains are counted among the studies without a true gain, false losses among those without a true loss. An
    interval that is not estimable does not cover. Coverage is that of studies without a planted gain; the others stand
    beside it.

    Returns
    -------
    Rates, the mean error of the difference, how many verdicts and accelerated intervals of all studies were not
    estimable, and, where the targets are ``bound`` to be met, which are.
    """
    rates = {
        "false_gain_rate": rate(none["word"][none["truth"] <= 0] == GAIN),
        "false_loss_rate": rate(none["word"][none["truth"] >= 0] == LOSS),
        "coverage": rate(_covers(none)),
        "coverage_at_mdg": rate(_covers(at_mdg)),
        "coverage_bca": rate(_covers(none, "bca_")),
        "coverage_bca_at_mdg": rate(_covers(at_mdg, "bca_")),
        "power_at_mdg": rate(at_mdg["word"] == GAIN),
        "no_difference_at_margin": rate(at_margin["word"] == NO_DIFFERENCE),
    }
    judged = (none, at_mdg, at_margin)
    return rates | {
        "bound": bound, "studies": len(none["word"]), "bias": _bias(none),
        "not_estimable": sum(int((each["word"] == NOT_ESTIMABLE).sum()) for each in judged),
        "bca_not_estimable": sum(int(np.isnan(each["bca_low"]).sum()) for each in judged),
        "met": {
            name: all(_within(rates[rate], bounds) for rate in (name, f"{name}_at_mdg") if rate in rates)
            for name, bounds in TARGETS.items()
        } if bound else None,
    }  # fmt: skip


def detectable(columns: Columns) -> dict[str, float]:
    """The middle 90 % of the minimum detectable gains that studies print, and their median."""
    limits = (("low", 0.05), ("median", 0.5), ("high", 0.95))
    return {name: float(np.nanquantile(columns["detectable"], share)) for name, share in limits}


def rate(hits: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A share with its exact 95 % interval (Clopper & Pearson 1934); of nothing: 0, and anything is possible."""
    from scipy.stats import beta

    count, total = int(hits.sum()), len(hits)
    low = float(beta.ppf(0.025, count, total - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, total - count)) if count < total else 1.0
    return {"count": count, "studies": total, "rate": count / max(total, 1), "low": low, "high": high}


def _bias(columns: Columns) -> dict[str, float]:
    """Mean of the differences' errors, with its normal 95 % interval."""
    errors = (columns["difference"] - columns["truth"])[np.isfinite(columns["difference"])]
    mean, reach = float(errors.mean()), 1.96 * float(errors.std(ddof=1)) / math.sqrt(len(errors))
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


def _covers(columns: Columns, kind: str = "") -> npt.NDArray[np.bool_]:
    truth = columns["truth"]
    return np.asarray((columns[f"{kind}low"] <= truth) & (truth <= columns[f"{kind}high"]))


def _within(rate: dict[str, Any], bounds: dict[str, float]) -> bool:
    return bool(bounds.get("at_least", 0.0) <= rate["rate"] <= bounds.get("at_most", 1.0))
