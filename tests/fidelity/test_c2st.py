"""The classifier two-sample test: its classifier, its folds, its false alarms."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthgain.fidelity.c2st import PENALTY, accuracy, c2st, logistic


@pytest.mark.parametrize("count", [6, 300])
def test_the_classifier_is_scikit_learns_logistic_regression(count: int) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(120, count))
    sides = np.stack([random.random(120) < 0.4, features[:, 0] + random.normal(size=120) > 0.3], axis=1)
    weights, offsets = logistic(features, sides)
    for column in range(2):
        known = LogisticRegression(C=1 / PENALTY, tol=1e-8, max_iter=1000).fit(features, sides[:, column])
        assert weights[:, column] == pytest.approx(known.coef_[0], rel=2e-3, abs=1e-4)
        assert offsets[column] == pytest.approx(known.intercept_[0], rel=2e-3, abs=1e-4)


def clustered(seed: int, patients: int, images: int, features: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Images of a patient that nearly equal each other; every feature has variance 1."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), images)
    own = random.normal(size=(patients, features))[groups]
    return np.sqrt(0.95) * own + np.sqrt(0.05) * random.normal(size=own.shape), groups


@pytest.mark.parametrize("images", [1, 4])
def test_one_distribution_is_seldom_told_apart_also_where_patients_have_several_images(images: int) -> None:
    alarms, accuracies = 0, []
    for seed in range(100):
        real, groups = clustered(seed, 40, images)
        synthetic = np.random.default_rng(1000 + seed).normal(size=(60, 16))
        found = c2st(
            synthetic, real, (1000 + np.arange(60), groups), level=0.95, rng=np.random.default_rng(seed)
        )  # fmt: skip
        alarms += found.p <= 0.05
        accuracies.append(found.accuracy)
    assert alarms <= 11  # 95 % of binomial(100, 0.05) lie below 10
    assert abs(np.mean(accuracies) - 0.5) < 0.03


def test_a_shift_is_found() -> None:
    real, groups = clustered(0, 40, 4)
    synthetic = np.random.default_rng(1).normal(0.8, 1, (60, 16))
    found = c2st(synthetic, real, (1000 + np.arange(60), groups), level=0.95, rng=np.random.default_rng(0))
    assert found.p == 1 / 200
    assert 0.5 < found.low < found.accuracy < found.high <= 1


def test_a_patient_is_never_on_both_sides_of_a_fold() -> None:
    # Both sides show the same patients: who has seen a patient's image in training would call the other image by it.
    real, groups = clustered(0, 30, 6, features=60)
    one, other = np.arange(180) % 6 < 3, np.arange(180) % 6 >= 3
    apart = accuracy(real[one], real[other], (groups[one], groups[other]), rng=np.random.default_rng(0))
    side = np.random.default_rng(1).random(30) < 0.5
    leaked = [
        accuracy(real[side[groups]], real[~side[groups]], numbers, rng=np.random.default_rng(0))
        for numbers in [
            (groups[side[groups]], groups[~side[groups]]),
            tuple(np.arange(180)[part] for part in (side[groups], ~side[groups])),
        ]
    ]
    assert apart < 0.6
    assert leaked[0] < 0.7 < 0.9 < leaked[1]


def test_unequal_sides_and_constant_features_give_chance() -> None:
    constant = np.ones((50, 4))
    found = c2st(
        constant[:20], constant, (np.arange(20), 100 + np.arange(50)), level=0.95, rng=np.random.default_rng(0)
    )  # fmt: skip
    assert found.accuracy == pytest.approx(0.5, abs=0.01)
    random = np.random.default_rng(3)
    values = accuracy(
        random.normal(size=(40, 3)), random.normal(size=(800, 3)), (np.arange(40), 100 + np.arange(800)), rng=random
    )
    assert 0.3 < values < 0.7


def test_one_patient_on_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="two patients"):
        accuracy(np.ones((9, 2)), np.ones((9, 2)), (np.zeros(9, int), np.arange(9)), rng=np.random.default_rng(0))
