"""Precision, recall, density and coverage against another implementation and known answers."""

import numpy as np
import prdc as reference
import pytest

from synthgain.fidelity.prdc import prdc


def normal(seed: int, count: int, features: int = 8, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, features)).astype(np.float32)


@pytest.mark.parametrize("shift", [0.0, 0.7, 5.0])
@pytest.mark.parametrize("counts", [(40, 60), (700, 600)])
def test_all_four_equal_those_of_the_authors_package(shift: float, counts: tuple[int, int]) -> None:
    synthetic, real = normal(0, counts[0], shift=shift), normal(1, counts[1])
    expected = reference.compute_prdc(real.astype(np.float64), synthetic.astype(np.float64), nearest_k=5)
    assert prdc(synthetic, real)._asdict() == pytest.approx(expected)


def test_the_real_set_itself_has_every_share_of_one() -> None:
    real = normal(0, 50)
    found = prdc(real, real)
    assert found.precision == found.recall == found.coverage == 1


def test_equal_features_far_from_the_origin_lie_in_each_others_balls() -> None:
    constant = np.full((30, 8), 1234.567, np.float32)
    found = prdc(constant, constant)
    assert found.precision == found.recall == found.coverage == 1


def test_constant_synthetic_images_inside_reach_nearly_nothing() -> None:
    real = normal(0, 200)
    found = prdc(np.repeat(real[:1], 200, axis=0), real)
    assert found.precision == 1
    assert found.recall == pytest.approx(1 / 200)
    assert found.coverage < 0.2


def test_two_samples_of_one_distribution_reach_the_expected_coverage() -> None:
    found = np.mean([prdc(normal(2 * s, 300), normal(2 * s + 1, 300)) for s in range(10)], axis=0)
    assert found[3] == pytest.approx(1 - 2**-5, abs=0.02)
    assert found[2] == pytest.approx(1, abs=0.05)


def test_too_few_images_for_k_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="k = 5 needs 6 images in each set, got 5 and 50"):
        prdc(normal(0, 5), normal(1, 50))
