"""Intervals and tests against hand-computed, brute-force and simulated answers."""

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from synthgain.errors import SynthgainError
from synthgain.evaluation import statistics
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import (
    Components,
    CorrectedT,
    bootstrap_p,
    corrected_t,
    equivalence_p,
    expansion,
    holm,
    interval,
    sign_flip_p,
    two_level,
)


@pytest.mark.parametrize("seeds", [1, 2, 5, 8])
def test_sign_flip_counts_all_patterns_ties_included(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    for values in (random.normal(0.3, 1, seeds), random.integers(-2, 3, seeds).astype(float), np.ones(seeds)):
        sums = [abs(np.dot(signs, values)) for signs in itertools.product([1, -1], repeat=seeds)]
        expected = np.mean([total >= abs(values.sum()) - 1e-9 for total in sums])
        assert sign_flip_p(values) == pytest.approx(expected)


def test_sign_flip_agrees_with_scipys_permutation_test() -> None:
    values = np.random.default_rng(4).normal(0.4, 1, 9)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="two-sided", n_resamples=np.inf
    )
    assert sign_flip_p(values) == pytest.approx(reference.pvalue)


def test_sign_flip_at_its_ends() -> None:
    assert sign_flip_p([0.01] * 8) == pytest.approx(2 / 2**8)
    assert sign_flip_p([0.0] * 8) == 1
    assert sign_flip_p([0.3]) == 1
    assert sign_flip_p([0.1] * 30) < 0.001
    assert statistics.least_sign_flip_p(5) > 0.05 > statistics.least_sign_flip_p(6)


def test_holm_by_hand() -> None:
    # Sorted .005 .01 .03 .04 -> times 4, 3, 2, 1 -> .02 .03 .06 .04 -> running maximum .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_agrees_with_statsmodels() -> None:
    p_values = np.random.default_rng(0).beta(0.5, 3, 9).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_bootstrap_p_agrees_with_the_interval_and_is_never_zero() -> None:
    drawn = np.random.default_rng(0).normal(2.2, 1, 9999)
    p = bootstrap_p(drawn)
    low, high = interval(drawn, 1 - p)
    assert min(abs(low), abs(high)) < 0.01
    assert bootstrap_p(drawn + 100) == pytest.approx(2 / 10_000)
    assert bootstrap_p(np.zeros(999)) == 1


def test_few_units_are_expanded_to_students_quantile() -> None:
    assert expansion(8, 1, 0.95) == pytest.approx(np.sqrt(8 / 7) * stats.t.ppf(0.975, 7) / stats.norm.ppf(0.975))
    assert expansion(100_000, 1, 0.95) == pytest.approx(1, abs=1e-4)


def _shares(seeds: int, replicates: int, random: np.random.Generator) -> np.ndarray:
    return random.multinomial(seeds, np.full(seeds, 1 / seeds), size=replicates) / seeds


def test_seeds_alone_give_students_interval() -> None:
    random = np.random.default_rng(1)
    point = random.normal(0.02, 0.03, 20)
    values = np.tile(point, (4000, 1))
    replicates, components = two_level(point, values, _shares(20, 4000, random), level=0.95, n_groups=1000)
    reference = stats.t.interval(0.95, 19, point.mean(), stats.sem(point))
    assert interval(replicates, 0.95) == pytest.approx(reference, abs=0.003)
    assert components == Components(0, pytest.approx(point.var(ddof=1)), 1000, 20, 1, 0)


def test_patients_alone_give_students_interval() -> None:
    random = np.random.default_rng(2)
    effect = random.normal(0.02, 0.2, 60)
    drawn = random.multinomial(60, np.full(60, 1 / 60), size=4000) / 60 @ effect
    replicates, _ = two_level(
        np.full(8, effect.mean()), np.tile(drawn[:, None], 8), _shares(8, 4000, random), level=0.95, n_groups=60
    )
    reference = stats.t.interval(0.95, 59, effect.mean(), stats.sem(effect))
    assert interval(replicates, 0.95) == pytest.approx(reference, abs=0.006)


