"""Near-duplicates are all found, and found again through others between them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgain.quality import duplicates
from synthgain.quality.duplicates import Groups, join_near_duplicates, repeated


def textures(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random images, uint8 (count, 64, 64)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


POSITIONS = [
    lambda x: x, lambda x: x[:, ::-1], lambda x: x[:, :, ::-1], lambda x: x[:, ::-1, ::-1],
    lambda x: x.swapaxes(1, 2), lambda x: x.swapaxes(1, 2)[:, ::-1], lambda x: x.swapaxes(1, 2)[:, :, ::-1],
    lambda x: x.swapaxes(1, 2)[:, ::-1, ::-1],
]  # fmt: skip
"""An image as it is, mirrored, turned by quarters, and both."""


def both_groups(images: np.ndarray, folder: Path, rms: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    images.tofile(folder / "thumbs")
    same, alike = Groups(len(images)), Groups(len(images))
    join_near_duplicates(same, alike, folder / "thumbs", len(images), rms)
    return same.roots(), alike.roots()


def groups_of(images: np.ndarray, folder: Path, rms: float = 2.5) -> np.ndarray:
    same, alike = both_groups(images, folder, rms)
    assert np.array_equal(same, alike)
    return same


def by_all_pairs(images: np.ndarray, rms: float, positions: int = 1) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.int64)
    groups = Groups(len(images))
    for move in POSITIONS[:positions]:
        moved = move(images).reshape(len(images), -1).astype(np.int64)
        for a in range(len(flat)):
            for b in np.flatnonzero(((moved - flat[a]) ** 2).mean(1) < rms**2):
                groups.join(a, int(b))
    return groups.roots()


@pytest.mark.parametrize("rms", [1.5, 2.5, 20.0])
def test_the_search_finds_what_comparing_all_pairs_finds(tmp_path: Path, rms: float) -> None:
    random = np.random.default_rng(1)
    base = textures(40)
    spread = random.uniform(0, 2.0 * rms, (4, 40, 1, 1))
    noisy = np.clip(base + spread * random.choice([-1, 1], (4, 40, 64, 64)), 0, 255).astype(np.uint8)
    images = random.permutation(np.concatenate([base, *noisy]))
    expected = by_all_pairs(images, rms)
    assert np.array_equal(groups_of(images, tmp_path, rms), expected)
    assert 1 < len(set(expected)) < len(images)


@pytest.mark.parametrize("rms", [1.5, 20.0])
def test_mirrored_and_turned_copies_are_found_apart_from_those_as_they_are(tmp_path: Path, rms: float) -> None:
    random = np.random.default_rng(2)
    base = textures(24)
    moved = np.concatenate([move(base) for move in POSITIONS])
    noise = random.uniform(0, 2.0 * rms, (len(moved), 1, 1)) * random.choice([-1, 1], (len(moved), 64, 64))
    images = random.permutation(np.concatenate([base, np.clip(moved + noise, 0, 255).astype(np.uint8)]))
    same, alike = both_groups(images, tmp_path, rms)
    assert np.array_equal(same, by_all_pairs(images, rms))
    assert np.array_equal(alike, by_all_pairs(images, rms, len(POSITIONS)))
    assert len(set(alike)) < len(set(same)) < len(images)


@pytest.mark.parametrize("move", POSITIONS)
def test_each_position_alone_joins(tmp_path: Path, move: Callable[[np.ndarray], np.ndarray]) -> None:
    base = textures(3)
    images = np.concatenate([base, move(base[:1])])
    assert both_groups(images, tmp_path)[1].tolist() == [0, 1, 2, 0]


def test_more_images_than_a_block_and_few_directions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_ROWS", 16)
    monkeypatch.setattr(duplicates, "_PAIRS", 8)
    ramp = (np.arange(120)[:, None, None] * np.ones((1, 64, 64))).astype(np.uint8)  # steps of one grey level
    assert set(groups_of(ramp, tmp_path)) == {0}
    assert np.array_equal(groups_of(3 * ramp[:80], tmp_path), np.arange(80))


def test_images_join_through_others_between_them(tmp_path: Path) -> None:
    base = textures(1)[0] // 2
    chain = np.stack([base, base + 2, base + 4, base + 60])
    assert groups_of(chain, tmp_path).tolist() == [0, 0, 0, 3]


def test_images_of_one_grey_level_and_a_single_image(tmp_path: Path) -> None:
    assert groups_of(np.zeros((3, 64, 64), np.uint8), tmp_path).tolist() == [0, 0, 0]
    assert groups_of(np.zeros((1, 64, 64), np.uint8), tmp_path).tolist() == [0]
    assert groups_of(np.zeros((2, 64, 64), np.uint8), tmp_path, 0).tolist() == [0, 1]


def test_equal_keys_join_and_empty_ones_do_not() -> None:
    groups = Groups(5)
    groups.join_equal(pd.Series(["p1", "", "p2", "p1", ""]))
    assert groups.roots().tolist() == [0, 1, 2, 0, 4]
    groups.join_equal(pd.Series(["", "x", "x", "", ""]))
    groups.join_equal(pd.Series(["y", "y", "", "", ""]))
    assert groups.roots().tolist() == [0, 0, 0, 0, 4]


def test_of_equal_images_the_first_is_kept_and_one_with_a_split_before_one_without() -> None:
    hashes = pd.Series(["a", "b", "a", "c", "a", "b"], [10, 11, 12, 13, 14, 15])
    nothing = pd.Series(False, hashes.index)
    assert repeated(hashes, nothing) == {12: 10, 14: 10, 15: 11}
    assert repeated(hashes, nothing | (hashes.index == 14)) == {10: 14, 12: 14, 15: 11}
