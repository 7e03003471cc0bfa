"""McNemar's and DeLong's tests: they describe one fixed pair of models on these images, not the arms.

Both take the two trained models as given and the images as independent: they know neither of other seeds nor of
patients, and call a difference far too often that another training would not show. Nothing here enters a verdict.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.metrics import Labels, NotEstimable, Probabilities
from synthgain.evaluation.predictions import Predictions

_TIE = 1e-12
ABOUT = "describes one fixed pair of models, not the arms"


@dataclass(frozen=True)
class McNemar:
    """Images that only one of both models recognises, and the p-value of 'either is as likely'."""

    candidate_only: int
    baseline_only: int
    p_exact: float
    p_mid: float


@dataclass(frozen=True)
class DeLong:
    """Difference of two correlated macro AUROCs (shares), its standard error and two-sided normal p-value."""

    difference: float
    standard_error: float
    p: float


def mcnemar(candidate_right: npt.NDArray[np.bool_], baseline_right: npt.NDArray[np.bool_]) -> McNemar:
    """McNemar's test (1947) of two models on the same images, ``(N,)`` each: exact, and with the mid-p.

    Of ``n`` discordant images as few as ``k`` fall to one model with ``p = 2 P(B <= k)``, ``B ~ Binomial(n, 1/2)``; the
    mid-p takes off ``P(B = k)`` (Fagerland, Lydersen & Laake 2013, BMC Med Res Methodol 13:91). Without a discordant
    image both are 1.
    """
    from scipy.stats import binom

    mine = int((candidate_right & ~baseline_right).sum())
    other = int((baseline_right & ~candidate_right).sum())
    total, fewer = mine + other, min(mine, other)
    exact = min(1.0, 2 * float(binom.cdf(fewer, total, 0.5)))
    mid = 2 * float(binom.cdf(fewer, total, 0.5)) - float(binom.pmf(fewer, total, 0.5)) if total else 1.0
    return McNemar(mine, other, exact, mid)


def delong(labels: Labels, candidate: Probabilities, baseline: Probabilities) -> DeLong | NotEstimable:
    """DeLong's test (DeLong, DeLong & Clarke-Pearson 1988) with the fast ranks of Sun & Xu (2014, algorithm 2).

    With two classes it is theirs. With more the statistic is the mean over classes of the AUROC of that class against
    the rest: the structural components of all classes are added up image by image, and their variance is summed over
    the classes as strata.

    Parameters
    ----------
    labels: int ``(N,)`` in ``0 .. K-1``.
    candidate, baseline: probabilities ``(N, K)`` of the same images.

    Returns
    -------
    `NotEstimable` where a class has fewer than two images, or every image weighs alike.
    """
    from scipy.stats import norm

    classes = candidate.shape[1]
    counts = np.bincount(labels, minlength=classes)
    if counts.min() < 2:
        return NotEstimable(f"class {int(counts.argmin())} has fewer than two test images")
    difference, influence = 0.0, np.zeros(len(labels))
    for k in range(classes):
        inside = labels == k
        placed = placements(inside, candidate[:, k]) - placements(inside, baseline[:, k])
        difference += float(placed[inside].mean()) / classes
        influence += placed / np.where(inside, counts[k], len(labels) - counts[k]) / classes
    error = float(np.sqrt(sum(counts[k] * influence[labels == k].var(ddof=1) for k in range(classes))))
    if error < _TIE < abs(difference):
        return NotEstimable("both models order every image alike well or alike badly: no variation to judge by")
    return DeLong(difference, error, float(2 * norm.sf(abs(difference) / error)) if error >= _TIE else 1.0)


def placements(inside: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """DeLong's structural components ``(N,)``: for each image the share of those on the other side that it is rightly
    ordered with, ties half; the mean over either side is the AUROC.

    From midranks among all images and among those of the same side (Sun & Xu 2014, IEEE SPL 21:1389, eq. 9-10).
    """
    from scipy.stats import rankdata

    ranks, own = rankdata(scores), np.empty(len(scores))
    own[inside], own[~inside] = rankdata(scores[inside]), rankdata(scores[~inside])
    below = (ranks - own) / np.where(inside, (~inside).sum(), inside.sum())
    return np.where(inside, below, 1 - below)


def by_seed(predictions: Predictions, candidate: str, baseline: str) -> dict[str, Any]:
    """The JSON-ready record of both tests, for the pair of models that each seed trained."""
    p = predictions
    a, b = (p.probabilities[p.arms.index(name)] for name in (candidate, baseline))
    records = []
    for seed, mine, other in zip(p.seeds, a, b, strict=True):
        areas = delong(p.labels, mine, other)
        records.append({
            "seed": seed, "mcnemar": asdict(mcnemar(mine.argmax(1) == p.labels, other.argmax(1) == p.labels)),
            "delong": {"difference": None, "standard_error": None, "p": None, "why": areas.why}
            if isinstance(areas, NotEstimable) else asdict(areas),
        })  # fmt: skip
    return {"about": ABOUT, "candidate": candidate, "baseline": baseline, "per_seed": records}
