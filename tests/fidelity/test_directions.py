"""Which measure moves which way under a known harm, beside what two samples of one distribution give.

The harms follow the sanity checks of Räisä, van Breugel and van der Schaar 2025 (arXiv 2505.22450). A measure moves
where its value, or its mean over the halvings, lies outside the range of the real-versus-real values.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest

from synthgain.dataset import Images
from synthgain.fidelity.comparison import Sample, distances
from synthgain.fidelity.diversity import intra_class

COUNT, FEATURES = 1000, 8
UP, DOWN, SAME = "up", "down", "same"
MODES = 4 * (np.arange(COUNT) % 2)[:, None] * (np.arange(FEATURES) == 0)


def drawn(seed: int) -> np.ndarray:
    """Two modes at equal shares, ``(COUNT, FEATURES)``."""
    random = np.random.default_rng(seed)
    return random.normal(size=(COUNT, FEATURES)) + MODES


REAL = drawn(0)


def mean_shift(fresh: np.ndarray) -> np.ndarray:
    return fresh + 1.0


def mode_drop(fresh: np.ndarray) -> np.ndarray:
    return fresh - MODES


def mode_collapse(fresh: np.ndarray) -> np.ndarray:
    """Every mode shrinks to a small part of itself."""
    return MODES + 0.2 * (fresh - MODES)


def outliers(fresh: np.ndarray) -> np.ndarray:
    """One image in ten is far from everything."""
    return fresh + 40 * (np.arange(COUNT) % 10 == 0)[:, None] * np.random.default_rng(1).normal(size=fresh.shape)


def duplicates(fresh: np.ndarray) -> np.ndarray:
    """A hundred images, each drawn ten times."""
    return np.repeat(fresh[:100], COUNT // 100, axis=0)


def copies(fresh: np.ndarray) -> np.ndarray:
    """The real images themselves."""
    return REAL[np.random.default_rng(2).permutation(COUNT)]


def same(fresh: np.ndarray) -> np.ndarray:
    return fresh


EXPECTED: dict[Any, dict[str, str]] = {
    same: dict.fromkeys(("kid", "fid", "fid_infinity", "precision", "recall", "density", "coverage", "c2st"), SAME),
    mean_shift: {"kid": UP, "fid": UP, "fid_infinity": UP, "precision": DOWN, "recall": DOWN, "density": DOWN,
                 "coverage": DOWN, "c2st": UP},
    mode_drop: {"kid": UP, "fid": UP, "fid_infinity": UP, "precision": SAME, "recall": DOWN, "coverage": DOWN,
                "c2st": UP},
    mode_collapse: {"kid": UP, "fid": UP, "fid_infinity": UP, "precision": UP, "density": UP, "recall": DOWN,
                    "coverage": DOWN},
    outliers: {"kid": UP, "fid": UP, "fid_infinity": UP, "precision": DOWN, "coverage": SAME},
    duplicates: {"fid": UP, "fid_infinity": UP, "recall": DOWN, "coverage": DOWN, "precision": SAME},
    # Closer than real images are to each other: what gives memorisation away here; the privacy audit says of whom.
    copies: {"kid": DOWN, "fid": DOWN, "precision": UP, "recall": UP, "density": UP, "coverage": UP, "c2st": DOWN},
}  # fmt: skip


@cache
def found(harm: Any) -> dict[str, Any]:
    numbers = np.arange(COUNT)
    labels = np.zeros(COUNT, np.int64)
    synthetic = Sample(harm(drawn(1)).astype(np.float32), labels, COUNT + numbers)
    return distances(synthetic, Sample(REAL.astype(np.float32), labels, numbers), np.random.default_rng(0))


@pytest.mark.parametrize(
    "harm, measure, way",
    [pytest.param(harm, measure, way, id=f"{harm.__name__}-{measure}-{way}")
     for harm, ways in EXPECTED.items() for measure, way in ways.items()],
)  # fmt: skip
def test_a_harm_moves_the_measure_this_way_and_none_moves_without_one(harm: Any, measure: str, way: str) -> None:
    value, null = found(harm)[measure], found(harm)[f"{measure}_null"]
    middle = value.get("value", value.get("mean"))
    moved = UP if middle > null["high"] else DOWN if middle < null["low"] else SAME
    assert moved == way, (value, null)


def test_two_samples_of_one_distribution_have_a_large_p_and_a_shift_the_smallest() -> None:
    assert found(same)["c2st"]["p"] > 0.05
    assert found(mean_shift)["c2st"]["p"] == 1 / 200


def test_a_dropped_mode_raises_similarity_within_a_class_and_a_fresh_sample_does_not() -> None:
    random = np.random.default_rng(0)
    shapes = np.kron(random.uniform(0, 255, (200, 1, 8, 8)), np.ones((1, 1, 4, 4))).astype(np.uint8)
    labels, numbers = np.zeros(100, np.int64), np.arange(100)
    real = Images(shapes[:100], labels, numbers)
    for chosen, way in ((numbers, SAME), (numbers % 5, UP), (numbers % 1, UP)):
        synthetic = Images(shapes[100:][chosen], labels, numbers)
        record = intra_class(synthetic, real, ("a",), level=0.95, rng=np.random.default_rng(0))["pooled"]
        value, null = record["ms_ssim"], record["ms_ssim_null"]
        assert (UP if value["low"] > null["high"] else SAME) == way
