"""The minimum detectable gain is that of the rule which is used."""

import numpy as np
import pytest
from scipy import stats

from synthgain.evaluation import detectable
from synthgain.evaluation.detectable import least_gains, minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components, holm, sign_flip_p


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
    patients, single, _, _ = detectable._draws(seeds, 60, detectable._PATTERNS)
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


def test_one_of_several_contrasts_needs_what_the_first_step_of_holm_asks_for() -> None:
    alone = minimum_detectable_gain(components(), 0.95)
    for family in (2, 3, 5):
        found = minimum_detectable_gain(components(), 0.95, family=family)
        assert isinstance(found, float)
        assert found > alone
        assert (least_gains(components(), 1 - 0.05 / family) < found).mean() == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize(("seeds", "family", "needed"), [(6, 2, 7), (8, 7, 9), (7, 4, 8)])
def test_where_no_p_value_survives_the_correction_it_is_not_estimable(seeds: int, family: int, needed: int) -> None:
    one_sided = np.ones(seeds)
    assert min(holm([sign_flip_p(one_sided)] * family)) >= 0.05
    found = minimum_detectable_gain(components(n_seeds=seeds), 0.95, family=family)
    assert isinstance(found, NotEstimable)
    assert f"(0.05 corrected for {family} comparisons), whatever the gain; {needed} seeds can" in found.why
    assert isinstance(minimum_detectable_gain(components(n_seeds=needed), 0.95, family=family), float)
    assert isinstance(minimum_detectable_gain(components(n_seeds=seeds), 0.95, family=family - 1), float)


def test_too_few_replicates_for_the_correction_detect_nothing_either() -> None:
    assert isinstance(minimum_detectable_gain(components(), 0.95, family=5, replicates=200), float)
    found = minimum_detectable_gain(components(), 0.95, family=6, replicates=200)
    assert isinstance(found, NotEstimable)
    assert found.why.startswith("with 200 replicates the bootstrap cannot reach p < 0.00833")


@pytest.mark.parametrize("level", [0.99, 0.9999])
def test_strict_levels_with_many_seeds_have_patterns_enough(level: float) -> None:
    found = minimum_detectable_gain(components(n_seeds=16), level, family=3)
    assert isinstance(found, float)
    assert found > minimum_detectable_gain(components(n_seeds=16), 0.95, family=3)


@pytest.mark.parametrize("seeds", [12, 14])
def test_drawn_patterns_stand_for_all(seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a strict level; there are 8,192 patterns of 14 seeds."""
    unsteady = components(groups=0.001**2, n_seeds=seeds)
    found = minimum_detectable_gain(unsteady, 0.999)
    monkeypatch.setattr(detectable, "_PATTERNS", 8192)
    monkeypatch.setattr(detectable, "_MOST_PATTERNS", 8192)
    every = minimum_detectable_gain(unsteady, 0.999)
    assert found == pytest.approx(every, rel=0.1 if seeds > 13 else 1e-9)


@pytest.mark.parametrize("seeds", [11, 12, 13])
def test_the_observed_pattern_is_compared_with_others_only(seeds: int) -> None:
    signs = detectable._sign_patterns(seeds, detectable._PATTERNS)
    assert np.flatnonzero(np.abs(signs.sum(1)) == seeds).tolist() == [0]


def test_without_any_variation_there_is_nothing_to_judge_by() -> None:
    assert isinstance(minimum_detectable_gain(components(groups=0.0, seeds=0.0), 0.95), NotEstimable)


def test_many_seeds_are_no_problem() -> None:
    found = minimum_detectable_gain(components(n_seeds=40), 0.95)
    assert isinstance(found, float)
    assert np.isfinite(found)
