"""Nearest neighbours, by chunks, as brute force finds them."""

import numpy as np
import pytest

from synthgain.privacy import neighbours
from synthgain.privacy.neighbours import flipped, group_distances, nearest, pixels


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_CHUNK", 7)


def images(seed: int, count: int, size: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, size, size), dtype=np.uint8)


def brute(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(first[:, None].astype(float) - second[None]).mean(-1))


def test_nearest_is_that_of_brute_force() -> None:
    first, second = pixels(images(0, 20)), pixels(images(1, 33))
    found, expected = nearest(first, second), brute(first, second)
    assert np.array_equal(found.row, expected.argmin(1))
    assert found.distance == pytest.approx(expected.min(1))


def test_a_copy_has_distance_zero_exactly() -> None:
    stored = pixels(images(2, 50, 32))
    found = nearest(stored[[31, 4]], stored)
    assert found.row.tolist() == [31, 4]
    assert found.distance.tolist() == [0, 0]


def test_images_of_the_own_group_do_not_count() -> None:
    stored = pixels(images(3, 12))
    groups = np.arange(12) // 3
    found = nearest(stored, stored, (groups, groups))
    assert (groups[found.row] != groups).all()
    assert np.isinf(nearest(stored, stored, (groups * 0, groups * 0)).distance).all()
    assert np.isinf(nearest(stored, stored[:0]).distance).all()


def test_distance_to_each_group_is_that_to_its_nearest_image() -> None:
    first, second = pixels(images(4, 9)), pixels(images(5, 20))
    groups = np.random.default_rng(0).permutation(np.arange(20) % 6)
    expected = np.stack([brute(first, second[groups == g]).min(1) for g in range(6)], axis=1)
    assert group_distances(first, second, groups) == pytest.approx(expected, rel=1e-4)


def test_large_images_are_compared_at_64_pixels() -> None:
    large = images(6, 9, 128)
    assert pixels(large).shape == (9, 64 * 64)
    assert pixels(large)[8, 0] == pytest.approx(large[8, 0, :2, :2].mean())
    assert np.array_equal(flipped(flipped(large)), large)
