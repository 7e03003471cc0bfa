"""Metrics of one classifier's predictions: pure functions of true labels and probabilities.

All take ``labels`` int ``(N,)`` in ``0 .. K-1`` and ``probabilities`` float ``(N, K)``, and return a float or, where
the data do not determine it, a `NotEstimable` with the reason; never NaN. The definitions are scikit-learn's where it
has them. Averages over classes need an image of every class: a class without one makes them not estimable.

The predicted class is the most probable one, the first of equals. Shares are 0 to 1. No image, lengths that differ, or
a probability that is not finite raises `SynthgainError`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthgain.errors import SynthgainError

Labels = npt.NDArray[np.integer]
Probabilities = npt.NDArray[np.floating]
ECE_BINS = 15
LEAST_PROBABILITY = 1e-7
"""Probabilities are raised to this before their logarithm is taken."""


@dataclass(frozen=True)
class NotEstimable:
    """In place of a number that the data do not determine."""

    why: str


Value = float | NotEstimable


def missing_classes(labels: Labels, classes: int, names: Sequence[str] | None = None) -> NotEstimable | None:
    """The reason why an average over classes is not estimable; None if every class has an image."""
    absent = np.flatnonzero(np.bincount(labels, minlength=classes) == 0).tolist()
    if not absent:
        return None
    listed = ", ".join(names[k] if names else str(k) for k in absent)
    return NotEstimable(f"no test image of class {listed}")


def accuracy(labels: Labels, probabilities: Probabilities) -> Value:
    """Share of images whose predicted class is the true one."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, _predicted(labels, probabilities)))


def balanced_accuracy(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over classes of the recall ``TP_k / N_k`` (Brodersen et al. 2010, ICPR, 3121); by chance ``1 / K``."""
    from sklearn.metrics import balanced_accuracy_score

    predicted = _predicted(labels, probabilities)
    return missing_classes(labels, probabilities.shape[1]) or float(balanced_accuracy_score(labels, predicted))


def macro_f1(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over classes of ``2 TP_k / (N_k + P_k)``, N true and P predicted images; 0 for a class never predicted.

    The mean of the scores, not the score of mean precision and recall (Opitz & Burst 2019, arXiv 1911.03347).
    """
    from sklearn.metrics import f1_score

    predicted = _predicted(labels, probabilities)
    score = f1_score(labels, predicted, average="macro", labels=range(probabilities.shape[1]), zero_division=0)
    return missing_classes(labels, probabilities.shape[1]) or float(score)


def macro_auroc(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over classes of the area under the ROC curve of that class against the rest; by chance 0.5.

    Each is ``P(p_k of an image of class k > p_k of another image)``, ties half (Hanley & McNeil 1982, Radiology
    143:29); classes weigh alike (Provost & Domingos 2000 weigh them by their frequency). It compares the probabilities
    of any two images: where different models gave them (pooled folds), see `folds.pool`.
    """
    from sklearn.metrics import roc_auc_score

    return _one_versus_rest(labels, probabilities, roc_auc_score)


def macro_auprc(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over classes of the average precision of that class against the rest; by chance about ``1 / K``.

    ``sum over n of (R_n - R_(n-1)) * P_n``, precision P and recall R at the n-th highest threshold, not interpolated
    (scikit-learn's `average_precision_score`). It depends on how frequent a class is.
    """
    from sklearn.metrics import average_precision_score

    return _one_versus_rest(labels, probabilities, average_precision_score)


def brier(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over images of ``sum over k of (p_k - [k is true])**2``, from 0 to 2 (Brier 1950, Mon Weather Rev 78:1)."""
    _predicted(labels, probabilities)
    truth = np.eye(probabilities.shape[1])[labels]
    return float(np.square(probabilities.astype(np.float64) - truth).sum(1).mean())


def log_loss(labels: Labels, probabilities: Probabilities) -> Value:
    """Mean over images of ``-ln p`` of the true class, in nats (Good 1952, J R Stat Soc B 14:107).

    Probabilities below `LEAST_PROBABILITY` count as that, so one image costs at most 16.1.
    """
    _predicted(labels, probabilities)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, LEAST_PROBABILITY, 1)).mean())


def recalls(labels: Labels, probabilities: Probabilities) -> list[Value]:
    """For each class the share of its images that are recognised, ``TP_k / N_k``; `NotEstimable` without an image."""
    right = _predicted(labels, probabilities) == labels
    return [
        float(right[labels == k].mean()) if (labels == k).any() else NotEstimable("no test image of this class")
        for k in range(probabilities.shape[1])
    ]


def ece(labels: Labels, probabilities: Probabilities, bins: int = ECE_BINS) -> Value:
    """Expected calibration error of the predicted class in equal-width bins (Guo et al. 2017, ICML, eq. 3).

    ``sum over bins of n_b / N * |share right - mean confidence|``, bins open below; 0 to 1. It is positive even for
    perfect calibration: read it beside `ece_null`.
    """
    right = _predicted(labels, probabilities) == labels
    return float(_calibration_gaps(probabilities.max(1), right[None].astype(np.float64), bins)[0])


def ece_null(
    probabilities: Probabilities, rng: np.random.Generator, draws: int = 200, bins: int = ECE_BINS
) -> npt.NDArray[np.float64]:
    """ECE that a perfectly calibrated model with these confidences shows by chance: ``draws`` values of it.

    Correctness is drawn as Bernoulli(confidence) for each image, ``u < confidence`` with ``u`` uniform (consistency
    resampling, Bröcker & Smith 2007, Weather and Forecasting 22:651). Models of the same images that get equally seeded
    generators share ``u`` (draws, N), as they share the labels.
    """
    confidence = probabilities.max(1).astype(np.float64)
    drawn = rng.random((draws, len(confidence))) < confidence
    return _calibration_gaps(confidence, drawn.astype(np.float64), bins)


def _calibration_gaps(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.float64], bins: int
) -> npt.NDArray[np.float64]:
    """``(N,)`` confidences and ``(draws, N)`` correctness -> ``(draws,)`` expected calibration errors."""
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    member = np.eye(bins)[place]
    return np.abs((right - confidence) @ member).sum(1) / len(confidence)


def _predicted(labels: Labels, probabilities: Probabilities) -> npt.NDArray[np.intp]:
    if not len(labels) or len(labels) != len(probabilities):
        raise SynthgainError(f"metrics: {len(labels)} labels and {len(probabilities)} predictions; give one per image")
    if not np.isfinite(probabilities).all():
        row = int(np.argmin(np.isfinite(probabilities).all(1)))
        raise SynthgainError(
            f"metrics: prediction {row} is {probabilities[row].tolist()}; probabilities must be finite"
        )
    return probabilities.argmax(1)


def _one_versus_rest(labels: Labels, probabilities: Probabilities, score: Callable[..., float]) -> Value:
    _predicted(labels, probabilities)
    classes = probabilities.shape[1]
    if (why := missing_classes(labels, classes)) is not None:
        return why
    if len(np.unique(labels)) < 2:
        return NotEstimable("only one class among the test images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.mean([score(labels == k, probabilities[:, k]) for k in range(classes)]))


METRICS: Mapping[str, Callable[[Labels, Probabilities], Value]] = {
    "balanced_accuracy": balanced_accuracy,
    "macro_auroc": macro_auroc,
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "macro_auprc": macro_auprc,
    "brier": brier,
    "log_loss": log_loss,
    "ece": ece,
}
"""By the name that results carry; `recalls` has a value per class and stands apart."""