def test_what_belongs_to_single_images_of_single_seeds_is_taken_off_the_patients_but_not_off_the_total() -> None:
    random = np.random.default_rng(11)
    cells = random.normal(0, 0.3, (40, 8))
    cells -= cells.mean(1, keepdims=True) * 0.9  # by chance even fewer differences of patients than none
    weights = random.multinomial(40, np.full(40, 1 / 40), size=4000) / 40
    _, found = two_level(cells.mean(0), weights @ cells, _shares(8, 4000, random), level=0.95, n_groups=40)
    assert found.groups == 0
    assert found.total == pytest.approx(cells.mean(1).var(ddof=1) / 40, rel=0.1)


def test_equivalence_agrees_with_statsmodels_paired_tost() -> None:
    random = np.random.default_rng(6)
    candidate, baseline = random.normal(0.7, 0.01, 20), random.normal(0.7, 0.01, 20)
    point = candidate - baseline
    drawn, _ = two_level(point, np.tile(point, (40_000, 1)), _shares(20, 40_000, random), level=0.95, n_groups=1000)
    for margin in (0.011, 0.012, 0.014):
        reference = ttost_paired(candidate, baseline, -margin, margin)[0]
        assert equivalence_p(drawn, margin) == pytest.approx(reference, abs=0.01)


def test_equivalence_p_and_its_interval_say_the_same_and_it_is_never_zero() -> None:
    drawn = np.random.default_rng(7).normal(0.002, 0.01, 20_000)
    for margin in (0.01, 0.0184, 0.0185, 0.03):
        low, high = interval(drawn, 0.9)
        assert (equivalence_p(drawn, margin) < 0.05) == (-margin < low and high < margin)
    assert equivalence_p(drawn, 1.0) == 1 / 20_001


def test_repeated_splits_are_corrected_for_their_overlap() -> None:
    values = np.random.default_rng(8).normal(0.02, 0.03, 10)
    found = corrected_t(values, 1 / 4)
    assert isinstance(found, CorrectedT)
    t = values.mean() / np.sqrt((1 / 10 + 1 / 4) * values.var(ddof=1))
    assert (found.t, found.p) == pytest.approx((t, 2 * stats.t.sf(abs(t), 9)))
    assert found.low < values.mean() < found.high
    # With nothing shared it is the ordinary t-test.
    plain, reference = corrected_t(values, 1e-12), stats.ttest_1samp(values, 0)
    assert isinstance(plain, CorrectedT)
    assert (plain.t, plain.p) == pytest.approx((reference.statistic, reference.pvalue))
    assert (plain.low, plain.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))


def test_repeated_splits_that_tell_nothing_are_refused_or_said() -> None:
    assert isinstance(corrected_t([0.1, 0.1, 0.1], 0.25), NotEstimable)
    for values, ratio in (([0.1], 0.25), ([0.1, float("nan")], 0.25), ([0.1, 0.2], 0.0)):
        with pytest.raises(SynthgainError, match="two or more finite differences and a positive ratio"):
            corrected_t(values, ratio)


def test_replicates_that_lack_a_class_are_left_out() -> None:
    random = np.random.default_rng(3)
    values = random.normal(0, 1, (500, 6))
    values[::10, 2] = np.nan
    replicates, _ = two_level(np.zeros(6), values, _shares(6, 500, random), level=0.95, n_groups=50)
    assert len(replicates) == 450
    assert np.isfinite(replicates).all()


@pytest.mark.parametrize("patients, seeds, images", [(0.1, 0.01, 0.2), (0.02, 0.04, 0.2), (0.02, 0.005, 1.0)])
def test_the_interval_covers_a_true_difference(patients: float, seeds: float, images: float) -> None:
    """Differences with patient, seed and image noise, 40 patients and 8 seeds: 95 % nominal."""
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        cells = (
            0.03 + random.normal(0, patients, (40, 1)) + random.normal(0, seeds, 8) + random.normal(0, images, (40, 8))
        )
        weights = random.multinomial(40, np.full(40, 1 / 40), size=400) / 40
        replicates, _ = two_level(
            cells.mean(0), weights @ cells, _shares(8, 400, random), level=0.95, n_groups=40
        )  # fmt: skip
        low, high = interval(replicates, 0.95)
        covered += low <= 0.03 <= high
    assert 0.92 <= covered / 300 <= 0.99
