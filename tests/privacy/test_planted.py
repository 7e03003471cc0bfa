"""Planted copies are what they are called; shares have their exact interval."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from synthgain.privacy.planted import plant, power, rate

IMAGES = np.random.default_rng(0).integers(40, 200, (30, 1, 16, 16), dtype=np.uint8)


def test_each_kind_is_a_change_of_the_same_images() -> None:
    planted = plant(IMAGES, 3, most=20)
    exact = planted["exact"]
    originals = {image.tobytes() for image in IMAGES}
    assert all(image.tobytes() in originals for image in exact)
    assert len({image.tobytes() for image in exact}) == 20
    assert np.array_equal(planted["flipped"], exact[..., ::-1])
    for kind, images in planted.items():
        assert images.shape == (20, 1, 16, 16)
        assert images.dtype == np.uint8
        assert kind == "exact" or not np.array_equal(images, exact)
    noise = planted["noisy"].astype(float) - exact
    assert noise.std() == pytest.approx(10, rel=0.05)
    assert np.corrcoef(planted["intensity"][0].ravel(), exact[0].ravel())[0, 1] > 0.99


def test_the_seed_decides_them() -> None:
    first, again, other = (plant(IMAGES, seed)["rotated"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_colour_images_and_few_images_can_be_planted() -> None:
    assert plant(np.repeat(IMAGES[:2], 3, axis=1), 0)["rotated"].shape == (2, 3, 16, 16)


@pytest.mark.parametrize("found", [0, 1, 9, 20])
def test_the_interval_is_clopper_and_pearsons(found: int) -> None:
    record = rate(np.arange(20) < found)
    assert (record["low"], record["high"]) == pytest.approx(proportion_confint(found, 20, method="beta"))
    assert record["share"] == found / 20


def test_power_is_the_share_found_by_kind_and_nothing_has_no_share() -> None:
    found = power(lambda images: images.mean((1, 2, 3)) > 0, plant(IMAGES, 0))
    assert {record["share"] for record in found.values()} == {1}
    assert rate(np.zeros(0, bool))["why"] == "insufficient n: no image"
