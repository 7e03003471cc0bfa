"""Authenticity is the share of the paper's definition, found by brute force."""

import numpy as np
import pytest
from drawn_patients import patients

from synthgain.dataset import Images
from synthgain.privacy.authenticity import authenticity
from synthgain.privacy.neighbours import pixels

CLASSES = ("a", "b")
TRAIN, VAL, FRESH = patients(0, 60), patients(1, 40, first=1000), patients(2, 50, first=2000)


def found(synthetic: Images, train: Images = TRAIN) -> dict:
    vectors = pixels(synthetic.pixels), pixels(train.pixels), pixels(VAL.pixels)
    return authenticity(synthetic, train, VAL, vectors, CLASSES)


def test_the_share_is_that_of_brute_force() -> None:
    drawn, known = (pixels(images.pixels).astype(float) for images in (FRESH, TRAIN))
    authentic = []
    for image in drawn:
        distances = np.linalg.norm(known - image, axis=1)
        near = distances.argmin()
        others = np.linalg.norm(known - known[near], axis=1)[TRAIN.groups != TRAIN.groups[near]]
        authentic.append(distances[near] > others.min())
    record = found(FRESH)
    assert record["share"] == pytest.approx(np.mean(authentic))
    for k, name in enumerate(CLASSES):
        assert record["per_class"][name]["share"] == pytest.approx(np.array(authentic)[FRESH.labels == k].mean())


def test_copies_are_not_authentic_and_held_out_images_stand_beside() -> None:
    record = found(TRAIN)
    assert record["share"] == 0
    assert 0.3 < record["held_out"]["share"] < 0.7
    assert record["held_out"]["n"] == 40


def test_one_patient_alone_says_nothing() -> None:
    alone = Images(TRAIN.pixels[:2], TRAIN.labels[:2], TRAIN.groups[:2])
    assert found(FRESH, alone)["why"] == "insufficient n: fewer than 2 patients"
    empty = Images(TRAIN.pixels[:0], TRAIN.labels[:0], TRAIN.groups[:0])
    assert found(empty)["per_class"]["a"]["why"] == "insufficient n: no image"
