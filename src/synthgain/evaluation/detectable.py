"""The minimum detectable gain of the rule that is used: interval above 0 and sign-flip test, both."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import NotEstimable, Value
from synthgain.evaluation.statistics import Components, least_bootstrap_p, least_sign_flip_p, student
from synthgain.seeding import rng

Array = npt.NDArray[np.float64]
POWER = 0.8
_STUDIES = 2_000
_PATTERNS, _MOST_PATTERNS = 512, 4096
"""Sign patterns that are compared, more of them at stricter levels: all there are, or else some drawn at random."""


def minimum_detectable_gain(
    components: Components, level: float, power: float = POWER, *, family: int = 1, replicates: int | None = None
) -> Value:
    """The smallest true gain (a share) that a study like this one calls a gain with probability ``power``.

    The quantile of `least_gains` over simulated studies with fixed random numbers: the rule 'interval above 0 and
    sign-flip p below ``alpha``', with normal patient and seed components of the observed size.

    Parameters
    ----------
    level: of the rule's intervals.
    family: contrasts that Holm's correction is over. ``alpha`` is that of its first step, ``(1 - level) / family``: a
        p-value below it passes at any place in the order, so that this gain is called with at least ``power``.
    replicates: of the bootstrap, where its p-value has to be below ``alpha``, too.

    Returns
    -------
    `NotEstimable` where no p-value of the sign-flip test, or of the bootstrap, is below ``alpha``, or nothing varies.
    """
    alpha, seeds = (1 - level) / family, components.n_seeds
    limit = f"p < {alpha:.3g}" + (f" ({1 - level:.3g} corrected for {family} comparisons)" if family > 1 else "")
    if seeds < 2 or least_sign_flip_p(seeds) >= alpha:
        needed = int(np.floor(1 - np.log2(alpha))) + 1
        return NotEstimable(
            f"with {seeds} seed{'s' * (seeds != 1)} the sign-flip test cannot reach {limit}, whatever the gain; "
            f"{needed} seeds can"
        )
    if replicates is not None and least_bootstrap_p(replicates) >= alpha:
        return NotEstimable(f"with {replicates:,} replicates the bootstrap cannot reach {limit}, whatever the gain")
    if components.groups + components.seeds <= 0:
        return NotEstimable("both arms score alike with every seed and any patients: there is no variation to judge by")
    return float(np.quantile(least_gains(components, 1 - alpha), power, method="inverted_cdf"))


def least_gains(components: Components, level: float, studies: int = _STUDIES) -> Array:
    """For each of ``studies`` simulated studies the true gain above which it is called a gain: ``(studies,)``.

    The seeds of a study share one draw of patients, and its interval is the one that `two_level` would give it. A true
    gain moves all of its differences alike, so each of the two tests is passed from some gain on; the larger counts.
    """
    seeds = components.n_seeds
    patients, single, flipped, signs = _draws(seeds, studies, _pattern_count(1 - level))
    patients, single = patients * np.sqrt(components.groups), single * np.sqrt(components.seeds)
    free = max(components.n_groups - components.fitted, 1)
    half_width = np.sqrt(
        student(level, free) ** 2 * components.groups + student(level, seeds - 1) ** 2 * single.var(1, ddof=1) / seeds
    )
    interval = half_width - patients - single.mean(1)
    sums = patients[:, None] * signs + flipped * np.sqrt(components.seeds)
    return np.maximum(interval, _least_by_sign_flip(sums, signs, 1 - level))


def _least_by_sign_flip(sums: Array, signs: Array, alpha: float) -> Array:
    """From which gain on the sign-flip p-value is below ``alpha``: ``(studies,)``.

    With a gain ``g`` a pattern with signs of sum ``b`` gives ``sums + g * b``, and counts until the observed pattern,
    the first, exceeds it in absolute value. So many patterns may count that their share stays below ``alpha``.
    """
    observed, others, b = sums[:, :1], sums[:, 1:], signs[1:]
    seeds = signs[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        until = np.maximum((others - observed) / (seeds - b), -(others + observed) / (seeds + b))
    until[:, np.abs(b) == seeds] = np.inf
    may_count = max(int(np.ceil(alpha * len(signs) - 1e-9)) - 1, 1)
    place = until.shape[1] - may_count
    return np.partition(until, place, axis=1)[:, place]


@lru_cache(maxsize=4)
def _draws(seeds: int, studies: int, patterns: int) -> tuple[Array, Array, Array, Array]:
    """Standard normal patients ``(M,)`` and seeds ``(M, S)``; the seeds' sums by sign pattern ``(M, P)`` and the sums
    of those patterns' signs ``(P,)``."""
    draw = rng(0, "detectable", seeds)
    patients, single = draw.normal(0, 1, studies), draw.normal(0, 1, (studies, seeds))
    signs = _sign_patterns(seeds, patterns)
    return patients, single, single @ signs.T, signs.sum(1)


def _pattern_count(alpha: float) -> int:
    """As many patterns as let some count below ``alpha``."""
    return int(np.clip(2 ** np.ceil(np.log2(4 / alpha)), _PATTERNS, _MOST_PATTERNS))


def _sign_patterns(seeds: int, count: int) -> npt.NDArray[np.float64]:
    """Rows of signs ``(P, S)``, the observed pattern first and only there; a pattern and its negation count once."""
    if 2 ** (seeds - 1) <= count:
        bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
        return np.where(bits, -1.0, 1.0)
    drawn = rng(0, "sign patterns", seeds).choice([-1.0, 1.0], size=(count, seeds))
    drawn[0] = 1
    return drawn[(np.abs(drawn.sum(1)) < seeds) | (np.arange(count) == 0)]
