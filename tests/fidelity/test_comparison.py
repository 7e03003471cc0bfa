"""Distances beside their real-versus-real value, and what is said where images are too few."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synthgain.errors import SynthgainError
from synthgain.fidelity.comparison import (
    AT_EQUAL_N,
    HALVINGS,
    MEASURES,
    Sample,
    compare,
    distances,
    halves,
    in_shares_of,
    recognition,
)

CLASSES = ("a", "b")


def sample(seed: int, count: int, shift: float = 0.0, per_patient: int = 1) -> Sample:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    features = random.normal(shift, 1, (count, 12)) + labels[:, None]
    return Sample(features.astype(np.float32), labels, np.arange(count) // per_patient)


def test_images_of_the_same_distribution_look_like_real_against_real() -> None:
    found = distances(sample(0, 200), sample(1, 240, per_patient=4), np.random.default_rng(0))
    assert found["kid"]["low"] < 0 < found["kid"]["high"]
    assert found["fid"]["mean"] == pytest.approx(found["fid_null"]["mean"], rel=0.25)
    assert found["fid_null"]["low"] <= found["fid_null"]["mean"] <= found["fid_null"]["high"]
    assert found["fid"]["n"] == found["fid_null"]["n"] == 120
    assert (found["n_synthetic"], found["n_real"]) == (200, 240)


def test_a_shift_shows_beside_the_null() -> None:
    found = compare(sample(0, 200, 0.7), sample(1, 240), CLASSES, np.random.default_rng(0))
    for record in (found["pooled"], *found["per_class"].values()):
        assert record["kid"]["low"] > record["kid_null"]["high"]
        assert record["fid"]["low"] > record["fid_null"]["high"]


def uneven(seed: int, counts: tuple[int, ...]) -> Sample:
    labels = np.repeat(np.arange(len(counts)), counts)
    features = np.random.default_rng(seed).normal(0, 1, (len(labels), 12)) + 3 * labels[:, None]
    return Sample(features.astype(np.float32), labels, np.arange(len(labels)))


def test_pooled_images_of_classes_asked_for_in_other_shares_are_no_other_images() -> None:
    found = compare(uneven(0, (150, 150)), uneven(1, (60, 180)), CLASSES, np.random.default_rng(0))["pooled"]
    assert (found["n_synthetic"], found["n_real"]) == (200, 240)
    assert found["kid"]["low"] < 0 < found["kid"]["high"]
    assert found["c2st"]["p"] > 0.05
    assert distances(uneven(0, (150, 150)), uneven(1, (60, 180)), np.random.default_rng(0))["c2st"]["p"] < 0.05


@pytest.mark.parametrize(("synthetic", "real", "left"), [
    ((30, 30), (50, 50), [30, 30]), ((30, 40), (50, 50), [30, 30]), ((30, 0), (50, 50), [30, 0]),
    ((0, 0), (50, 50), [0, 0]), ((10, 90), (50, 100), [10, 20]),
])  # fmt: skip
def test_as_many_stay_as_the_rarest_class_allows(
    synthetic: tuple[int, int], real: tuple[int, int], left: list[int]
) -> None:
    chosen = in_shares_of(uneven(0, synthetic), uneven(1, real), np.random.default_rng(0))
    assert np.bincount(chosen.labels, minlength=2).tolist() == left


@pytest.mark.parametrize("side", ["synthetic", "real"])
def test_features_that_are_not_finite_are_refused(side: str) -> None:
    sides = {"synthetic": sample(0, 40), "real": sample(1, 40)}
    sides[side].features[3, 2] = np.nan
    with pytest.raises(SynthgainError, match=f"features of {side} images are not finite"):
        distances(**sides, rng=np.random.default_rng(0))


def test_every_measure_is_there_with_its_null_at_the_same_n() -> None:
    found = distances(sample(0, 200), sample(1, 240, per_patient=4), np.random.default_rng(0))
    assert set(found) == {*MEASURES, "n_synthetic", "n_real"}
    for name in AT_EQUAL_N:
        assert found[name]["n"] == found[f"{name}_null"]["n"] == 120
        assert found[f"{name}_null"]["low"] < found[name]["mean"] < found[f"{name}_null"]["high"], name
    assert found["c2st"]["low"] <= found["c2st"]["value"] <= found["c2st"]["high"]
    assert 0 < found["c2st"]["p"] <= 1


def test_a_shift_takes_every_measure_at_equal_n_beyond_its_null() -> None:
    found = distances(sample(0, 200, 1.5), sample(1, 240, per_patient=4), np.random.default_rng(0))
    for name in AT_EQUAL_N:
        null = found[f"{name}_null"]
        beyond = found[name]["low"] > null["high"] if name.startswith("fid") else found[name]["high"] < null["low"]
        assert beyond, name


def test_the_same_seed_gives_the_same_record() -> None:
    records = [distances(sample(0, 60), sample(1, 80), np.random.default_rng(7)) for _ in range(2)]
    assert records[0] == records[1]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("short", ["synthetic", "real"])
def test_few_images_are_insufficient_never_nan(count: int, short: str) -> None:
    sides = {"synthetic": sample(0, 60), "real": sample(1, 60)} | {short: sample(2, count)}
    found = compare(**sides, classes=CLASSES, rng=np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    for record in (found["pooled"], *found["per_class"].values()):
        for name in MEASURES:
            assert record[name].get("value") is None
            assert record[name].get("mean") is None
            assert record[name]["why"].endswith(f"{short} images, 10 needed")
    assert found["pooled"]["kid"]["why"] == f"insufficient n: {count} {short} images, 10 needed"


def test_constant_real_features_are_said_to_be_and_constant_synthetic_ones_are_measured() -> None:
    flat = replace(sample(0, 60), features=np.full((60, 12), 3.3, np.float32))
    found = distances(sample(1, 60), flat, np.random.default_rng(0))
    assert {found[name]["why"] for name in MEASURES} == {"the features of all real images are equal"}
    found = distances(flat, sample(1, 100), np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["recall"]["mean"] < 0.05 < found["recall_null"]["mean"]
    assert found["kid"]["low"] > found["kid_null"]["high"]


def test_fid_infinity_needs_four_images_a_side_per_feature() -> None:
    found = distances(sample(0, 60), sample(1, 90), np.random.default_rng(0))
    why = "insufficient n: 45 images a side, 48 needed for 12 features"
    assert found["fid_infinity"]["why"] == found["fid_infinity_null"]["why"] == why
    assert found["fid"]["mean"] is not None


def test_real_images_of_one_patient_have_no_null() -> None:
    found = distances(sample(0, 50), sample(1, 40, per_patient=40), np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["kid"]["why"] == "insufficient n: fewer than 4 patients"
    assert "half of the real groups hold 0 images" in found["fid_null"]["why"]
    assert found["c2st"]["why"] == "insufficient n: one patient"


def test_two_real_patients_leave_no_null_of_c2st_but_the_others() -> None:
    found = distances(sample(0, 50), sample(1, 40, per_patient=20), np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["c2st_null"]["why"] == "insufficient n: half of the real groups are a single one"
    assert found["precision_null"]["mean"] is not None


def test_halves_share_no_patient() -> None:
    groups = np.repeat(np.arange(11), 3)
    for seed in range(HALVINGS):
        one, other = halves(groups, np.random.default_rng(seed))
        assert not set(groups[one]) & set(groups[other])
        assert len(one) + len(other) == 33


def test_recognition_counts_the_intended_class() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = recognition(chances, np.array([0, 1, 1]), ("a", "b", "c")[:2])
    assert found["share"] == pytest.approx(2 / 3)
    assert found["per_class"]["b"] == {"share": 0.5, "n": 2}
    assert recognition(chances[:0], np.zeros(0, np.int64), CLASSES)["why"] == "insufficient n: no image"
