"""Copies are found, fresh images are not accused."""

import json
from typing import Any

import numpy as np
import pytest

from synthgain.dataset import Images
from synthgain.privacy.memorisation import ALPHA, duplicates, pair
from synthgain.privacy.nearness import nearer_to_train
from synthgain.privacy.neighbours import flipped, pixels
from synthgain.privacy.planted import plant

CLASSES = ("a", "b")
THRESHOLD = 2.5


def fresh(seed: int, count: int, first_patient: int = 0, per_patient: int = 2) -> Images:
    """Patients with two similar images each, from one distribution of smooth pictures."""
    random = np.random.default_rng(seed)
    patients = -(-count // per_patient)
    coarse = random.uniform(40, 200, (patients, 1, 4, 4)).repeat(4, axis=2).repeat(4, axis=3)
    values = coarse.repeat(per_patient, axis=0)[:count] + random.normal(0, 12, (count, 1, 16, 16))
    groups = first_patient + np.arange(count) // per_patient
    return Images(values.clip(0, 255).round().astype(np.uint8), groups % 2, groups)


TRAIN, VAL = fresh(0, 160), fresh(1, 60, first_patient=1000)
PLANTED = plant(TRAIN.pixels, 0)


def audited(synthetic: Images) -> tuple[dict[str, Any], dict[str, Any]]:
    duplicate = duplicates(pair(synthetic, TRAIN), synthetic, TRAIN, VAL, THRESHOLD, PLANTED, CLASSES)
    vectors = pixels(synthetic.pixels), pixels(TRAIN.pixels), pixels(VAL.pixels)
    nearer = nearer_to_train(synthetic, TRAIN, VAL, vectors, CLASSES, np.random.default_rng(0))
    json.dumps([duplicate, nearer], allow_nan=False)
    return duplicate, nearer


def changed(how: str) -> Images:
    drawn = np.random.default_rng(5).integers(0, 160, 80)
    copy = TRAIN.pixels[drawn]
    noise = np.random.default_rng(6).normal(0, 1, copy.shape)
    copy = {"exact": copy, "mirrored": flipped(copy), "noisy": (copy + noise).clip(0, 255).round().astype(np.uint8)}[
        how
    ]
    return Images(copy, TRAIN.labels[drawn], np.arange(80) + 5000)


@pytest.mark.parametrize("how", ["exact", "mirrored", "noisy"])
def test_copies_are_duplicates(how: str) -> None:
    duplicate, _ = audited(changed(how))
    assert duplicate["share"] == 1
    assert duplicate["flagged"]
    assert all(each["share"] == 1 for each in duplicate["per_class"].values())


def test_the_power_of_the_pixel_test_is_that_on_planted_copies() -> None:
    power = audited(fresh(9, 20, 5000))[0]["power"]
    assert [power[kind]["share"] for kind in ("exact", "flipped", "noisy", "rotated")] == [1, 1, 0, 0]
    assert 0.97 < power["exact"]["low"] < 1


def test_images_that_keep_near_to_training_patients_are_detected_without_being_copies() -> None:
    drawn = np.random.default_rng(7).integers(0, 160, 120)
    near = TRAIN.pixels[drawn] + np.random.default_rng(8).normal(0, 20, (120, 1, 16, 16))
    synthetic = Images(near.clip(0, 255).astype(np.uint8), TRAIN.labels[drawn], np.arange(120) + 5000)
    duplicate, nearer = audited(synthetic)
    assert duplicate["share"] == 0
    assert nearer["share"] > nearer["expected_high"]
    assert nearer["p"] < ALPHA
    assert all(each["share"] > each["expected_high"] for each in nearer["per_class"].values())


def test_one_copy_is_flagged_and_as_much_of_it_as_real_images_have_is_not() -> None:
    drawn = fresh(9, 120, 5000)
    drawn.pixels[7] = TRAIN.pixels[3]
    duplicate, _ = audited(drawn)
    assert duplicate["count"] == 1
    assert duplicate["flagged"]
    leaking = Images(TRAIN.pixels[:60], TRAIN.labels[:60], 1000 + np.arange(60))
    found = duplicates(pair(drawn, TRAIN), drawn, TRAIN, leaking, THRESHOLD, PLANTED, CLASSES)
    assert found["held_out"]["share"] == 1
    assert not found["flagged"]


def test_patients_with_images_of_several_classes_change_sides_in_all_of_them() -> None:
    """What patients have in common must not make an innocent generator guilty: p-values stay uniform."""
    found = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        patients = random.normal(0, 1, (30, 1, 1)) + random.normal(0, 0.3, (30, 3, 8))
        labels, groups = np.tile(np.arange(3), 15), np.arange(15).repeat(3)
        blank = np.zeros((45, 1, 1, 1), np.uint8)
        train, held_out = Images(blank, labels, groups), Images(blank, labels, groups + 15)
        vectors = [part.reshape(45, 8).astype(np.float32) for part in (patients[:15], patients[15:])]
        drawn = (random.normal(0, 1, (60, 1)) + random.normal(0, 0.3, (60, 8))).astype(np.float32)
        synthetic = Images(np.zeros((60, 1, 1, 1), np.uint8), np.arange(60) % 3, 900 + np.arange(60))
        record = nearer_to_train(synthetic, train, held_out, (drawn, *vectors), ("a", "b", "c"), random, assignments=40)
        found.append(record["p"])
    assert np.mean(np.array(found) < 0.1) < 0.22
    assert 0.35 < np.mean(found) < 0.65


@pytest.mark.parametrize("kind", ["oracle", "noise"])
def test_fresh_images_and_noise_are_not_accused(kind: str) -> None:
    synthetic = fresh(9, 120, 5000)
    if kind == "noise":
        pixel = np.random.default_rng(1).integers(0, 256, synthetic.pixels.shape, dtype=np.uint8)
        synthetic = Images(pixel, synthetic.labels, synthetic.groups)
    duplicate, nearer = audited(synthetic)
    assert duplicate["share"] == 0
    assert not duplicate["flagged"]
    assert duplicate["relative"]["threshold"] > THRESHOLD
    assert nearer["expected_low"] <= nearer["share"] <= nearer["expected_high"]
    assert nearer["expected_low"] < 0.5 < nearer["expected_high"]
    assert nearer["p"] >= ALPHA


def test_the_share_of_copies_that_is_needed_is_mostly_found_and_a_quarter_of_it_is_not() -> None:
    vectors = [pixels(images.pixels) for images in (TRAIN, VAL)]

    def record(share: float, seed: int) -> dict[str, Any]:
        drawn, chosen = fresh(seed, 120, 5000), np.random.default_rng(seed).permutation(160)[: round(120 * share)]
        images = np.concatenate([TRAIN.pixels[chosen], drawn.pixels[len(chosen) :]])
        labels = np.concatenate([TRAIN.labels[chosen], drawn.labels[len(chosen) :]])
        mixed = Images(images, labels, drawn.groups)
        random = np.random.default_rng(0)
        return nearer_to_train(mixed, TRAIN, VAL, (pixels(images), *vectors), CLASSES, random, assignments=150)

    needed = record(0, 9)["needed"]
    assert 0.2 < needed < 1
    at_needed, below = (sum(record(share, seed)["p"] < ALPHA for seed in range(5)) for share in (needed, needed / 4))
    assert at_needed >= 3
    assert below <= 1


def test_the_permutation_test_accuses_fresh_images_as_rarely_as_it_says() -> None:
    accused = [audited(fresh(100 + seed, 20, 5000))[1]["p"] < 0.1 for seed in range(10)]
    assert sum(accused) <= 4


def test_the_closest_pairs_are_rows_of_both_sets() -> None:
    synthetic = changed("mirrored")
    rows = np.arange(80) * 3
    train_rows = np.arange(160) + 1000
    found = pair(synthetic, TRAIN).closest(rows, train_rows)
    assert found["flipped"].all()
    assert (np.diff(found["rms"]) >= 0).all()
    for one, other in zip(found["synthetic"], found["train"], strict=True):
        assert np.array_equal(synthetic.pixels[one // 3], flipped(TRAIN.pixels[other - 1000]))


def test_too_few_patients_or_no_image_is_said() -> None:
    few = fresh(2, 8, 1000)
    vectors = pixels(TRAIN.pixels), pixels(TRAIN.pixels), pixels(few.pixels)
    found = nearer_to_train(TRAIN, TRAIN, few, vectors, CLASSES, np.random.default_rng(0))
    assert found["share"] is None
    assert found["left_out"] == ["a", "b"]
    assert "insufficient n" in found["per_class"]["a"]["why"]
    assert "insufficient n" in found["why"]
    empty = Images(TRAIN.pixels[:0], TRAIN.labels[:0], TRAIN.groups[:0])
    duplicate, nearer = audited(empty)
    assert duplicate["share"] is None
    assert not duplicate["flagged"]
    assert nearer["p"] is None
