"""Scores for choices on validation, against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics as reference

from synthgain.classifiers.scores import balanced_accuracy, log_loss, macro_auroc

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 200)
PREDICTED = RNG.dirichlet((1, 1, 1), 200).round(1).clip(0.01)
PREDICTED /= PREDICTED.sum(1, keepdims=True)


def test_they_equal_the_reference() -> None:
    assert balanced_accuracy(PREDICTED, LABELS) == pytest.approx(
        reference.balanced_accuracy_score(LABELS, PREDICTED.argmax(1))
    )
    assert macro_auroc(PREDICTED, LABELS) == pytest.approx(
        reference.roc_auc_score(LABELS, PREDICTED, multi_class="ovr", average="macro")
    )
    assert log_loss(PREDICTED, LABELS) == pytest.approx(reference.log_loss(LABELS, PREDICTED))


def test_a_class_that_does_not_occur_leaves_them_finite() -> None:
    labels = np.zeros(200, np.int64)
    assert all(np.isfinite(score(PREDICTED, labels)) for score in (balanced_accuracy, macro_auroc, log_loss))


def test_certainty_that_is_wrong_costs_much_but_not_everything() -> None:
    assert 10 < log_loss(np.array([[1.0, 0.0]]), np.array([1])) < 20
