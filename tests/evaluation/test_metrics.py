"""Metrics agree with scikit-learn, and say so where the data do not determine them."""

import numpy as np
import pytest
from sklearn import metrics as reference

from synthgain.errors import SynthgainError
from synthgain.evaluation import metrics
from synthgain.evaluation.metrics import METRICS, NotEstimable


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, 200)


@pytest.fixture(scope="module")
def probabilities(labels: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(1)
    chances = random.dirichlet([1, 1, 1], len(labels)) + np.eye(3)[labels] * 0.4
    return (chances / chances.sum(1, keepdims=True)).round(2) + 0.0


def test_definitions_are_those_of_scikit_learn(labels: np.ndarray, probabilities: np.ndarray) -> None:
    predicted = probabilities.argmax(1)
    onehot = np.eye(3)[labels]
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
        "macro_f1": reference.f1_score(labels, predicted, average="macro"),
        "macro_auroc": reference.roc_auc_score(onehot, probabilities, average="macro"),
        "macro_auprc": reference.average_precision_score(onehot, probabilities, average="macro"),
        "log_loss": reference.log_loss(onehot, probabilities.clip(1e-7, 1)),
        "brier": 3 * reference.mean_squared_error(onehot, probabilities),
    }
    for name, value in expected.items():
        assert METRICS[name](labels, probabilities) == pytest.approx(value, abs=1e-6), name
    assert metrics.recalls(labels, probabilities) == pytest.approx(
        reference.recall_score(labels, predicted, average=None).tolist()
    )


def test_a_class_without_an_image_makes_averages_over_classes_not_estimable(probabilities: np.ndarray) -> None:
    labels = np.resize([0, 1], len(probabilities))
    for name in ("balanced_accuracy", "macro_auroc", "macro_auprc", "macro_f1"):
        value = METRICS[name](labels, probabilities)
        assert isinstance(value, NotEstimable), name
        assert "class 2" in value.why
    for name in ("accuracy", "brier", "log_loss", "ece"):
        assert isinstance(METRICS[name](labels, probabilities), float), name
    recalls = metrics.recalls(labels, probabilities)
    assert isinstance(recalls[0], float)
    assert isinstance(recalls[2], NotEstimable)


@pytest.mark.parametrize("name", METRICS)
def test_nan_predictions_are_refused_by_row(name: str, labels: np.ndarray, probabilities: np.ndarray) -> None:
    broken = probabilities.copy()
    broken[17, 1] = np.nan
    with pytest.raises(SynthgainError, match=r"prediction 17 .* must be finite"):
        METRICS[name](labels, broken)
    with pytest.raises(SynthgainError, match="one per image"):
        METRICS[name](labels[:3], probabilities)


def test_certain_and_wrong_costs_a_finite_log_loss() -> None:
    assert metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_calibration_error_of_a_calibrated_model_is_that_of_its_null() -> None:
    random = np.random.default_rng(2)
    chances = random.dirichlet([1, 1], 400)
    null = metrics.ece_null(chances, np.random.default_rng(3))
    assert 0.01 < null.mean() < 0.1
    calibrated = [
        metrics.ece((random.random(400) < chances[:, 1]).astype(int), chances) for _ in range(100)
    ]  # fmt: skip
    assert np.mean([value for value in calibrated if isinstance(value, float)]) == pytest.approx(null.mean(), rel=0.1)
    boastful = np.where(chances > 0.5, 0.99, 0.01)
    assert metrics.ece((random.random(400) < chances[:, 1]).astype(int), boastful) > np.quantile(null, 0.99)


def test_calibration_error_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    # Bin at 0.9: both right, gap 0.1; bin at 0.6: one of two right, gap 0.1.
    assert metrics.ece(labels, probabilities) == pytest.approx(0.1)
