"""The minimum detectable gain is that of the rule which is used."""

import numpy as np
import pytest
from scipy import stats

from synthgain.evaluation import detectable
from synthgain.evaluation.detectable import least_gains, minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components, sign_flip_p


def components(**changes: float) -> Components:
    values = {"groups": 0.01**2, "seeds": 0.02**2, "n_groups": 100, "n_seeds": 8, "fitted": 4} | changes
    return Components(**values)  # type: ignore[arg-type]


def test_four_studies_in_five_find_it_and_fewer_find_less() -> None:
    gain = minimum_detectable_gain(components(), 0.95)
    assert isinstance(gain, float)
    least = least_gains(components(), 0.95, studies=20_000)
    assert (least < gain).mean() == pytest.approx(0.8, abs=0.02)
    assert (least < gain / 2).mean() < 0.5
    assert (least < 0).mean() < 0.03


@pytest.mark.parametrize("seeds", [6, 7, 8, 10])
def test_the_least_gain_is_where_both_tests_begin_to_pass(seeds: int) -> None:
    """Found in one step for each simulated study; here each study is judged anew just below and just above."""
    c = components(n_seeds=seeds)
    least = least_gains(c, 0.95, studies=60)
    patients, single, _, _ = detectable._draws(seeds, 60)
    differences = patients[:, None] * 0.01 + single * 0.02
    tail = stats.t.ppf(0.975, c.n_groups - c.fitted), stats.t.ppf(0.975, seeds - 1)
    half = np.sqrt(tail[0] ** 2 * c.groups + tail[1] ** 2 * single.var(1, ddof=1) * c.seeds / seeds)
    for gain, passes in ((least + 1e-6, True), (least - 1e-6, False)):
        moved = differences + gain[:, None]
        both = [sign_flip_p(row) < 0.05 and row.mean() > reach for row, reach in zip(moved, half, strict=True)]
        assert both == [passes] * 60


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
