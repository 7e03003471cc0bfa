"""Subgroups whose truth is known: one that loses, one that gains, one that is too small."""

import json
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from synthgain.evaluation import subgroups
from synthgain.evaluation.attributes import UNKNOWN, Attribute
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.schema import Fairness

ARMS = ("classic", "oversample", "synthetic-edm-r1")


def numbers(table: pd.DataFrame) -> pd.Series:
    """The patient's number of every row."""
    return table["group"].str[1:].astype(int)


def study(
    simulated: ModuleType, effects: dict[str, float], *, groups: int = 160, seeds: int = 6, seed: int = 0,
    classes: int = 4,
) -> tuple[Predictions, np.ndarray]:  # fmt: skip
    """Predictions in which the candidate gains ``effects[value]`` in each subgroup; patients alternate over values."""
    tables = []
    for place, effect in enumerate(effects.values()):
        made = simulated.table(
            {"classic": 0, "oversample": 0.1, "synthetic-edm-r1": effect}, groups=groups, images=2, seeds=seeds,
            seed=seed, classes=simulated.CLASSES[:classes],
        )  # fmt: skip
        tables.append(made[numbers(made) // classes % len(effects) == place])
    table = pd.concat(tables, ignore_index=True)
    predictions = from_table(table, simulated.CLASSES[:classes])
    of_image = table.drop_duplicates("image_id").set_index("image_id").loc[predictions.image_ids]
    return predictions, (numbers(of_image) // classes % len(effects)).to_numpy(np.int64)


def evaluated(predictions: Predictions, *attributes: Attribute, **changes: Any) -> dict[str, Any]:
    headline = {"candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "level": 0.95}
    fairness = Fairness(**{"margin": 0.05, "min_patients": 20} | changes.pop("fairness", {}))
    found = subgroups.evaluate(
        predictions, headline | changes, attributes, {"ward": "no value is known"}, fairness, replicates=600, seed=0
    )
    json.dumps(found, allow_nan=False)
    return found


def named(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The subgroups of an attribute's record by their names."""
    return {each["name"]: each for each in record["subgroups"]}


@pytest.fixture(scope="module")
def planted(simulated: ModuleType) -> tuple[Predictions, Attribute, dict[str, Any]]:
    predictions, member = study(simulated, {"F": -2.2, "M": 0.8})
    sex = Attribute("sex", ("F", "M"), member)
    return predictions, sex, evaluated(predictions, sex)


def test_a_subgroup_that_is_planted_to_lose_is_found_and_the_other_is_not_accused(planted: Any) -> None:
    found = named(planted[2]["attributes"]["sex"])
    women, men = found["F"]["difference"], found["M"]["difference"]
    assert women["word"] == subgroups.LOSES
    assert women["high"] < -0.05
    assert women["p_holm"] < 0.05
    assert men["word"] == subgroups.HOLDS
    assert planted[2]["word"] == subgroups.LOSES


def test_the_gap_grows_where_synthetic_images_harm_one_subgroup(planted: Any) -> None:
    found = planted[2]["attributes"]["sex"]
    gaps, change = found["gaps"], found["gap_change"]
    assert (gaps["synthetic-edm-r1"]["best"], gaps["synthetic-edm-r1"]["worst"]) == ("M", "F")
    means = {name: each["arms"]["synthetic-edm-r1"]["mean"] for name, each in named(found).items()}
    assert gaps["synthetic-edm-r1"]["value"] == pytest.approx(means["M"] - means["F"])
    assert change["value"] == pytest.approx(gaps["synthetic-edm-r1"]["value"] - gaps["classic"]["value"])
    assert change["low"] > 0
    assert change["word"] == subgroups.WIDER
    assert 0 < gaps["classic"]["by_chance"] < 0.15


def test_every_mean_and_difference_is_scikit_learns(planted: Any) -> None:
    p, sex, found = planted
    for index, value in enumerate(sex.values):
        part = sex.member == index
        means = {
            arm: np.mean(
                [balanced_accuracy_score(p.labels[part], seed[part].argmax(1)) for seed in p.probabilities[at]]
            )
            for at, arm in enumerate(p.arms)
        }
        record = named(found["attributes"]["sex"])[value]
        for arm in ARMS:
            score = record["arms"][arm]
            assert score["mean"] == pytest.approx(means[arm])
            assert score["low"] < score["mean"] < score["high"]
        assert record["difference"]["value"] == pytest.approx(means["synthetic-edm-r1"] - means["classic"])
        assert record["images"] == int(part.sum())
        assert record["patients"] == 80


def test_recall_by_class_and_subgroup_is_scikit_learns(planted: Any) -> None:
    p, sex, found = planted
    parity = found["attributes"]["sex"]["parity"]["classic"]
    women, classic = sex.member == 0, p.probabilities[p.arms.index("classic")]
    by_seed = [recall_score(p.labels[women], seed[women].argmax(1), average=None) for seed in classic]
    for label, value in zip(p.classes, np.mean(by_seed, axis=0), strict=True):
        assert parity["recall"][label]["F"] == pytest.approx(value)
    gaps = {label: abs(each["F"] - each["M"]) for label, each in parity["recall"].items()}
    widest = parity["widest_recall_gap"]
    assert widest["value"] == pytest.approx(max(gaps.values()))
    assert gaps[widest["class"]] == pytest.approx(widest["value"])


def test_an_arm_against_itself_changes_nothing(simulated: ModuleType) -> None:
    table = simulated.table({"classic": 0, "classic-again": 0}, groups=120, seeds=6)
    p = from_table(table, simulated.CLASSES)
    found = evaluated(p, Attribute("sex", ("F", "M"), p.groups % 2), candidate="classic-again")
    one = found["attributes"]["sex"]
    for each in one["subgroups"]:
        assert [each["difference"][key] for key in ("value", "low", "high")] == [0, 0, 0]
        assert each["difference"]["word"] == subgroups.HOLDS
    assert one["gap_change"] == {"value": 0.0, "low": 0.0, "high": 0.0, "word": subgroups.WITHIN}


def test_equal_subgroups_are_hardly_ever_called_a_loss_nor_a_change_of_the_gap(simulated: ModuleType) -> None:
    words, changes = [], []
    for seed in range(20):
        predictions, member = study(simulated, {"A": 0, "B": 0}, groups=96, seed=seed)
        found = evaluated(predictions, Attribute("site", ("A", "B"), member))["attributes"]["site"]
        words += [each["difference"]["word"] for each in found["subgroups"]]
        changes.append(found["gap_change"]["word"])
    assert words.count(subgroups.LOSES) == 0
    assert changes.count(subgroups.WIDER) + changes.count(subgroups.NARROWER) <= 2


def test_too_few_patients_give_no_number_but_a_reason(simulated: ModuleType) -> None:
    predictions, member = study(simulated, {"F": 0.5, "M": 0.5}, groups=96)
    small = np.where(predictions.groups % 12 == 0, 2, member)
    found = evaluated(predictions, Attribute("sex", ("F", "M", "other"), small))["attributes"]["sex"]
    other = named(found)["other"]
    assert other["difference"]["value"] is None
    assert other["difference"]["word"] == subgroups.INSUFFICIENT
    assert other["difference"]["why"] == "insufficient n: 8 test patients or groups, 20 needed"
    assert other["arms"]["classic"] == {"mean": None, "low": None, "high": None, "why": other["difference"]["why"]}
    assert found["gap_change"]["value"] is not None
    assert "other" not in (found["gaps"]["classic"]["best"], found["gaps"]["classic"]["worst"])


def test_one_large_subgroup_has_no_gap(simulated: ModuleType) -> None:
    predictions, _ = study(simulated, {"F": 0.5}, groups=80)
    member = np.where(predictions.groups % 20 == 0, 1, 0)
    found = evaluated(predictions, Attribute("sex", ("F", "M"), member))["attributes"]["sex"]
    assert found["gap_change"]["value"] is None
    assert found["gap_change"]["why"] == "insufficient n: 1 subgroup with enough patients, a gap needs two"
    assert found["gaps"]["classic"]["value"] is None


def test_a_class_that_a_subgroup_lacks_or_hardly_has_gives_a_reason(simulated: ModuleType) -> None:
    predictions, member = study(simulated, {"F": 0.5, "M": 0.5}, groups=160)
    pituitary = predictions.labels == predictions.classes.index("pituitary")
    lacking = np.where(pituitary, 1, member)
    found = named(evaluated(predictions, Attribute("sex", ("F", "M"), lacking))["attributes"]["sex"])
    assert found["F"]["difference"]["why"] == "insufficient n: no test image of class pituitary in this subgroup"
    last = predictions.groups == predictions.groups[pituitary & (member == 0)][0]
    hardly = np.where(pituitary & ~last, 1, member)
    found = named(evaluated(predictions, Attribute("sex", ("F", "M"), hardly))["attributes"]["sex"])
    assert "of the bootstrap replicates lack a class" in found["F"]["difference"]["why"]
    assert found["M"]["difference"]["value"] is not None


def test_images_without_a_value_are_counted_and_in_no_subgroup(simulated: ModuleType) -> None:
    predictions, member = study(simulated, {"F": 0.5, "M": 0.5}, groups=160)
    partly = np.where(predictions.groups % 5 == 0, UNKNOWN, member)
    found = evaluated(predictions, Attribute("sex", ("F", "M"), partly))["attributes"]["sex"]
    assert found["unknown"] == {"images": 64, "patients": 32}
    assert sum(each["images"] for each in found["subgroups"]) == 256


def test_holm_corrects_over_the_subgroups_of_all_attributes(planted: Any) -> None:
    p, sex, alone = planted
    site = Attribute("site", ("A", "B"), np.asarray(p.groups % 2, np.int64))
    both = evaluated(p, sex, site)["attributes"]
    first, second = (named(each["sex"])["F"]["difference"] for each in (alone["attributes"], both))
    assert first["p"] == second["p"]
    assert second["p_holm"] > first["p_holm"]


def test_macro_auroc_can_be_the_measure(planted: Any) -> None:
    p, sex, _ = planted
    found = named(evaluated(p, sex, metric="macro_auroc")["attributes"]["sex"])
    assert found["F"]["difference"]["value"] < 0 < found["M"]["difference"]["value"]


def test_without_attributes_there_is_no_word(planted: Any) -> None:
    found = evaluated(planted[0])
    assert found["word"] is None
    assert found["attributes"] == {}
    assert found["left_out"] == {"ward": "no value is known"}
    assert subgroups.metrics(found) == {}


@pytest.mark.parametrize(
    "limits, word",
    [
        ((-0.10, -0.15, -0.06), subgroups.LOSES),
        ((-0.06, -0.15, 0.03), subgroups.PROBABLY),
        ((-0.04, -0.09, 0.01), subgroups.MAY),
        ((-0.01, -0.04, 0.02), subgroups.HOLDS),
        ((0.20, -0.10, 0.50), subgroups.MAY),
    ],
)
def test_the_rule_of_words(limits: tuple[float, float, float], word: str) -> None:
    assert subgroups.judge(*limits, margin=0.05) == word


def test_flat_numbers_have_names_that_trackers_accept(planted: Any) -> None:
    p, sex, found = planted
    hostile = evaluated(p, Attribute("<b>../x:y</b>", sex.values, sex.member))
    flat = subgroups.metrics(hostile)
    assert set(flat) == {"gap_change/_b____x_y__b_", "worst_subgroup/_b____x_y__b_"}
    assert (
        subgroups.metrics(found)["worst_subgroup/sex"]
        == (named(found["attributes"]["sex"])["F"]["difference"]["value"])
    )


def test_the_same_predictions_give_the_same_record(planted: Any) -> None:
    p, sex, found = planted
    assert evaluated(p, sex) == found
