"""Simulated studies: predictions whose true gain is known, many studies at once.

An image is recognised where its score is positive. The score of image ``i`` of patient ``g`` by seed ``s`` of arm ``a``
is ``mean_a + patient_g + image_i + patient_arm_ga + seed_as + generator_a + own_ias``, all normal, so the expected
accuracy of an arm, over everything that could have been drawn, is a normal probability and a gain can be planted
exactly.
"""

import math

import numpy as np
import numpy.typing as npt

from synthgain.calibration.scenarios import Noise, Scenario
from synthgain.evaluation.predictions import Predictions

Array = npt.NDArray[np.float32]
ACCURACY, AUROC = 0.75, 0.85
"""What the baseline reaches."""


def predictions(scenario: Scenario, gain: float, studies: int, random: np.random.Generator) -> Predictions:
    """``studies`` studies with a true gain of ``gain`` (a share), as arms ``candidate-0``, ``baseline-0``, ...

    They have the same patients' sizes and classes, and nothing else in common.
    """
    labels, groups = _layout(scenario, scenario.patients)
    means = np.array([mean_score(scenario, gain), mean_score(scenario, 0.0, generator=False)], np.float32)
    shifts = means[:, None] + _trainings(scenario, studies, random)
    scores = _scores(scenario.noise, shifts, groups, scenario.images, random)
    names = tuple(f"{role}-{study}" for study in range(studies) for role in ("candidate", "baseline"))
    classes = tuple(str(k) for k in range(len(scenario.shares)))
    return Predictions(
        names, tuple(range(scenario.seeds)), classes, labels, groups, _probabilities(scores, labels, len(classes))
    )


def mean_score(scenario: Scenario, gain: float, generator: bool = True) -> float:
    """The mean score with which an arm reaches the baseline's expected performance and ``gain`` more.

    Accuracy is ``Phi(mean / sd)`` with the standard deviation of all noise. AUROC compares an image of either class,
    which share the training and nothing else: ``Phi(2 * mean / sqrt(2 * sd_images**2 + 4 * sd_training**2))``.
    """
    from scipy.stats import norm

    noise = scenario.noise
    training = noise.seed**2 + (noise.generator**2 if generator else 0)
    images = noise.patient**2 + noise.image**2 + noise.patient_arm**2 + noise.own**2
    if scenario.metric == "macro_auroc":
        return float(norm.ppf(AUROC + gain)) * math.sqrt(2 * images + 4 * training) / 2
    return float(norm.ppf(ACCURACY + gain)) * math.sqrt(images + training)


def _layout(scenario: Scenario, patients: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Class and patient of each image: classes by their shares, one class per patient."""
    groups = np.repeat(np.arange(patients), scenario.images)
    share = (np.arange(patients) + 0.5) / patients
    of_patient = np.searchsorted(np.cumsum(scenario.shares)[:-1], share, side="right")
    return of_patient[groups].astype(np.int64), groups.astype(np.int64)


def _trainings(scenario: Scenario, studies: int, random: np.random.Generator) -> Array:
    """How well candidate and baseline turn out with each seed: ``(M, 2, S)``."""
    noise, screening, seeds = scenario.noise, scenario.screening, scenario.seeds
    if screening is None:
        shifts = noise.seed * random.standard_normal((studies, 2, seeds), np.float32)
    else:
        shifts = _chosen(scenario, studies, random)
    made = noise.generator * random.standard_normal((studies, scenario.generators), np.float32)
    shifts[:, 0] += made[:, np.arange(seeds) % scenario.generators]
    return shifts


def _chosen(scenario: Scenario, studies: int, random: np.random.Generator) -> Array:
    """Screen equal arms on validation patients; the trainings ``(M, 2, S)`` that the two chosen ones bring."""
    screening, noise = scenario.screening, scenario.noise
    assert screening is not None
    arms = screening.synthetic + screening.baselines
    screened = noise.seed * random.standard_normal((studies, arms, screening.seeds), np.float32)
    labels, groups = _layout(scenario, screening.patients)
    scores = _scores(noise, mean_score(scenario, 0.0) + screened, groups, scenario.images, random)
    accuracy = np.stack([(scores[..., labels == k] > 0).mean((2, 3)) for k in range(len(scenario.shares))]).mean(0)
    best = np.stack([
        accuracy[:, : screening.synthetic].argmax(1),
        screening.synthetic + accuracy[:, screening.synthetic :].argmax(1),
    ], axis=1)  # fmt: skip
    if screening.fresh:
        return noise.seed * random.standard_normal((studies, 2, scenario.seeds), np.float32)
    return np.take_along_axis(screened, best[:, :, None], axis=1)


def _scores(
    noise: Noise, shifts: Array, groups: npt.NDArray[np.int64], images: int, random: np.random.Generator
) -> Array:
    """Scores ``(M, A, S, N)`` from the trainings' ``shifts (M, A, S)``."""
    studies, arms, _ = shifts.shape
    patients = len(groups) // images
    shared = noise.image * random.standard_normal((studies, 1, 1, len(groups)), np.float32)
    ease = noise.patient * random.standard_normal((studies, 1, 1, patients), np.float32)
    taken = ease + noise.patient_arm * random.standard_normal((studies, arms, 1, patients), np.float32)
    scores = noise.own * random.standard_normal((*shifts.shape, len(groups)), np.float32)
    scores += shared
    scores += taken[..., groups]
    scores += shifts[..., None]
    return scores


def _probabilities(scores: Array, labels: npt.NDArray[np.int64], classes: int) -> Array:
    """The logistic of the score for the true class, the rest for the next one: ``(2 * M, S, N, K)``."""
    studies, arms, seeds, images = scores.shape
    chances = np.zeros((studies * arms, seeds, images, classes), np.float32)
    true = 1 / (1 + np.exp(-scores.reshape(-1, seeds, images)))
    rows = np.arange(images)
    chances[:, :, rows, labels] = true
    chances[:, :, rows, (labels + 1) % classes] = 1 - true
    return chances
