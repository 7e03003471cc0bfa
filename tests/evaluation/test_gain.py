"""Whole studies with a known answer."""

import json
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from synthgain.errors import SynthgainError
from synthgain.evaluation import gain
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.predictions import from_table
from synthgain.evaluation.statistics import Components
from synthgain.evaluation.verdict import Rule, judge
from synthgain.schema import Evaluation

EVALUATION = Evaluation(replicates=800)


def headline(**changes: Any) -> dict[str, Any]:
    return {
        "candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "margin": 0.02,
        "level": 0.95,
    } | changes  # fmt: skip


def evaluated(
    simulated: ModuleType, table: pd.DataFrame, classes: tuple[str, ...] = (), folds: int = 1, **changes: Any
) -> dict[str, Any]:
    predictions = from_table(table, classes or simulated.CLASSES)
    found = gain.evaluate(predictions, headline(**changes), EVALUATION, seed=0, folds=[headline(**changes)] * folds)
    json.dumps(found, allow_nan=False)
    return found


@pytest.fixture(scope="module")
def planted(simulated: ModuleType) -> dict[str, Any]:
    arms = {
        "classic": 0,
        "oversample": 0.02,
        "synthetic-edm-r1": 0.8,
        "oracle": 1.2,
        "synthetic-gan-r1": -0.8,
        "real": -0.3,
    }
    return evaluated(simulated, simulated.table(arms))


def test_a_planted_gain_is_found_and_the_rest_judged_by_the_same_rule(planted: dict[str, Any]) -> None:
    assert planted["verdict"]["word"] == planted["headline"]["word"] == "gain"
    assert planted["verdict"]["sentence"].startswith("gain: synthetic-edm-r1 beats classic by +")
    assert "conditional on this trained generator" in planted["verdict"]["sentence"]
    words = {each["candidate"]: each["word"] for each in planted["secondary"]}
    assert words == {"oversample": words["oversample"], "oracle": "gain", "synthetic-gan-r1": "loss"}
    assert words["oversample"] in ("inconclusive", "no difference")
    assert planted["not_the_claim"]["baseline"] == "real"


def test_the_record_is_whole(planted: dict[str, Any]) -> None:
    assert (planted["n_test"], planted["n_groups"], planted["seeds"]) == (320, 80, 8)
    for each in [planted["headline"], *planted["secondary"], planted["not_the_claim"]]:
        assert each["low"] < each["equivalence_low"] <= each["difference"] <= each["equivalence_high"] < each["high"]
        assert each["p"] == max(each["p_bootstrap"], each["p_sign_flip"])
        assert len(each["per_seed"]) == 8
        assert sum(each["per_seed"]) / 8 == pytest.approx(each["difference"])
        assert each["minimum_detectable_gain"] > 0
        assert each["bca_low"] < each["difference"] < each["bca_high"]
        assert each["bca_low"] == pytest.approx(each["low"], abs=0.01)
        inside = each["equivalence_low"] > -0.02 and each["equivalence_high"] < 0.02
        assert (each["p_equivalence"] < 0.05) == inside
    pairs = planted["fixed_pairs"]
    assert (pairs["candidate"], pairs["baseline"], len(pairs["per_seed"])) == ("synthetic-edm-r1", "classic", 8)
    assert all(each["p_holm"] >= each["p"] for each in planted["secondary"])
    assert "p_holm" not in planted["headline"]
    arms = planted["arms"]
    difference = arms["synthetic-edm-r1"]["balanced_accuracy"]["mean"] - arms["classic"]["balanced_accuracy"]["mean"]
    assert difference == pytest.approx(planted["headline"]["difference"], abs=1e-6)
    for record in arms.values():
        assert (
            record["balanced_accuracy"]["low"]
            < record["balanced_accuracy"]["mean"]
            < record["balanced_accuracy"]["high"]
        )
        assert record["ece"]["low"] is None
        assert record["ece"]["null"] > 0
        assert set(record["recall"]) == set(planted["classes"])


