"""The learned detector finds planted copies, and does not accuse fresh images."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_patients import patients

from synthgain.dataset import Images
from synthgain.privacy.copies import contrastive_loss, copied, fit, load, save, views
from synthgain.privacy.memorisation import ALPHA
from synthgain.privacy.planted import plant

CLASSES = ("a", "b")
TRAIN, VAL, FRESH = patients(0, 80), patients(1, 80, first=1000), patients(2, 80, first=2000)
PLANTED = plant(TRAIN.pixels, 5)


def detected(synthetic: Images, held_out: Images = VAL, steps: int = 120) -> dict:
    record = copied(synthetic, TRAIN, held_out, PLANTED, CLASSES, fit(TRAIN.pixels, 0, steps))
    json.dumps(record, allow_nan=False)
    return record


@pytest.fixture(scope="module")
def of_fresh() -> dict:
    return detected(FRESH)


def test_planted_copies_of_every_kind_are_found_and_exact_ones_all(of_fresh: dict) -> None:
    power = of_fresh["power"]
    assert power["exact"]["share"] == 1
    assert min(power[kind]["share"] for kind in ("flipped", "noisy", "intensity", "rotated")) > 0.9


def test_fresh_images_are_not_flagged_and_no_more_than_one_held_out_patient_in_a_hundred_is(of_fresh: dict) -> None:
    assert not of_fresh["flagged"]
    assert of_fresh["share"] < 0.1
    assert of_fresh["held_out"]["share"] == 0


def test_copies_are_flagged_from_the_share_on_that_is_said_to_be_needed(of_fresh: dict) -> None:
    needed = of_fresh["needed"]
    assert 0.05 < needed < 0.2
    mixed = Images(FRESH.pixels.copy(), FRESH.labels, FRESH.groups)
    count = int(np.ceil(needed * len(mixed.labels)))
    mixed.pixels[:count] = PLANTED["flipped"][:count]
    record = detected(mixed)
    assert record["flagged"]
    assert record["p"] < ALPHA
    assert record["share"] >= needed
    called = sum(each["share"] * each["n"] for each in record["per_class"].values())
    assert record["n"] == 80, "both have as many of each class"
    assert called == pytest.approx(80 * record["share"])


def test_classes_that_are_alike_in_another_measure_accuse_nobody() -> None:
    """One class keeps much nearer to training; a generator that draws it more often than it is must not be flagged."""

    class Told:
        def similarity(self, images: np.ndarray) -> np.ndarray:
            return images[:, 0, 0, 0].astype(np.float32) / 255

    def told(count: int, of_second: float, seed: int, patient: int) -> Images:
        random = np.random.default_rng(seed)
        labels = (np.arange(count) < of_second * count).astype(np.int64)
        values = random.normal(60 + 60 * labels, 15).clip(0, 255)
        images = np.broadcast_to(values[:, None, None, None], (count, 1, 2, 2)).astype(np.uint8)
        return Images(images, labels, patient + np.arange(count))

    flagged = []
    for seed in range(40):
        train, held_out, drawn = (
            told(50, 0.1, seed, 0),
            told(100, 0.1, 100 + seed, 500),
            told(200, 0.5, 200 + seed, 900),
        )
        record = copied(drawn, train, held_out, {}, CLASSES, Told())  # type: ignore[arg-type]
        assert record["n"] == 111, "as many of each class as make one in ten of the second"
        flagged.append(record["flagged"])
    assert sum(flagged) <= 3


def test_the_seed_decides_the_detector_and_leaves_the_process_as_it_was() -> None:
    torch.manual_seed(4)
    expected = torch.rand(1)
    torch.manual_seed(4)
    first = fit(TRAIN.pixels, 0, steps=5).similarity(FRESH.pixels)
    assert torch.rand(1) == expected
    assert np.array_equal(first, fit(TRAIN.pixels, 0, steps=5).similarity(FRESH.pixels))
    assert not np.array_equal(first, fit(TRAIN.pixels, 1, steps=5).similarity(FRESH.pixels))


def test_too_few_held_out_patients_are_said() -> None:
    few = Images(VAL.pixels[:8], VAL.labels[:8], VAL.groups[:8])
    record = detected(FRESH, held_out=few)
    assert record["share"] is None
    assert record["why"] == "insufficient n: 4 held-out patients, 10 needed"


def test_without_an_image_the_power_is_known_all_the_same() -> None:
    record = detected(Images(FRESH.pixels[:0], FRESH.labels[:0], FRESH.groups[:0]), steps=2)
    assert record["share"] is None
    assert record["power"]["exact"]["share"] == 1
    assert not record["flagged"]


def test_large_and_colour_images_are_taken() -> None:
    large = np.repeat(np.repeat(np.repeat(TRAIN.pixels[:12], 3, axis=1), 2, axis=2), 2, axis=3)
    assert fit(large, 0, steps=3).similarity(large) == pytest.approx(np.ones(12), abs=1e-5)


def test_the_loss_is_the_cross_entropy_of_the_other_view_among_all_others() -> None:
    torch.manual_seed(0)
    one, other = (torch.nn.functional.normalize(torch.randn(3, 5), dim=1) for _ in range(2))
    both = torch.cat([one, other])
    expected = 0.0
    for i in range(6):
        logits = torch.stack([both[i] @ both[k] / 0.2 for k in range(6) if k != i]).double()
        partner = both[i] @ both[(i + 3) % 6] / 0.2
        expected += float((logits.logsumexp(0) - partner) / 6)
    assert float(contrastive_loss(one, other, 0.2)) == pytest.approx(expected, rel=1e-5)


def test_views_differ_from_each_other_and_keep_the_shape() -> None:
    images = torch.rand(4, 3, 32, 32)
    one, other = views(images), views(images)
    assert one.shape == images.shape
    assert not torch.equal(one, other)


def test_a_stored_detector_is_the_same(tmp_path: Path) -> None:
    made = fit(TRAIN.pixels, 0, steps=3)
    save(made, tmp_path / "detector.safetensors")
    again = load(tmp_path / "detector.safetensors", TRAIN.pixels)
    assert np.array_equal(made.similarity(FRESH.pixels), again.similarity(FRESH.pixels))
