"""Studies drawn from a pool of trainings: what is true of them is what the pool says."""

from dataclasses import replace

import numpy as np
import pytest

from synthgain.calibration import pool as pooled
from synthgain.calibration.rates import TARGETS
from synthgain.calibration.scenarios import Scenario
from synthgain.calibration.simulate import studies
from synthgain.errors import SynthgainError
from synthgain.evaluation.metrics import balanced_accuracy
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.verdict import GAIN
from synthgain.seeding import rng


@pytest.fixture(scope="module")
def pool() -> Predictions:
    """12 trainings of two arms, one of them stronger by some 15 points, 80 patients with 2 images each."""
    scenario = Scenario("", "", patients=80, images=2, seeds=12, shares=(0.6, 0.4))
    return replace(studies(scenario, 0.15, 1, rng(0)).predictions, arms=("oracle", "classic"))


def by_hand(pool: Predictions) -> float:
    scores = [[balanced_accuracy(pool.labels, each) for each in arm] for arm in pool.probabilities]
    return float(np.mean(scores[0]) - np.mean(scores[1]))


def test_the_truth_is_the_difference_of_the_means_over_the_pool(pool: Predictions) -> None:
    assert pooled.truth(pool) == pytest.approx(by_hand(pool))
    assert pooled.truth(pool) > 0.08


def test_without_a_gain_candidate_and_baseline_are_the_same_trainings(pool: Predictions) -> None:
    same = pooled.plant(pool, 0.0, 0)
    assert pooled.truth(same) == 0.0
    assert np.array_equal(same.probabilities[0], pool.probabilities[1])
    assert np.array_equal(same.probabilities[1], pool.probabilities[1])


@pytest.mark.parametrize("gain", [0.02, 0.06])
def test_a_gain_is_planted_patient_by_patient_and_known_exactly(pool: Predictions, gain: float) -> None:
    planted = pooled.plant(pool, gain, 0)
    assert pooled.truth(planted) == pytest.approx(gain, abs=0.006)
    assert pooled.truth(planted) == pytest.approx(by_hand(planted))
    moved = (planted.probabilities[0] == pool.probabilities[0]).all((0, 2))
    kept = (planted.probabilities[0] == pool.probabilities[1]).all((0, 2))
    assert (moved ^ kept).all()
    assert all(len(set(moved[pool.groups == group])) == 1 for group in range(pool.n_groups))
    assert 0 < moved.mean() < 1
    assert np.array_equal(planted.probabilities, pooled.plant(pool, gain, 0).probabilities)


def test_a_study_draws_trainings_and_patients_with_replacement(pool: Predictions) -> None:
    numbered = replace(pool, probabilities=np.zeros((2, 12, 160, 2), np.float32))
    numbered.probabilities[..., 0] = np.arange(160)
    numbered.probabilities[..., 1] = 100 * np.arange(2)[:, None, None] + np.arange(12)[:, None]
    study = pooled.draw(numbered, 8, rng(1))
    assert study.probabilities.shape == (2, 8, 160, 2)
    images = study.probabilities[0, 0, :, 0].astype(int)
    assert (study.probabilities[..., 0] == images).all()
    assert np.array_equal(study.labels, pool.labels[images])
    assert study.n_groups == 80
    assert all(len(set(pool.groups[images[study.groups == group]])) == 1 for group in range(80))
    assert (np.bincount(study.groups) == 2).all()
    assert len(set(pool.groups[images])) < 70
    trainings = study.probabilities[:, :, 0, 1]
    assert set(trainings[0]) != set(trainings[1] - 100)
    assert len(set(trainings[0])) < 8


def test_the_mean_over_studies_is_the_truth(pool: Predictions) -> None:
    planted = pooled.plant(pool, 0.06, 0)
    errors = np.array([pooled.truth(pooled.draw(planted, 4, rng(2, k))) for k in range(300)]) - pooled.truth(planted)
    assert errors.mean() == pytest.approx(0, abs=3.5 * errors.std() / np.sqrt(300))


def test_the_record_has_the_rates_of_every_scenario_and_what_was_planted(pool: Predictions) -> None:
    found = pooled.run(pool, 20, 0, 1)
    assert set(found["met"]) == set(TARGETS)
    assert found["arms"] == ["oracle", "classic"]
    assert (found["trainings"], found["seeds"], found["patients"], found["studies"]) == (12, 8, 80, 20)
    assert found["false_gain_rate"]["studies"] == 20
    assert found["false_gain_rate"]["count"] <= 3
    assert found["coverage"]["count"] >= 16
    assert found["power_at_mdg"]["count"] >= 10
    assert found["truth_at_mdg"] == pytest.approx(found["minimum_detectable_gain"]["median"], abs=0.015)
    assert found["truth_at_margin"] == pytest.approx(0.02, abs=0.006)


def test_what_is_planted_is_what_studies_of_such_a_gain_print(pool: Predictions) -> None:
    # Trainings of an arm differ on one patient alone: without a gain, studies print hardly any as detectable.
    alike = np.repeat(pool.probabilities[:, :1], 12, axis=1)
    alike[1, ::2] = np.where(pool.groups[:, None] == 0, 1 - alike[1, 0], alike[1, 0])
    found = pooled.run(replace(pool, probabilities=alike), 20, 0, 1)
    assert found["truth_at_mdg"] == pytest.approx(found["minimum_detectable_gain"]["median"], rel=0.3)


def test_two_processes_find_the_same_as_one(pool: Predictions) -> None:
    assert pooled.run(pool, 3, 0, 2) == pooled.run(pool, 3, 0, 1)


def test_a_large_gain_of_real_trainings_is_called_one(pool: Predictions) -> None:
    stronger = replace(pool, arms=("candidate", "baseline"))
    rows = pooled.judge_batch(pooled.Batch(stronger, "whole", 0, 4, 0))
    assert [row[0] for row in rows] == [GAIN] * 4
    assert {row[1] for row in rows} == {pooled.truth(pool)}
    assert len({row[2] for row in rows}) == 4


def test_too_few_studies_are_refused(pool: Predictions) -> None:
    with pytest.raises(SynthgainError, match="--studies 1: rates need at least two"):
        pooled.run(pool, 1, 0, 1)
