"""Simulated studies hold the truth that was planted."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from synthgain.calibration import simulate
from synthgain.calibration.rates import RULE
from synthgain.calibration.scenarios import SCENARIOS, Noise, Scenario, Screening
from synthgain.evaluation import gain
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.evaluation.resampling import MEASURES
from synthgain.seeding import rng

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("usual", "", patients=60, images=2),
        Scenario("rare", "", patients=100, images=1, shares=(0.7, 0.2, 0.1)),
        replace(BY_NAME["1 generator"], patients=40, images=1),
        replace(BY_NAME["macro AUROC"], patients=40, images=1, seeds=3),
        replace(BY_NAME["uneven patients"], patients=40),
    ],
    ids=lambda scenario: scenario.name,
)
@pytest.mark.parametrize("planted", [0.0, 0.06])
def test_the_mean_over_studies_is_the_planted_gain(scenario: Scenario, planted: float) -> None:
    studies = simulate.studies(scenario, planted, 150, rng(0, "test", scenario.name))
    assert studies.truths == pytest.approx(planted)
    p = studies.predictions
    scores = MEASURES[scenario.metric](p)(np.ones((1, p.n_groups), np.float32))[0]
    differences = (scores[0::2] - scores[1::2]).mean(1)
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    assert differences.mean() == pytest.approx(planted, abs=3.5 * error)
    base = simulate.AUROC if scenario.metric == "macro_auroc" else simulate.ACCURACY
    assert scores[1::2].mean() == pytest.approx(base, abs=0.02)


def test_classes_have_their_shares_and_patients_one_class() -> None:
    p = simulate.studies(BY_NAME["a rare class"], 0.0, 1, rng(0)).predictions
    assert (np.bincount(p.labels) / len(p.labels)).tolist() == pytest.approx([0.5, 0.3, 0.152, 0.048])
    assert all(len(set(p.labels[p.groups == g])) == 1 for g in range(p.n_groups))
    assert p.n_groups == 250


def test_images_of_a_patient_go_together_and_generators_move_all_their_seeds() -> None:
    steady = Noise(patient=2.0, image=0.0, patient_arm=0.0, seed=0.0, own=0.0)
    p = simulate.studies(Scenario("", "", patients=30, images=3, noise=steady), 0.0, 2, rng(0)).predictions
    right = (p.probabilities.argmax(-1) == p.labels).reshape(4, 8, 30, 3)
    assert (right == right[:, :1, :, :1]).all()
    moved = replace(steady, patient=0.5, image=1.0, generator=2.0)
    shared, own = (
        simulate.studies(Scenario("", "", noise=moved, generators=count), 0.0, 4, rng(1)).predictions.probabilities[::2]
        for count in (1, 8)
    )
    assert (shared == shared[:, :1]).all()
    assert not (own == own[:, :1]).all()


def test_patients_have_few_images_or_many_and_of_mixed_classes() -> None:
    uneven = BY_NAME["uneven patients"]
    p = simulate.studies(replace(uneven, patients=2000), 0.0, 1, rng(4)).predictions
    sizes = np.bincount(p.groups)
    assert (sizes.min(), sizes.max()) == (1, 30)
    assert sizes.mean() == pytest.approx(6, abs=0.5)
    assert np.median(sizes) < sizes.mean()
    mixed = np.array([len(set(p.labels[p.groups == g])) > 1 for g in range(p.n_groups)])
    assert mixed[sizes >= 10].mean() > 0.9
    assert (np.bincount(p.labels) / len(p.labels)).tolist() == pytest.approx([0.25] * 4, abs=0.03)


def test_the_rule_is_bound_where_patients_are_uneven_and_where_arms_treat_them_alike() -> None:
    assert BY_NAME["uneven patients"].bound
    assert BY_NAME["arms alike on patients"].bound
    assert BY_NAME["arms alike on patients"].noise.patient_arm == 0


UNLIKE = Scenario("", "", patients=60, images=4, screening=Screening(quality=0.4, patients=100))


def found(p: Predictions) -> npt.NDArray[np.float64]:
    """Candidate minus baseline of each study."""
    right = (p.probabilities.argmax(-1) == p.labels).mean((1, 2))
    return right[0::2] - right[1::2]


def test_the_quality_of_the_chosen_arms_is_the_truth_and_shows_in_the_confirmation() -> None:
    studies = simulate.studies(UNLIKE, None, 200, rng(5))
    assert studies.truths.std() > 0.05
    assert np.corrcoef(studies.truths, found(studies.predictions))[0, 1] > 0.9
    assert (found(studies.predictions) - studies.truths).mean() == pytest.approx(0, abs=0.01)


def test_screening_decides_which_arms_are_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    one_baseline = replace(UNLIKE, screening=Screening(baselines=1, quality=0.4, patients=100))
    usual = simulate.studies(one_baseline, None, 200, rng(6))
    seen = simulate._seen
    monkeypatch.setattr(simulate, "_seen", lambda *given: -seen(*given))
    worst = simulate.studies(one_baseline, None, 200, rng(6))
    assert usual.truths.mean() > 0.05
    assert worst.truths.mean() < -0.05
    assert not np.array_equal(usual.predictions.probabilities, worst.predictions.probabilities)


def test_a_gain_that_is_planted_after_a_screening_is_the_truth_of_every_study() -> None:
    studies = simulate.studies(UNLIKE, 0.03, 200, rng(7))
    assert studies.truths == pytest.approx(0.03)
    errors = found(studies.predictions) - 0.03
    assert errors.mean() == pytest.approx(0, abs=3.5 * errors.std() / np.sqrt(200))
    baselines = (studies.predictions.probabilities[1::2].argmax(-1) == studies.predictions.labels).mean((1, 2))
    assert baselines.mean() > simulate.ACCURACY + 0.03


def test_choosing_and_confirming_on_the_same_seeds_flatters_and_fresh_seeds_do_not() -> None:
    unsteady = Noise(seed=0.4)
    means = []
    for screening in (Screening(baselines=1), Screening(baselines=1, seeds=8, fresh=False, patients=200)):
        scenario = Scenario("", "", patients=40, images=1, noise=unsteady, screening=screening)
        studies = simulate.studies(scenario, None, 300, rng(2))
        means.append(float((found(studies.predictions) - studies.truths).mean()))
    fresh, same = means
    assert abs(fresh) < 0.02
    assert same > 0.02


def test_a_simulated_study_is_judged_as_its_predictions_table_would_be() -> None:
    scenario = Scenario("", "", patients=32, images=2)
    p = simulate.studies(scenario, 0.05, 3, rng(3)).predictions
    rows = [
        {"arm": arm, "seed": seed, "split": "test", "image_id": f"{n:04d}", "group": f"{p.groups[n]:04d}",
         "label": p.classes[p.labels[n]], **{f"p{k}": float(value) for k, value in enumerate(chances)}}
        for a, arm in enumerate(p.arms) if arm.endswith("-2")
        for s, seed in enumerate(p.seeds)
        for n, chances in enumerate(p.probabilities[a, s])
    ]  # fmt: skip
    pair = gain.Pair("candidate-2", "baseline-2", "balanced_accuracy")
    one = gain.find(Resampled(from_table(pd.DataFrame(rows), p.classes), 300, 7, RULE.level), pair, RULE)
    many = gain.find(Resampled(p, 300, 7, RULE.level, only=["balanced_accuracy"]), pair, RULE)
    assert isinstance(one, gain.Found)
    assert one == many
