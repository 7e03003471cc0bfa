"""Tests of one fixed pair of models agree with reference implementations and direct formulas."""

from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from synthgain.evaluation import fixed_pair
from synthgain.evaluation.fixed_pair import DeLong, delong, mcnemar, placements
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.predictions import from_table


@pytest.mark.parametrize("mine, other, both", [(12, 5, 40), (0, 6, 3), (7, 7, 0), (1, 0, 9)])
def test_mcnemar_is_statsmodels_and_its_mid_p_halves_the_observed_outcome(mine: int, other: int, both: int) -> None:
    a = np.repeat([True, False, True], [mine, other, both])
    b = np.repeat([False, True, True], [mine, other, both])
    found = mcnemar(a, b)
    assert (found.candidate_only, found.baseline_only) == (mine, other)
    assert found.p_exact == pytest.approx(reference_mcnemar([[both, mine], [other, 0]], exact=True).pvalue)
    k, n = min(mine, other), mine + other
    assert found.p_mid == pytest.approx(2 * (binom.cdf(k - 1, n, 0.5) + binom.pmf(k, n, 0.5) / 2))


def test_models_that_agree_everywhere_have_p_of_one() -> None:
    found = mcnemar(np.ones(5, bool), np.ones(5, bool))
    assert (found.p_exact, found.p_mid) == (1, 1)


def _scores(classes: int, images: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, images)
    shared = random.normal(0, 1, (images, classes)) + 1.0 * np.eye(classes)[labels]
    both = []
    for strength in (0.6, 0.0):
        scores = shared + random.normal(0, 0.7, shared.shape) + strength * np.eye(classes)[labels]
        chances = (np.exp(scores) / np.exp(scores).sum(1, keepdims=True)).round(2)  # rounding makes ties
        both.append(chances)
    if classes == 2:
        both = [np.stack([1 - each[:, 1], each[:, 1]], axis=1) for each in both]
    return labels, both[0], both[1]


def _direct(inside: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Structural components by comparing every pair (DeLong et al. 1988, eq. 4-5)."""
    pairs = np.sign(scores[inside][:, None] - scores[~inside][None]) / 2 + 0.5
    return pairs.mean(1), pairs.mean(0)


def test_with_two_classes_it_is_delongs_formula_over_all_pairs() -> None:
    labels, a, b = _scores(2)
    inside = labels == 1
    v10, v01 = zip(*[_direct(inside, each[:, 1]) for each in (a, b)], strict=True)
    covariance = np.cov(v10) / inside.sum() + np.cov(v01) / (~inside).sum()
    found = delong(labels, a, b)
    assert isinstance(found, DeLong)
    assert found.difference == pytest.approx(v10[0].mean() - v10[1].mean())
    assert found.standard_error**2 == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert 0 < found.p < 1


def test_placements_are_those_of_all_pairs_and_average_to_the_area() -> None:
    labels, a, _ = _scores(3)
    inside = labels == 2
    placed = placements(inside, a[:, 2])
    rows, columns = _direct(inside, a[:, 2])
    assert placed[inside] == pytest.approx(rows)
    assert placed[~inside] == pytest.approx(columns)
    assert placed[inside].mean() == pytest.approx(roc_auc_score(inside, a[:, 2]))


def test_with_more_classes_it_is_the_macro_area_and_its_spread_over_images() -> None:
    labels, a, b = _scores(3)
    found = delong(labels, a, b)
    assert isinstance(found, DeLong)
    onehot = np.eye(3)[labels]
    assert found.difference == pytest.approx(roc_auc_score(onehot, a) - roc_auc_score(onehot, b))
    random = np.random.default_rng(0)
    members = [np.flatnonzero(labels == k) for k in range(3)]
    drawn = []
    for _ in range(600):
        rows = np.concatenate([random.choice(each, len(each)) for each in members])
        areas = [
            np.mean([placements(labels[rows] == k, scores[rows, k])[labels[rows] == k].mean() for k in range(3)])
            for scores in (a, b)
        ]
        drawn.append(areas[0] - areas[1])
    assert found.standard_error == pytest.approx(np.std(drawn), rel=0.1)


def test_what_delong_cannot_tell_it_says() -> None:
    labels, a, b = _scores(2)
    same = delong(labels, a, a)
    assert same == DeLong(0.0, 0.0, 1.0)
    assert isinstance(delong(np.array([0, 0, 1]), a[:3], b[:3]), NotEstimable)
    perfect, constant = np.eye(2)[labels], np.full((len(labels), 2), 0.5)
    assert isinstance(delong(labels, perfect, constant), NotEstimable)


def test_each_seed_has_its_own_record_and_the_label_stands_above(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, seeds=3, groups=16)
    found = fixed_pair.by_seed(from_table(table, simulated.CLASSES), "synthetic-edm-r1", "classic")
    assert found["about"] == "describes one fixed pair of models, not the arms"
    assert [each["seed"] for each in found["per_seed"]] == [0, 1, 2]
    assert all(each["mcnemar"]["candidate_only"] > 0 and each["delong"]["p"] < 1 for each in found["per_seed"])
    lacking = from_table(table[table["label"] != "pituitary"], simulated.CLASSES)
    refused = fixed_pair.by_seed(lacking, "synthetic-edm-r1", "classic")["per_seed"][0]["delong"]
    assert refused["p"] is None
    assert "fewer than two test images" in refused["why"]
