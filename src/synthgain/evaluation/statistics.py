"""Intervals and p-values: two-level paired bootstrap, equivalence, exact sign-flip test, repeated splits, Holm.

Everything here is a pure function of arrays; nothing knows of arms, files or verdicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthgain.errors import SynthgainError
from synthgain.evaluation.metrics import NotEstimable
from synthgain.seeding import rng

Array = npt.NDArray[np.float64]
EXACT_SEEDS = 20
"""Most seeds whose sign patterns are all enumerated."""
_SIGN_DRAWS = 100_000
_TIE = 1e-9


@dataclass(frozen=True)
class Components:
    """Why a difference between two arms would come out otherwise if the study were repeated.

    Attributes
    ----------
    groups: variance of the mean difference from testing other patients, their number as it is: ``total`` without what
        belongs to single images of single seeds, and 0 where that came out as the larger one.
    seeds: variance of a single seed's difference around the mean.
    n_groups, n_seeds: how many of each there are.
    fitted: means that were estimated from the groups (one per class for balanced accuracy).
    total: variance of the mean difference from drawing the patients anew, all seeds kept; None where it was not
        recorded. It bounds ``groups`` from above, and is what a study is planned by.
    """

    groups: float
    seeds: float
    n_groups: int
    n_seeds: int
    fitted: int = 1
    total: float | None = None


def expansion(n: int, fitted: int, level: float) -> float:
    """What bootstrap deviations over ``n`` units are multiplied with so that a normal quantile becomes Student's.

    ``sqrt(n / (n - fitted)) * t / z``, quantiles at ``(1 + level) / 2``, t with ``n - fitted`` degrees of freedom (at
    least 1). A bootstrap over few units is too narrow twice: its variance lacks the factor ``n / (n - fitted)``, and
    its quantiles are those of a known variance. This is the adjustment of the expanded percentile interval (Hesterberg
    2015, The American Statistician 69:371), for each level of the bootstrap by its own number of units.
    """
    from scipy.stats import norm

    free = max(n - fitted, 1)
    return float(np.sqrt(n / free) * student(level, free) / norm.ppf((1 + level) / 2))


@lru_cache(maxsize=64)
def student(level: float, free: int) -> float:
    """Half the width of Student's central interval at ``level`` with ``free`` degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, free))


def two_level(
    point: Array, values: npt.NDArray[np.floating], seed_weights: Array, *, level: float, n_groups: int, fitted: int = 1
) -> tuple[Array, Components]:
    """Bootstrap replicates of a mean over seeds, with both the patients and the seeds drawn anew.

    ``m + e_G * c * (mean over s of v_rs - m) + e_S * (sum over s of w_rs * x_s - m)``: ``x`` the point, ``m`` its mean,
    ``v`` the values, ``w`` the seed weights, ``e`` the `expansion` of patients (G) and seeds (S), and
    ``c**2 = max(0, 1 - interaction / total)``. ``total`` is the variance of the values' mean over seeds,
    ``interaction`` that of a seed's deviation from it, averaged over seeds, over ``S - 1``.

    The deviation due to patients (all seeds kept) and the deviation due to seeds (all patients kept) are drawn
    independently and added. Drawing seeds within each patient replicate instead counts the part of the variance that
    belongs to single images of single seeds three times (Owen 2007, Annals of Applied Statistics 1:386); here it is
    counted once, with the seeds, and taken out of the patients' deviations. With one seed nothing is known of others:
    the replicates then vary with the patients only.

    Parameters
    ----------
    point: the quantity with all images, for each seed, ``(S,)``.
    values: the same with patients drawn anew, ``(R, S)``; replicates that are not finite are left out.
    seed_weights: the share of each seed in each replicate, ``(R', S)`` with ``R' >= R``.
    level: of the intervals that will be read off.
    n_groups: number of patients (groups).
    fitted: means estimated from them.

    Returns
    -------
    Replicates ``(r,)`` in the unit of ``point``, of which quantiles are the interval, and the variance components in
    its square. Nothing is refused: without a finite replicate there is none.
    """
    sound = np.isfinite(values).all(1)
    values, seed_weights = values[sound].astype(np.float64), seed_weights[: len(values)][sound]
    mean, seeds = float(point.mean()), len(point)
    by_patients = values.mean(1) - mean
    total = float(by_patients.var())
    interaction = float((values - values.mean(1, keepdims=True)).var(0).mean()) / (seeds - 1) if seeds > 1 else 0.0
    own = max(total - interaction, 0.0)
    share = np.sqrt(own / total) if total > 0 else 0.0
    by_seeds = seed_weights @ point - mean
    replicates = (
        mean
        + expansion(n_groups, fitted, level) * share * by_patients
        + (expansion(seeds, 1, level) * by_seeds if seeds > 1 else 0.0)
    )
    spread = float(point.var(ddof=1)) if seeds > 1 else 0.0
    unbiased = n_groups / max(n_groups - fitted, 1)
    return replicates, Components(own * unbiased, spread, n_groups, seeds, fitted, total * unbiased)


