"""The minimum detectable gain is that of the rule which is used."""

import numpy as np
import pytest

from synthgain.evaluation.detectable import Studies, minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components


def components(**changes: float) -> Components:
    values = {"groups": 0.01**2, "seeds": 0.02**2, "n_groups": 100, "n_seeds": 8, "fitted": 4} | changes
    return Components(**values)  # type: ignore[arg-type]


def test_four_studies_in_five_find_it_and_fewer_find_less() -> None:
    gain = minimum_detectable_gain(components(), 0.95)
    assert isinstance(gain, float)
    studies = Studies.of(components(), 0.95, count=20_000)
    assert studies.called(gain, 0.05) == pytest.approx(0.8, abs=0.02)
    assert studies.called(gain / 2, 0.05) < 0.5
    assert studies.called(0, 0.05) < 0.03


def test_it_falls_with_more_seeds_more_patients_and_a_lower_level() -> None:
    usual = minimum_detectable_gain(components(), 0.95)
    assert minimum_detectable_gain(components(n_seeds=20), 0.95) < usual
    assert minimum_detectable_gain(components(groups=0.002**2), 0.95) < usual
    assert minimum_detectable_gain(components(), 0.9) < usual


def test_with_large_samples_it_is_the_textbook_value() -> None:
    found = minimum_detectable_gain(components(seeds=0.02**2 / 100, n_groups=100_000), 0.95)
    assert found == pytest.approx((1.96 + 0.84) * 0.01, rel=0.05)


def test_too_few_seeds_detect_nothing_and_it_says_how_many_would() -> None:
    found = minimum_detectable_gain(components(n_seeds=5), 0.95)
    assert isinstance(found, NotEstimable)
    assert "6 seeds can" in found.why
    assert isinstance(minimum_detectable_gain(components(n_seeds=6), 0.95), float)
    assert isinstance(minimum_detectable_gain(components(n_seeds=1), 0.95), NotEstimable)


def test_without_any_variation_there_is_nothing_to_judge_by() -> None:
    assert isinstance(minimum_detectable_gain(components(groups=0.0, seeds=0.0), 0.95), NotEstimable)


def test_many_seeds_are_no_problem() -> None:
    found = minimum_detectable_gain(components(n_seeds=40), 0.95)
    assert isinstance(found, float)
    assert np.isfinite(found)
