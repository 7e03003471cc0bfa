"""What is counted, against which truth, and out of how many."""

from typing import Any

import numpy as np
import pytest

from synthgain.calibration import rates
from synthgain.calibration.scenarios import Scenario
from synthgain.calibration.simulate import studies
from synthgain.evaluation.verdict import GAIN, INCONCLUSIVE, LOSS, NO_DIFFERENCE
from synthgain.seeding import rng

NAN = float("nan")


def judged(word: str, truth: float, low: float = -0.01, high: float = 0.03, bca: float = -0.01) -> rates.Judged:
    return word, truth, truth + 0.01, low, high, bca, high, 0.04


def counted(none: list[rates.Judged], **others: list[rates.Judged]) -> dict[str, Any]:
    at = {name: others.get(name, [judged(GAIN, 0.02)]) for name in ("at_mdg", "at_margin")}
    return rates.record(rates.columns(none), *(rates.columns(rows) for rows in at.values()), bound=True)


def test_a_gain_is_false_only_where_the_candidate_is_truly_no_better() -> None:
    rows = [judged(GAIN, 0.01), judged(GAIN, -0.01), judged(INCONCLUSIVE, 0.0), judged(LOSS, 0.01), judged(LOSS, -0.02)]
    found = counted(rows)
    assert (found["false_gain_rate"]["count"], found["false_gain_rate"]["studies"]) == (1, 3)
    assert (found["false_loss_rate"]["count"], found["false_loss_rate"]["studies"]) == (1, 3)
    assert found["studies"] == 5


def test_an_interval_covers_the_truth_of_its_own_study() -> None:
    found = counted([judged(GAIN, 0.02), judged(GAIN, -0.02), judged(GAIN, 0.05)], at_mdg=[judged(GAIN, 0.04)] * 2)
    assert found["coverage"]["count"] == 1
    assert (found["coverage_at_mdg"]["count"], found["coverage_at_mdg"]["studies"]) == (0, 2)


def test_what_is_not_estimable_is_counted_and_covers_nothing() -> None:
    nothing = (rates.NOT_ESTIMABLE, 0.0, *[NAN] * 6)
    found = counted([judged(INCONCLUSIVE, 0.0), judged(INCONCLUSIVE, 0.0, bca=NAN), nothing], at_mdg=[nothing])
    assert (found["coverage"]["count"], found["coverage"]["studies"]) == (2, 3)
    assert (found["coverage_bca"]["count"], found["coverage_bca"]["studies"]) == (1, 3)
    assert (found["coverage_at_mdg"]["count"], found["coverage_at_mdg"]["studies"]) == (0, 1)
    assert (found["not_estimable"], found["bca_not_estimable"]) == (2, 3)


def test_the_bias_is_the_mean_error_with_its_interval() -> None:
    rows = [(INCONCLUSIVE, truth, truth + error, *[0.0] * 5) for truth, error in ((0.0, 0.01), (0.1, 0.03))]
    found = counted(rows)["bias"]
    assert found["mean"] == pytest.approx(0.02)
    assert found["high"] - found["mean"] == pytest.approx(1.96 * 0.01)
    assert found["mean"] - found["low"] == pytest.approx(1.96 * 0.01)


def test_targets_are_met_by_rates_within_them_alone() -> None:
    met = counted([judged(INCONCLUSIVE, 0.0)] * 20, at_margin=[judged(NO_DIFFERENCE, 0.02)])["met"]
    assert met == {"false_gain_rate": True, "coverage": False, "power_at_mdg": True, "no_difference_at_margin": False}


def test_a_rate_has_its_exact_interval_and_that_of_no_study_says_nothing() -> None:
    assert rates.rate(np.zeros(100, bool))["high"] == pytest.approx(1 - 0.025 ** (1 / 100))
    found = rates.rate(np.arange(20) < 3)
    assert (found["low"], found["high"]) == pytest.approx((0.0321, 0.3789), abs=1e-4)
    assert rates.rate(np.zeros(0, bool)) == {"count": 0, "studies": 0, "rate": 0.0, "low": 0.0, "high": 1.0}


def test_a_class_that_too_few_patients_hold_is_not_estimable() -> None:
    drawn = studies(Scenario("", "", patients=21, images=1, shares=(0.96, 0.04)), 0.0, 2, rng(0))
    rows = rates.verdicts(drawn.predictions, drawn.truths, "balanced_accuracy", 0)
    assert [row[0] for row in rows] == [rates.NOT_ESTIMABLE] * 2
    assert np.isnan(rows[0][2:]).all()
