"""The bias-corrected and accelerated bootstrap interval (Efron 1987, JASA 82:171), for two-level replicates.

It shifts the quantiles that are read off the replicates: by their median bias ``z0``, and by the acceleration ``a``,
how fast the spread grows with the value. It is reported beside the percentile interval and decides nothing.
"""

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components
from synthgain.seeding import rng

Array = npt.NDArray[np.float64]
MOST_BLOCKS = 200


def left_out(groups: int, seed: int) -> npt.NDArray[np.float32]:
    """Weights that leave out one group, or one block of groups drawn at random, at a time: ``(blocks, groups)``.

    At most `MOST_BLOCKS` blocks: what is left out is then a sum over a block of groups, whose second and third moments
    are, in expectation, the sums of the groups' own, so that the acceleration keeps its meaning.
    """
    blocks = min(groups, MOST_BLOCKS)
    member = rng(seed, "jackknife").permutation(groups) % blocks
    return (member != np.arange(blocks)[:, None]).astype(np.float32)


def acceleration(jackknife: npt.NDArray[np.floating], components: Components) -> float | NotEstimable:
    """``sum(u**3) / (6 * sum(u**2)**1.5)`` with ``u`` the mean of the jackknife values minus each of them.

    ``jackknife``: the mean over seeds without each block of patients ``(blocks,)``. Approximated: the seeds'
    contribution to the skewness is taken as none, so the patients' is diluted to their share of the variance.
    """
    if not np.isfinite(jackknife).all():
        return NotEstimable("a class is held by one patient alone")
    away = jackknife.mean(dtype=np.float64) - jackknife.astype(np.float64)
    square = float(np.square(away).sum())
    variance = components.groups + components.seeds / components.n_seeds
    if square <= 0 or variance <= 0:
        return 0.0
    return float((away**3).sum() / (6 * square**1.5)) * (components.groups / variance) ** 1.5


def bca(replicates: Array, point: float, accelerated: float, level: float) -> tuple[float, float] | NotEstimable:
    """The interval at ``level`` from ``replicates (r,)`` of a quantity that is ``point`` on the data themselves.

    Its limits are the quantiles ``Phi(z0 + (z0 + z) / (1 - a * (z0 + z)))`` of the replicates (eq. 2.3), ``z`` the
    normal quantiles at ``(1 ± level) / 2``, ``z0`` the normal quantile of the share of replicates below ``point`` (half
    of those equal to it).
    """
    from scipy.stats import norm

    if np.ptp(replicates) == 0:
        return float(replicates[0]), float(replicates[0])
    share = float((replicates < point).mean() + (replicates == point).mean() / 2)
    if not 0 < share < 1:
        return NotEstimable("all bootstrap replicates lie on one side of the difference itself")
    z0, z = norm.ppf(share), norm.ppf([(1 - level) / 2, (1 + level) / 2])
    if (accelerated * (z0 + z) >= 1).any():
        return NotEstimable("the spread of the difference depends too strongly on its size")
    low, high = np.quantile(replicates, norm.cdf(z0 + (z0 + z) / (1 - accelerated * (z0 + z))))
    return float(low), float(high)