def test_flat_numbers_and_tables(planted: dict[str, Any]) -> None:
    flat = gain.metrics(planted)
    assert flat["verdict"] == 1
    assert flat["gain"] == planted["headline"]["difference"]
    assert flat["oracle/balanced_accuracy"] == planted["arms"]["oracle"]["balanced_accuracy"]["mean"]
    assert all(isinstance(value, int | float) for value in flat.values())
    rows = pd.DataFrame(gain.arm_rows(planted))
    assert len(rows) == 6 * (8 + 4)
    text = gain.table(json.loads(json.dumps(planted, sort_keys=True))).splitlines()
    assert text[2].startswith("> synthetic-edm-r1")
    assert text[2].endswith("gain")
    assert text[3].split()[0] == "classic"
    assert "(baseline)" in text[3]
    assert any("real" in line and "(not compared)" in line for line in text)


def test_the_same_predictions_give_the_same_bytes(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.2}, groups=24, images=2)
    shuffled = table.sample(frac=1, random_state=1).sort_values("arm", kind="stable")
    assert evaluated(simulated, table) == evaluated(simulated, shuffled)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc"])
def test_an_arm_against_itself_is_no_difference(simulated: ModuleType, metric: str) -> None:
    found = evaluated(
        simulated, simulated.table({"classic": 0, "classic-again": 0}), candidate="classic-again", metric=metric
    )
    assert found["verdict"]["word"] == "no difference"
    assert found["headline"]["difference"] == 0
    assert found["headline"]["p"] == 1
    assert found["headline"]["minimum_detectable_gain"] is None
    assert "no variation" in found["headline"]["minimum_detectable_gain_why"]


def test_arms_of_equal_strength_are_hardly_ever_called_a_gain(simulated: ModuleType) -> None:
    rule, pair = Rule(0.95, 0.02, 6, 20), gain.Pair("synthetic-edm-r1", "classic", "balanced_accuracy")
    words = []
    for seed in range(30):
        table = simulated.table({"classic": 0, "synthetic-edm-r1": 0}, groups=40, images=2, seed=seed)
        found = gain.find(Resampled(from_table(table, simulated.CLASSES), 300, 0, 0.95), pair, rule)
        assert isinstance(found, gain.Found)
        words.append(judge(found.evidence, rule)[0])
    assert words.count("gain") <= 2
    assert words.count("loss") <= 2


@pytest.mark.parametrize("seeds, groups, reason", [(1, 80, "1 seed, a claim needs 6"), (8, 16, "16 test patients")])
def test_a_small_study_is_inconclusive_however_large_the_difference(
    simulated: ModuleType, seeds: int, groups: int, reason: str
) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 2}, seeds=seeds, groups=groups)
    found = evaluated(simulated, table)
    assert found["verdict"]["word"] == "inconclusive"
    assert reason in found["verdict"]["sentence"]
    assert "verdict" not in gain.metrics(found)
    known = found["headline"]["minimum_detectable_gain"]
    assert known is None if seeds == 1 else known > 0


def test_a_class_missing_in_test_is_said_and_nothing_crashes(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=24)
    table = table[table["label"] != "pituitary"]
    found = evaluated(simulated, table)
    assert found["verdict"] == {
        "word": "inconclusive", "reasons": ["no test image of class pituitary"], "condition": None,
        "sentence": "inconclusive: synthetic-edm-r1 against classic cannot be judged: no test image of class pituitary",
    }  # fmt: skip
    assert found["headline"]["difference"] is None
    assert found["arms"]["classic"]["balanced_accuracy"]["mean"] is None
    assert found["arms"]["classic"]["accuracy"]["low"] > 0
    assert found["arms"]["classic"]["recall"]["pituitary"]["why"] == "no test image of this class"
    assert "not estimable" in gain.table(found)
    assert gain.metrics(found)["n_test"] == len(table) / 16


def test_a_class_of_one_patient_gives_no_interval(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=40)
    table = table[(table["label"] != "pituitary") | (table["group"] == "p3")]
    found = evaluated(simulated, table)
    assert found["verdict"]["word"] == "inconclusive"
    assert "lack a class" in found["headline"]["why"]
    assert found["arms"]["classic"]["balanced_accuracy"]["mean"] is not None


