"""Simulated studies: predictions whose true gain is known, many studies at once.

An image is recognised where its score is positive. The score of image ``i`` of patient ``g`` by seed ``s`` of arm ``a``
is ``mean_a + patient_g + image_i + patient_arm_ga + seed_as + generator_a + own_ias``, all normal, so the expected
performance of an arm, over everything that could have been drawn but its mean, is a normal probability: a gain can be
planted exactly, and that of two chosen arms be told.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthgain.calibration.scenarios import Noise, Scenario, Screening
from synthgain.evaluation.predictions import Predictions

Array = npt.NDArray[np.float32]
Truths = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
ACCURACY, AUROC = 0.75, 0.85
"""What an arm of mean quality reaches."""


@dataclass(frozen=True)
class Studies:
    """Studies with the same patients' sizes and classes, and nothing else in common.

    Attributes
    ----------
    predictions: of the arms ``candidate-0``, ``baseline-0``, ``candidate-1``, ...
    truths: by how much the candidate's expected performance exceeds the baseline's, ``(M,)``.
    """

    predictions: Predictions
    truths: Truths


def studies(scenario: Scenario, gain: float | None, count: int, random: np.random.Generator) -> Studies:
    """``count`` studies with a true gain of ``gain`` (a share).

    None plants nothing: the truth is then the difference in quality of the two arms that were chosen, 0 where all arms
    are alike.
    """
    from scipy.stats import norm

    labels, groups = _layout(scenario, scenario.patients, random)
    quality, trainings = _compared(scenario, count, random)
    scales = np.array([_scale(scenario), _scale(scenario, generator=False)])
    reached = norm.cdf(norm.ppf(_usual(scenario)) + quality / scales)
    if gain is not None:
        reached[:, 0] = reached[:, 1] + gain
    means = (norm.ppf(reached) * scales).astype(np.float32)
    scores = _scores(scenario.noise, means[:, :, None] + trainings, groups, random)
    names = tuple(f"{role}-{study}" for study in range(count) for role in ("candidate", "baseline"))
    classes = tuple(str(k) for k in range(len(scenario.shares)))
    predictions = Predictions(
        names, tuple(range(scenario.seeds)), classes, labels, groups, _probabilities(scores, labels, len(classes))
    )
    return Studies(predictions, reached[:, 0] - reached[:, 1])


def _usual(scenario: Scenario) -> float:
    return AUROC if scenario.metric == "macro_auroc" else ACCURACY


def _scale(scenario: Scenario, generator: bool = True) -> float:
    """The unit of an arm's mean score: the expected performance is ``Phi(mean / scale)``.

    Accuracy is ``Phi(mean / sd)`` with the standard deviation of all noise. AUROC compares an image of either class,
    which share the training and nothing else: ``Phi(2 * mean / sqrt(2 * sd_images**2 + 4 * sd_training**2))``.
    """
    noise = scenario.noise
    training = noise.seed**2 + (noise.generator**2 if generator else 0)
    images = noise.patient**2 + noise.image**2 + noise.patient_arm**2 + noise.own**2
    if scenario.metric == "macro_auroc":
        return math.sqrt(2 * images + 4 * training) / 2
    return math.sqrt(images + training)


def _layout(scenario: Scenario, patients: int, random: np.random.Generator) -> tuple[Rows, Rows]:
    """Class and patient of each image: patients' classes by their shares, images' as far as they are not mixed."""
    sizes = np.full(patients, scenario.images)
    if scenario.most is not None:
        sizes = np.minimum(random.geometric(1 / scenario.images, patients), scenario.most)
    groups = np.repeat(np.arange(patients), sizes)
    of_patient, of_image = (
        np.searchsorted(np.cumsum(scenario.shares)[:-1], share, side="right")
        for share in ((np.arange(patients) + 0.5) / patients, random.random(len(groups)))
    )
    mixed = random.random(len(groups)) < scenario.mixed
    return np.where(mixed, of_image, of_patient[groups]).astype(np.int64), groups.astype(np.int64)


def _compared(scenario: Scenario, studies: int, random: np.random.Generator) -> tuple[Truths, Array]:
    """Candidate and baseline: what their mean scores differ by from the usual, ``(M, 2)``, and how well each of their
    trainings turns out, ``(M, 2, S)``."""
    noise, seeds = scenario.noise, scenario.seeds
    if scenario.screening is None:
        quality, trainings = np.zeros((studies, 2)), _turned_out(noise, (studies, 2, seeds), random)
    else:
        quality, trainings = _chosen(scenario, scenario.screening, studies, random)
    made = noise.generator * random.standard_normal((studies, scenario.generators), np.float32)
    trainings[:, 0] += made[:, np.arange(seeds) % scenario.generators]
    return quality, trainings


def _chosen(
    scenario: Scenario, screening: Screening, studies: int, random: np.random.Generator
) -> tuple[Truths, Array]:
    """Screen arms of unequal quality on validation patients: quality and trainings of the two that are chosen."""
    arms = screening.synthetic + screening.baselines
    quality = screening.quality * random.standard_normal((studies, arms))
    screened = _turned_out(scenario.noise, (studies, arms, screening.seeds), random)
    seen = _seen(scenario, screening.patients, quality[:, :, None].astype(np.float32) + screened, random)
    best = np.stack([
        seen[:, : screening.synthetic].argmax(1), screening.synthetic + seen[:, screening.synthetic :].argmax(1),
    ], axis=1)  # fmt: skip
    trainings = (
        _turned_out(scenario.noise, (studies, 2, scenario.seeds), random)
        if screening.fresh
        else np.take_along_axis(screened, best[:, :, None], axis=1)
    )
    return np.take_along_axis(quality, best, axis=1), trainings


def _seen(scenario: Scenario, patients: int, shifts: Array, random: np.random.Generator) -> Array:
    """Mean balanced accuracy on validation ``(M, A)`` of trainings that shift the usual score by ``(M, A, S)``."""
    from scipy.stats import norm

    labels, groups = _layout(scenario, patients, random)
    usual = np.float32(norm.ppf(_usual(scenario)) * _scale(scenario, generator=False))
    right = _scores(scenario.noise, usual + shifts, groups, random) > 0
    return np.stack([right[..., labels == k].mean((2, 3)) for k in range(len(scenario.shares))]).mean(0)


def _turned_out(noise: Noise, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    return np.float32(noise.seed) * random.standard_normal(shape, np.float32)


def _scores(noise: Noise, shifts: Array, groups: Rows, random: np.random.Generator) -> Array:
    """Scores ``(M, A, S, N)`` from the arms' means and trainings ``shifts (M, A, S)``."""
    studies, arms, _ = shifts.shape
    patients = int(groups[-1]) + 1
    shared = noise.image * random.standard_normal((studies, 1, 1, len(groups)), np.float32)
    ease = noise.patient * random.standard_normal((studies, 1, 1, patients), np.float32)
    taken = ease + noise.patient_arm * random.standard_normal((studies, arms, 1, patients), np.float32)
    scores = noise.own * random.standard_normal((*shifts.shape, len(groups)), np.float32)
    scores += shared
    scores += taken[..., groups]
    scores += shifts[..., None]
    return scores


def _probabilities(scores: Array, labels: Rows, classes: int) -> Array:
    """The logistic of the score for the true class, the rest for the next one: ``(2 * M, S, N, K)``."""
    studies, arms, seeds, images = scores.shape
    chances = np.zeros((studies * arms, seeds, images, classes), np.float32)
    true = 1 / (1 + np.exp(-scores.reshape(-1, seeds, images)))
    rows = np.arange(images)
    chances[:, :, rows, labels] = true
    chances[:, :, rows, (labels + 1) % classes] = 1 - true
    return chances
