"""The accelerated interval is scipy's where both apply, and says so where there is none."""

import numpy as np
import pytest
from scipy import stats

from synthgain.evaluation.bca import MOST_BLOCKS, acceleration, bca, left_out
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components

PATIENTS_ONLY = Components(groups=1.0, seeds=0.0, n_groups=60, n_seeds=8)


def test_on_a_skewed_mean_it_is_scipys() -> None:
    random = np.random.default_rng(0)
    values = random.exponential(1, 60)
    drawn = random.multinomial(60, np.full(60, 1 / 60), size=40_000) / 60 @ values
    weights = left_out(60, 0)
    accelerated = acceleration(weights @ values / weights.sum(1), PATIENTS_ONLY)
    assert isinstance(accelerated, float)
    found = bca(drawn, values.mean(), accelerated, 0.95)
    reference = stats.bootstrap((values,), np.mean, n_resamples=40_000, method="BCa", rng=random).confidence_interval
    assert found == pytest.approx(tuple(reference), abs=0.012)
    percentile = np.quantile(drawn, [0.025, 0.975])
    assert found[0] > percentile[0] + 0.012
    assert found[1] > percentile[1] + 0.012


def test_without_bias_and_skewness_it_is_the_percentile_interval() -> None:
    drawn = np.linspace(-1, 1, 10_001)
    assert bca(drawn, 0.0, 0.0, 0.9) == pytest.approx((-0.9, 0.9), abs=1e-3)


def test_blocks_of_patients_keep_the_acceleration() -> None:
    values = np.random.default_rng(1).exponential(1, 1000)
    skewness = stats.skew(values) / (6 * np.sqrt(1000))
    found = []
    for seed in range(30):
        weights = left_out(1000, seed)
        assert weights.shape == (MOST_BLOCKS, 1000)
        assert ((1 - weights).sum(0) == 1).all()
        found.append(acceleration(weights @ values / weights.sum(1), PATIENTS_ONLY))
    assert np.mean(found) == pytest.approx(skewness, rel=0.15)


def test_variance_of_the_seeds_dilutes_it() -> None:
    jackknife = np.random.default_rng(2).exponential(1, 50)
    alone = acceleration(jackknife, PATIENTS_ONLY)
    half = acceleration(jackknife, Components(groups=1.0, seeds=8.0, n_groups=60, n_seeds=8))
    assert half == pytest.approx(alone / 2**1.5)


def test_where_there_is_none_it_says_why() -> None:
    broken = acceleration(np.array([0.1, np.nan]), PATIENTS_ONLY)
    assert broken == NotEstimable("a class is held by one patient alone")
    assert acceleration(np.zeros(9), PATIENTS_ONLY) == 0
    assert bca(np.full(99, 0.2), 0.2, 0.0, 0.95) == (0.2, 0.2)
    assert isinstance(bca(np.linspace(1, 2, 99), 0.0, 0.0, 0.95), NotEstimable)
    assert isinstance(bca(np.linspace(-1, 1, 99), 0.0, 0.9, 0.95), NotEstimable)
