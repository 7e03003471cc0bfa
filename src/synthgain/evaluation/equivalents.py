"""What synthetic images are worth in real ones: where on the learning curve of real images their score lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import interval

Array = npt.NDArray[np.float64]
_RISE = 1e-9
"""Scores that lie closer together are taken for equal."""


@dataclass(frozen=True)
class Curve:
    """Scores at growing numbers of labelled training images.

    Attributes
    ----------
    sizes: images at each point, growing, ``(P,)``.
    point: score at each, ``(P,)``.
    drawn: the same in each bootstrap replicate, ``(R, P)``.
    """

    sizes: Array
    point: Array
    drawn: Array


def isotonic(values: Array) -> Array:
    """The closest non-decreasing sequence to each row, ``(R, P)``, by least squares.

    ``f_i = max over a <= i of min over b >= i of mean(y_a..y_b)`` (Barlow et al. 1972, Statistical Inference under
    Order Restrictions, theorem 1.4): all rows at once, for the few points of a learning curve.
    """
    rows, points = values.shape
    sums = np.concatenate([np.zeros((rows, 1)), values.cumsum(1)], axis=1)
    means = np.full((rows, points, points), np.inf)
    for a in range(points):
        counts = np.arange(1, points - a + 1)
        means[:, a, a:] = (sums[:, a + 1 :] - sums[:, a, None]) / counts
    fitted = np.empty_like(values)
    for i in range(points):
        fitted[:, i] = means[:, : i + 1, i:].min(2).max(1)
    return fitted


def inverse(sizes: Array, fitted: Array, scores: Array, near: float) -> Array:
    """The size at which each curve ``(R, P)`` has its score ``(R,)``, linear between points in log size.

    Where a curve is flat at the score, the size of these that lies nearest to ``near``. Never outside of ``sizes``: a
    score below the curve gives the first, one above it the last.
    """
    least = _least(sizes, fitted, scores - _RISE)
    most = 1 / _least(1 / sizes[::-1], -fitted[:, ::-1], -scores - _RISE)
    return np.asarray(np.clip(near, least, np.maximum(least, most)), np.float64)


def _least(sizes: Array, fitted: Array, scores: Array) -> Array:
    """The least size at which each curve reaches its score."""
    logs = np.log(sizes)
    found = np.full(len(scores), logs[-1])
    for place in range(len(sizes) - 1, 0, -1):
        below, above = fitted[:, place - 1], fitted[:, place]
        rise = np.where(above > below, above - below, 1.0)
        inside = (scores <= above) & (above > below)
        at = logs[place - 1] + (logs[place] - logs[place - 1]) * np.clip((scores - below) / rise, 0, 1)
        found = np.where(inside, at, found)
    return np.asarray(np.exp(np.where(scores <= fitted[:, 0], logs[0], found)), np.float64)


def height(sizes: Array, fitted: Array, size: float) -> Array:
    """The score of each curve ``(R, P)`` at a size within the observed ones, linear between points in log size."""
    logs = np.log(sizes)
    place = int(np.clip(np.searchsorted(sizes, size), 1, len(sizes) - 1))
    part = np.clip((np.log(size) - logs[place - 1]) / (logs[place] - logs[place - 1]), 0, 1)
    return np.asarray((1 - part) * fitted[:, place - 1] + part * fitted[:, place], np.float64)


def equivalents(curve: Curve, difference: float, drawn: Array, images: int, level: float) -> dict[str, Any]:
    """Real-image equivalents of an arm: ``f^-1(f(n) + d) - n``, f the isotonic learning curve of real images.

    ``d`` is the arm's difference to the arm of the curve, both confirmed on n images with the same seeds: an arm that
    is no better than that one is worth no image, however the few seeds of the curve fell; where the curve is flat at
    n, one that is as good is worth none, neither more nor less. Curve and difference are
    fitted anew in every bootstrap replicate, which draw the same patients. Nothing is extrapolated: at the ends of the
    observed curve a number is a bound.

    Parameters
    ----------
    curve: of the strongest arm without synthetic images.
    difference, drawn: of the arm with synthetic images to that one, as it is and in every replicate ``(R,)``.
    images: real training images that both have.
    level: of the interval.

    Returns
    -------
    ``images``, ``observed`` (first and last size), ``value``, ``low``, ``high`` in images beyond those; for each of
    these three under ``<name>_bound`` "at most" or "at least" where it lies at an end of the curve, else "". Where the
    curve does not rise, all are None and ``why`` says so.
    """
    record: dict[str, Any] = {"images": images, "observed": [int(curve.sizes[0]), int(curve.sizes[-1])]}
    why = _refusal(curve)
    if why is not None:
        return record | dict.fromkeys(("value", "low", "high")) | {"why": why.why}
    fitted = isotonic(np.concatenate([curve.point[None], curve.drawn]))
    reached = height(curve.sizes, fitted, images) + np.concatenate([[difference], drawn])
    sizes = inverse(curve.sizes, fitted, reached, images)
    low, high = interval(sizes[1:], level)
    for name, size in (("value", float(sizes[0])), ("low", low), ("high", high)):
        record[name] = round(size - images)
        record[f"{name}_bound"] = _bound(size, curve.sizes)
    return record


def _refusal(curve: Curve) -> NotEstimable | None:
    if len(curve.sizes) < 2:
        return NotEstimable("the learning curve has fewer than two points")
    fitted = isotonic(curve.point[None])[0]
    if fitted[-1] - fitted[0] < _RISE:
        return NotEstimable("the learning curve of real images does not rise over the observed sizes")
    return None


def _bound(size: float, sizes: Array) -> str:
    if size <= sizes[0] * (1 + 1e-9):
        return "at most"
    return "at least" if size >= sizes[-1] * (1 - 1e-9) else ""