def test_the_recall_of_a_class_counts_its_own_patients_alone(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=80)

    def recall(patients: int) -> dict[str, Any]:
        kept = table[table["label"] == "pituitary"]["group"].drop_duplicates()[:patients]
        part = table[(table["label"] != "pituitary") | table["group"].isin(kept)]
        record: dict[str, Any] = evaluated(simulated, part)["arms"]["classic"]["recall"]["pituitary"]
        return record

    few, more = recall(4), recall(8)
    assert few["mean"] is not None
    assert few["low"] is few["high"] is None
    assert few["low_why"] == "4 patients or groups with this class, 5 needed for an interval"
    assert more["low"] < more["mean"] < more["high"]


def test_two_classes_and_one_patient(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=24, classes=("ill", "well"))
    assert evaluated(simulated, table, ("ill", "well"))["headline"]["low"] is not None
    one = evaluated(simulated, table.assign(group="only"), ("ill", "well"))
    assert one["verdict"]["word"] == "inconclusive"


def _constant(table: pd.DataFrame, arm: str, simulated: ModuleType) -> pd.DataFrame:
    """The table with an arm that calls every image a glioma, equally sure of itself."""
    chosen = table["arm"] == arm
    for k in range(len(simulated.CLASSES)):
        table.loc[chosen, f"p{k}"] = 0.7 if k == 0 else 0.1
    return table


@pytest.mark.parametrize("metric, level", [("balanced_accuracy", 0.25), ("macro_auroc", 0.5)])
def test_a_constant_classifier_is_judged_like_any_other(simulated: ModuleType, metric: str, level: float) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=60)
    found = evaluated(simulated, _constant(table, "synthetic-edm-r1", simulated), metric=metric)
    assert found["verdict"]["word"] == "loss"
    record = found["arms"]["synthetic-edm-r1"][metric]
    assert record["mean"] == pytest.approx(level)
    assert record["low"] == record["high"] == pytest.approx(level, abs=1e-6)
    both = evaluated(simulated, _constant(table, "classic", simulated), metric=metric)
    assert both["verdict"]["word"] == "no difference"
    assert both["headline"]["minimum_detectable_gain"] is None


def test_a_perfect_classifier_against_a_constant_one_leaves_no_number_undefined(simulated: ModuleType) -> None:
    table = _constant(simulated.table({"classic": 0, "synthetic-edm-r1": 0}, groups=40), "classic", simulated)
    perfect = table["arm"] == "synthetic-edm-r1"
    for k, name in enumerate(simulated.CLASSES):
        table.loc[perfect, f"p{k}"] = (table.loc[perfect, "label"] == name).astype(float)
    found = evaluated(simulated, table, metric="macro_auroc")
    assert found["headline"]["difference"] == pytest.approx(0.5)
    assert "no variation" in found["fixed_pairs"]["per_seed"][0]["delong"]["why"]
    assert "no variation" in found["headline"]["minimum_detectable_gain_why"]
    assert found["arms"]["synthetic-edm-r1"]["log_loss"]["mean"] == pytest.approx(0)


@pytest.mark.parametrize("seeds, word", [(5, "inconclusive"), (6, "gain")])
def test_one_seed_fewer_than_the_sign_flip_test_needs_and_just_enough(
    simulated: ModuleType, seeds: int, word: str
) -> None:
    found = evaluated(simulated, simulated.table({"classic": 0, "synthetic-edm-r1": 2}, seeds=seeds))
    assert found["verdict"]["word"] == word
    if word == "inconclusive":
        assert found["verdict"]["reasons"][0] == "5 seeds, a claim needs 6"
        assert "6 seeds can" in found["headline"]["minimum_detectable_gain_why"]


def test_one_image_or_one_class_in_all_is_said_and_nothing_crashes(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.5}, groups=24)
    one = evaluated(simulated, table[table["image_id"] == "i00000"])
    alone = evaluated(simulated, table[table["label"] == "glioma"], metric="macro_auroc")
    for found in (one, alone):
        assert found["verdict"]["word"] == "inconclusive"
        assert "no test image of class" in found["verdict"]["sentence"]
        assert found["arms"]["classic"]["macro_auroc"]["mean"] is None
        assert found["fixed_pairs"]["per_seed"][0]["delong"]["p"] is None


