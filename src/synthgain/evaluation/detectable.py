"""The minimum detectable gain of the rule that is used: interval above 0 and sign-flip test, both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import NotEstimable, Value
from synthgain.evaluation.statistics import Components, least_sign_flip_p
from synthgain.seeding import rng

POWER = 0.8
_STUDIES = 2_000
_ALL_PATTERNS = 10
"""Up to this many seeds every sign pattern is compared, beyond it some of them, drawn at random."""
_PATTERNS = 512
_STEPS = 24


@dataclass(frozen=True)
class Studies:
    """Simulated studies without a gain, of the size and with the variance of a real one.

    Attributes
    ----------
    differences: per study and seed, ``(M, S)``.
    half_width: of each study's interval, ``(M,)``.
    """

    differences: npt.NDArray[np.float64]
    half_width: npt.NDArray[np.float64]

    @classmethod
    def of(cls, components: Components, level: float, count: int = _STUDIES) -> "Studies":
        """Studies whose seeds share one draw of patients, each with the interval that `two_level` would give it."""
        from scipy.stats import t

        seeds = components.n_seeds
        draw = rng(0, "detectable", seeds)
        patients = draw.normal(0, 1, (count, 1)) * np.sqrt(components.groups)
        single = draw.normal(0, 1, (count, seeds)) * np.sqrt(components.seeds)
        tail = (1 + level) / 2
        free = max(components.n_groups - components.fitted, 1)
        half = np.sqrt(
            t.ppf(tail, free) ** 2 * components.groups + t.ppf(tail, seeds - 1) ** 2 * single.var(1, ddof=1) / seeds
        )
        return cls(patients + single, half)

    def called(self, gain: float, alpha: float) -> float:
        """The share of studies that are called a gain when the true gain is ``gain``."""
        return float((self._above(gain) & (self._sign_flip(gain) < alpha)).mean())

    def _above(self, gain: float) -> npt.NDArray[np.bool_]:
        return self.differences.mean(1) + gain - self.half_width > 0

    def _sign_flip(self, gain: float) -> npt.NDArray[np.float64]:
        signs = _sign_patterns(self.differences.shape[1])
        sums = np.abs(self.differences @ signs.T + gain * signs.sum(1))
        return np.asarray((sums >= sums[:, :1] * (1 - 1e-9)).mean(1), np.float64)


def minimum_detectable_gain(components: Components, level: float, power: float = POWER) -> Value:
    """The smallest true gain that a study like this one calls a gain with probability ``power``.

    Simulated with fixed random numbers and solved by bisection, for the rule 'interval above 0 and sign-flip p below
    ``1 - level``', with normal patient and seed components of the observed size.
    """
    alpha, seeds = 1 - level, components.n_seeds
    if seeds < 2 or least_sign_flip_p(seeds) >= alpha:
        needed = int(np.floor(1 - np.log2(alpha))) + 1
        return NotEstimable(
            f"with {seeds} seed{'s' * (seeds != 1)} the sign-flip test cannot reach p < {alpha:g}, whatever the gain; "
            f"{needed} seeds can"
        )
    if components.groups + components.seeds <= 0:
        return NotEstimable("both arms score alike with every seed and any patients: there is no variation to judge by")
    studies = Studies.of(components, level)
    low, high = 0.0, float(np.sqrt(components.groups + components.seeds))
    while studies.called(high, alpha) < power:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if studies.called(middle, alpha) < power else (low, middle)
    return high


def _sign_patterns(seeds: int) -> npt.NDArray[np.float64]:
    """Rows of signs ``(P, S)``, the observed pattern first; a pattern and its negation count once."""
    if seeds <= _ALL_PATTERNS:
        bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
        return np.where(bits, -1.0, 1.0)
    drawn = rng(0, "sign patterns", seeds).choice([-1.0, 1.0], size=(_PATTERNS, seeds))
    drawn[0] = 1
    return drawn
