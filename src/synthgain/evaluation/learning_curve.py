"""The learning curve of real images from its predictions, and the equivalents of every synthetic arm on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.arms.arm import parse
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.equivalents import Curve, equivalents
from synthgain.evaluation.folds import CHOSEN, STRONGEST
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.evaluation.statistics import interval, two_level
from synthgain.schema import Evaluation

Array = npt.NDArray[np.float64]


def learned(
    tables: Sequence[pd.DataFrame], facts: Sequence[Mapping[str, Any]], confirmed: Predictions,
    headline: Mapping[str, Any], evaluation: Evaluation, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """The learning curve and, in images, what each arm with synthetic images is worth.

    Parameters
    ----------
    tables, facts: of each fold the predictions (``fraction``: share of the labelled images) and ``points.json``.
    confirmed: predictions of the confirmed arms on the same test images.
    headline: metric and level of the claim, and its baseline, which is the arm of the curve.
    evaluation, seed: of the bootstrap. In each replicate the curve and the arms are tested on the same patients; their
        seeds, of which a curve mostly has fewer, are drawn independently. Trainings of one seed start alike; what they
        have in common by that is not taken off, so that intervals are rather too wide than too narrow.

    Returns
    -------
    arm, points [{share, images, groups, mean, low, high}], equivalents {arm: record of `equivalents`}; without a curve
    points and equivalents are empty and ``why`` says so.
    """
    shares = [share for share in _shares(facts[0]) if all(share in _shares(each) for each in facts)]
    record: dict[str, Any] = {"arm": facts[0]["arm"], "points": [], "equivalents": {}}
    if not shares:
        return record | {"why": "no learning curve was asked for (curve.seeds, curve.shares)"}
    pooled = pd.concat(tables, ignore_index=True)
    pooled = pooled[pooled["fraction"].isin(shares)]
    curve = from_table(pooled.assign(arm=pooled["fraction"].map("{:g}".format)), confirmed.classes)
    metric, level = headline["metric"], float(headline["level"])
    of_curve = _scores(curve, metric, evaluation, seed, level, trainings="learning curve")
    of_arms = _scores(confirmed, metric, evaluation, seed, level)
    if isinstance(of_curve, NotEstimable):
        return record | {"why": of_curve.why}
    if isinstance(of_arms, NotEstimable):
        return record | {"why": of_arms.why}
    (means, drawn), (arms, arm_draws) = of_curve, of_arms
    order = [curve.arms.index(f"{share:g}") for share in shares]
    for share, at in zip(shares, order, strict=True):
        held = [next(point for point in each["points"] if point["share"] == share) for each in facts]
        low, high = interval(drawn[:, at], level)
        record["points"].append({
            "share": share, "mean": float(means[at]), "low": max(low, 0.0), "high": min(high, 1.0),
            **{name: round(np.mean([each[name] for each in held])) for name in ("images", "groups")},
        })  # fmt: skip
    sizes = np.array([point["images"] for point in record["points"]], np.float64)
    images = round(np.mean([each["labelled"]["images"] for each in facts]))
    count = min(len(drawn), len(arm_draws))
    of_real = Curve(sizes, means[order], drawn[:count, order])
    base = confirmed.arms.index(headline["baseline"])
    better, better_draws = arms - arms[base], arm_draws[:count] - arm_draws[:count, [base]]
    for at, name in enumerate(confirmed.arms):
        if name == CHOSEN or (name not in (STRONGEST, record["arm"]) and parse(name).generator):
            record["equivalents"][name] = equivalents(of_real, float(better[at]), better_draws[:, at], images, level)
    return record


def _shares(facts: Mapping[str, Any]) -> list[float]:
    return [float(point["share"]) for point in facts["points"]]


def _scores(
    p: Predictions, metric: str, evaluation: Evaluation, seed: int, level: float, trainings: str = ""
) -> tuple[Array, Array] | NotEstimable:
    """Mean over seeds of every arm, ``(A,)``, and its two-level bootstrap replicates, ``(R, A)``."""
    resampled = Resampled(p, evaluation.replicates, seed, level, only=(metric,), trainings=trainings)
    if (why := resampled.refusal(metric)) is not None:
        return why
    if len(p.seeds) < 2:
        return NotEstimable("a learning curve of one seed has no interval over seeds: ask for curve.seeds=2 or more")
    found, weights = resampled.replicates[metric], resampled.seed_weights
    drawn = [
        two_level(found.point[a], found.values[:, a], weights, level=level, n_groups=p.n_groups,
                  fitted=resampled.fitted(metric))[0]
        for a in range(len(p.arms))
    ]  # fmt: skip
    return found.point.mean(1), np.stack(drawn, axis=1)