def test_intervals_of_two_seeds_stay_within_what_a_share_can_be(simulated: ModuleType) -> None:
    table = simulated.table({"classic": -1, "synthetic-edm-r1": 3}, seeds=2, groups=24, seed_noise=1.0)
    for record in evaluated(simulated, table)["arms"].values():
        for metric in ("balanced_accuracy", "accuracy", "macro_f1"):
            assert 0 <= record[metric]["low"] <= record[metric]["mean"] <= record[metric]["high"] <= 1


def test_an_undeclared_arm_is_named(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0}, groups=8, images=1, seeds=2)
    with pytest.raises(SynthgainError, match="headline arm 'synthetic-emd-r1' has no predictions; did you mean"):
        evaluated(simulated, table, candidate="synthetic-emd-r1")


def test_the_claim_says_which_generators_it_rests_on(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.8}, groups=40)
    own = evaluated(simulated, table.assign(generator_seed=table["seed"]))
    assert "with 8 trained generators" in own["verdict"]["sentence"]
    shared = evaluated(simulated, table.assign(generator_seed=table["seed"] % 2))
    assert "conditional on these 2 trained generators" in shared["verdict"]["sentence"]


@pytest.mark.parametrize(("strength", "word"), [(0.8, "gain"), (-0.8, "loss")])
def test_a_quick_look_at_few_patients_claims_nothing_and_folds_do(
    simulated: ModuleType, strength: float, word: str
) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": strength, "oracle": strength, "real": 0}, groups=48)
    found = evaluated(simulated, table)
    for each in (found["headline"], *found["secondary"], found["not_the_claim"]):
        assert each["word"] == "inconclusive"
        assert each["reasons"][0].startswith(
            "a quick look at 48 test patients or groups in one split; a claim needs 50"
        )
    assert found["verdict"]["condition"] == (
        "conditional on this trained generator; a quick look: fewer than 50 test patients or groups in one split"
    )
    assert found["verdict"]["condition"] in found["verdict"]["sentence"]
    crossed = evaluated(simulated, table, folds=5)
    for each in (crossed["headline"], *crossed["secondary"], crossed["not_the_claim"]):
        assert each["word"] == word
    assert "quick look" not in crossed["verdict"]["sentence"]


def test_a_quick_look_may_find_no_difference_and_says_what_it_is(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "classic-again": 0}, groups=40)
    found = evaluated(simulated, table, candidate="classic-again")
    assert found["verdict"]["word"] == "no difference"
    assert "a quick look: fewer than 50 test patients or groups in one split" in found["verdict"]["sentence"]


@pytest.mark.parametrize(("seeds", "callable_"), [(6, False), (8, True)])
def test_what_a_secondary_contrast_could_detect_is_corrected_for_their_number(
    simulated: ModuleType, seeds: int, callable_: bool
) -> None:
    arms = {"classic": 0, "synthetic-edm-r1": 1, "oracle": 2, "synthetic-gan-r1": 2}
    found = evaluated(simulated, simulated.table(arms, seeds=seeds, groups=60))
    assert found["headline"]["word"] == "gain"
    for each in found["secondary"]:
        components = Components(**each["components"])
        known = minimum_detectable_gain(components, 0.95, family=2)
        if callable_:
            assert each["word"] == "gain"
            assert each["minimum_detectable_gain"] == known > minimum_detectable_gain(components, 0.95)
        else:
            assert (each["word"], each["minimum_detectable_gain"]) == ("inconclusive", None)
            assert "corrected for 2 comparisons" in each["minimum_detectable_gain_why"]


def test_too_few_replicates_for_the_correction_are_said(simulated: ModuleType) -> None:
    names = ["classic", "synthetic-edm-r1", *(f"synthetic-edm-r{ratio}" for ratio in range(2, 8))]
    predictions = from_table(simulated.table(dict.fromkeys(names, 0), groups=24, images=1), simulated.CLASSES)
    found = gain.evaluate(predictions, headline(), Evaluation(replicates=200), seed=0)
    assert found["headline"]["minimum_detectable_gain"] > 0
    for each in found["secondary"]:
        assert each["minimum_detectable_gain_why"].startswith("with 200 replicates the bootstrap cannot reach")