def interval(replicates: Array, level: float) -> tuple[float, float]:
    """Limits of the central ``level`` of the replicates ``(r,)``, in their unit.

    Their quantiles at ``(1 - level) / 2`` and ``(1 + level) / 2``, linear between two replicates: the percentile
    interval (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13). None may be NaN; one is needed.
    """
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_p(replicates: Array) -> float:
    """Two-sided p-value of 'no difference': the least ``1 - level`` whose interval leaves 0 out, never 0 itself.

    ``min(1, 2 * (k + 1) / (r + 1))``, k those of the replicates ``(r,)`` on the rarer side of 0, which is on both (a
    percentile interval inverted; the ones as in Davison & Hinkley 1997, Bootstrap Methods and their Application,
    section 4.2).
    """
    fewer = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(replicates) + 1))


def least_bootstrap_p(replicates: int) -> float:
    """The smallest p-value that `bootstrap_p` can give with this many replicates."""
    return 2 / (replicates + 1)


def equivalence_p(replicates: Array, margin: float) -> float:
    """p-value of 'the difference is as large as ``margin``, in either direction', from replicates ``(r,)``; never 0.

    ``(k + 1) / (r + 1)``, k the replicates at or beyond the margin on the side that has more: the larger of the two
    one-sided p-values (TOST; Schuirmann 1987, J Pharmacokinet Biopharm 15:657), below ``alpha`` where the interval at
    ``1 - 2 * alpha`` lies within the margin.
    """
    beyond = max(int((replicates >= margin).sum()), int((replicates <= -margin).sum()))
    return (beyond + 1) / (len(replicates) + 1)


@dataclass(frozen=True)
class CorrectedT:
    """Mean difference over repeated splits, its statistic and two-sided p-value, and the interval."""

    difference: float
    t: float
    p: float
    low: float
    high: float


def corrected_t(
    differences: Sequence[float] | Array, test_to_train: float, level: float = 0.95
) -> CorrectedT | NotEstimable:
    """Resampled t-test corrected for overlapping training sets (Nadeau & Bengio 2003, Machine Learning 52:239).

    ``t = mean / sqrt((1 / J + n_test / n_train) * var)`` with ``J - 1`` degrees of freedom: repeated splits of the same
    patients are no independent repetitions, and ``1 / J`` alone would shrink the error without bound.

    Parameters
    ----------
    differences: candidate minus baseline on the test part of each split, ``(J,)``.
    test_to_train: test patients per training patient in a split.
    level: of the interval.

    Returns
    -------
    `NotEstimable` where all differences are equal.

    Raises
    ------
    SynthgainError
        Fewer than two differences, one that is not finite, or a ratio that is not positive.
    """
    from scipy.stats import t

    values = np.asarray(differences, np.float64)
    if len(values) < 2 or not np.isfinite(values).all() or not test_to_train > 0:
        raise SynthgainError(
            f"corrected t-test: differences {values.tolist()}, test_to_train {test_to_train}; it needs two or more "
            "finite differences and a positive ratio"
        )
    mean, free = float(values.mean()), len(values) - 1
    if np.ptp(values) <= _TIE * np.abs(values).max():
        return NotEstimable("every split shows the same difference: there is no variation to judge by")
    error = float(np.sqrt((1 / len(values) + test_to_train) * values.var(ddof=1)))
    reach = student(level, free) * error
    return CorrectedT(mean, mean / error, float(2 * t.sf(abs(mean) / error, free)), mean - reach, mean + reach)


def sign_flip_p(differences: Sequence[float] | Array) -> float:
    """Exact two-sided p-value of 'each of these differences ``(S,)`` is as likely positive as negative'.

    The share of all ``2**S`` sign patterns whose sum is at least as far from 0 as the observed one, itself and ties
    included (Fisher 1935, The Design of Experiments, section 21; Pitman 1937, Suppl J R Stat Soc 4:119). It is never
    below ``2**(1 - S)``, and 1 where all are 0. Beyond `EXACT_SEEDS` differences ``B`` = 100,000 patterns are drawn:
    ``(k + 1) / (B + 1)``, k those as far from 0. Needs one difference; none may be NaN.
    """
    values = np.asarray(differences, np.float64)
    limit = abs(values.sum()) - _TIE * np.abs(values).sum()
    if len(values) > EXACT_SEEDS:
        signs = rng(0, "sign flip", len(values)).choice([-1.0, 1.0], size=(_SIGN_DRAWS, len(values)))
        return float(((np.abs(signs @ values) >= limit).sum() + 1) / (_SIGN_DRAWS + 1))
    sums = values[:1]
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    # The first sign is kept: the other half of the patterns has the same sums, negated.
    return float((np.abs(sums) >= limit).mean())


def least_sign_flip_p(seeds: int) -> float:
    """The smallest p-value that the exact sign-flip test can give: ``2**(1 - seeds)``, a pattern and its negation."""
    return float(2.0 ** (1 - seeds))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of ``m`` tests adjusted for their number, in the given order; the family-wise error is what they bound.

    ``min(1, max over j <= i of (m - j + 1) * p_(j))`` for the i-th smallest, however the tests depend on each other
    (Holm 1979, Scandinavian Journal of Statistics 6:65). Empty for none; none may be NaN.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(order))
    running = 0.0
    for place, index in enumerate(order):
        running = max(running, (len(order) - place) * p_values[index])
        adjusted[index] = min(running, 1.0)
    return [float(value) for value in adjusted]
