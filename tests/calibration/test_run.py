"""The calibration counts what the rule says, and does so alike on any number of processes."""

from dataclasses import replace

import pytest

from synthgain.calibration import run as calibration
from synthgain.calibration.rates import TARGETS
from synthgain.calibration.run import run
from synthgain.calibration.scenarios import SCENARIOS, Scenario, Screening
from synthgain.errors import SynthgainError
from synthgain.evaluation.verdict import GAIN

SMALL = Scenario("small", "40 patients, 1 image each", patients=40, images=1)
FOIL = replace(SMALL, name="foil", bound=False)


@pytest.fixture(scope="module")
def found() -> dict:
    return run(60, 0, 1, [SMALL, FOIL])


def test_rates_are_counts_with_their_exact_intervals(found: dict) -> None:
    assert found["settings"]["studies"] == 60
    for record in found["scenarios"]:
        assert record["studies"] == 60
        assert record["not_estimable"] == 0
        for name in ("false_gain_rate", "coverage", "coverage_at_mdg", "power_at_mdg", "no_difference_at_margin"):
            rate = record[name]
            assert rate["rate"] == rate["count"] / rate["studies"]
            assert 0 <= rate["low"] <= rate["rate"] <= rate["high"] <= 1


def test_the_rule_keeps_its_promises_roughly_even_in_few_studies(found: dict) -> None:
    small = found["scenarios"][0]
    assert small["false_gain_rate"]["count"] <= 6
    assert small["coverage"]["rate"] >= 0.88
    assert small["power_at_mdg"]["rate"] >= 0.6
    assert small["minimum_detectable_gain"]["low"] < small["minimum_detectable_gain"]["median"]


def test_targets_bind_only_where_the_conditions_hold(found: dict) -> None:
    bound, foil = found["scenarios"]
    assert set(bound["met"]) == set(TARGETS)
    assert bound["met"]["power_at_mdg"] == (bound["power_at_mdg"]["rate"] >= 0.75)
    assert foil["met"] is None


def test_two_processes_find_the_same_as_one() -> None:
    tiny = [replace(each, patients=24, seeds=6) for each in (SMALL, FOIL)]
    assert run(4, 1, 2, tiny) == run(4, 1, 1, tiny)
    assert run(4, 2, 1, tiny) != run(4, 1, 1, tiny)


def test_after_a_screening_false_gains_are_counted_among_studies_without_a_true_one() -> None:
    screened = replace(SMALL, patients=24, screening=Screening(quality=0.4))
    found = run(40, 3, 1, [screened])["scenarios"][0]
    none, better = found["false_gain_rate"], found["power_at_mdg"]
    assert 0 < none["studies"] < 40
    assert none["studies"] + found["false_loss_rate"]["studies"] == 40
    assert better["studies"] == 40
    assert found["coverage"]["studies"] == 40
    assert found["coverage"]["rate"] > 0.8


def test_batches_are_parts_of_the_asked_number() -> None:
    batches = list(calibration._batches(SCENARIOS[8], 0.0, 103, 0))
    assert sum(batch.studies for batch in batches) == 103
    assert len({batch.number for batch in batches}) == len(batches)


def test_a_large_planted_gain_is_called_one() -> None:
    rows = calibration.judge_batch(calibration.Batch(replace(SMALL, patients=120), 0.2, 0, 8, 0))
    assert [row[0] for row in rows] == [GAIN] * 8


def test_too_few_studies_or_processes_are_refused() -> None:
    with pytest.raises(SynthgainError, match="--studies 1: rates need at least two"):
        run(1, 0, 1, [SMALL])
    with pytest.raises(SynthgainError, match="--workers 0: at least one process"):
        run(9, 0, 0, [SMALL])
