"""MS-SSIM within a class, synthetic beside real."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synthgain.dataset import Images
from synthgain.fidelity.diversity import intra_class
from synthgain.fidelity.ms_ssim import ms_ssim

CLASSES = ("a", "b")


def pictures(seed: int, count: int, per_patient: int = 1, classes: int = 2) -> Images:
    """Smooth images; those of a patient are equal but for noise."""
    random = np.random.default_rng(seed)
    numbers = np.arange(count) // per_patient
    coarse = random.uniform(0, 255, (count, 1, 8, 8))[numbers]
    images = np.kron(coarse, np.ones((1, 1, 4, 4))) + random.normal(0, 5, (count, 1, 32, 32))
    return Images(np.clip(images, 0, 255).astype(np.uint8), numbers % classes, numbers)


def test_fresh_images_are_as_diverse_as_real_ones_and_a_collapse_shows() -> None:
    real, fresh = pictures(0, 160, per_patient=4), pictures(1, 80)
    rng = np.random.default_rng
    found = intra_class(fresh, real, CLASSES, level=0.95, rng=rng(0))
    assert found["scales"] == 2
    for record in (found["pooled"], *found["per_class"].values()):
        assert record["ms_ssim"]["low"] < record["ms_ssim_null"]["value"] < record["ms_ssim"]["high"]
    once = np.arange(80) % 2
    collapsed = replace(fresh, pixels=fresh.pixels[once])
    for record in intra_class(collapsed, real, CLASSES, level=0.95, rng=rng(0))["per_class"].values():
        assert record["ms_ssim"]["value"] == pytest.approx(1)
        assert record["ms_ssim"]["low"] > record["ms_ssim_null"]["high"]


def test_real_pairs_are_of_different_patients() -> None:
    real = pictures(0, 40, per_patient=10, classes=1)
    apart = real.groups[:, None] < real.groups[None]
    first, second = np.nonzero(apart)
    expected = ms_ssim(real.pixels[first], real.pixels[second]).mean()
    found = intra_class(pictures(1, 20, classes=1), real, ("a",), level=0.95, rng=np.random.default_rng(0))
    assert found["pooled"]["ms_ssim_null"]["value"] == pytest.approx(expected, abs=0.02)


def test_the_interval_covers_the_mean_of_the_distribution() -> None:
    truth = intra_class(pictures(99, 800), pictures(98, 800), CLASSES, level=0.95, rng=np.random.default_rng(0))
    inside = 0
    for seed in range(20):
        found = intra_class(pictures(seed, 60), pictures(200 + seed, 30), CLASSES, level=0.95,
                            rng=np.random.default_rng(seed))["pooled"]["ms_ssim"]  # fmt: skip
        inside += found["low"] <= truth["pooled"]["ms_ssim"]["value"] <= found["high"]
    assert inside >= 16


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_images_are_insufficient_never_nan(count: int) -> None:
    found = intra_class(pictures(0, count), pictures(1, 60), CLASSES, level=0.95, rng=np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    assert found["per_class"]["a"]["ms_ssim"]["why"].endswith("images, 10 needed")
    assert found["per_class"]["a"]["ms_ssim_null"]["value"] is not None
    assert found["pooled"]["ms_ssim"]["why"] == "insufficient n: no class has enough synthetic and real images"


def test_a_class_of_one_patient_says_so() -> None:
    real = replace(pictures(0, 40), groups=np.zeros(40, int))
    found = intra_class(pictures(1, 40), real, CLASSES, level=0.95, rng=np.random.default_rng(0))
    assert found["per_class"]["a"]["ms_ssim_null"]["why"] == "insufficient n: all images are of one patient"
