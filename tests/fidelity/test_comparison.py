"""Distances beside their real-versus-real value, and what is said where images are too few."""

import json

import numpy as np
import pytest

from synthgain.fidelity.comparison import HALVINGS, Sample, compare, distances, halves, recognition

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


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_images_are_insufficient_never_nan(count: int) -> None:
    found = compare(sample(0, count), sample(1, 60), CLASSES, np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["pooled"]["kid"]["value"] is None
    assert found["pooled"]["kid"]["why"] == f"insufficient n: {count} synthetic images, 10 needed"


def test_real_images_of_one_patient_have_no_null() -> None:
    found = distances(sample(0, 50), sample(1, 40, per_patient=40), np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["kid"]["value"] is not None
    assert "half of the real groups hold 0 images" in found["fid_null"]["why"]


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
