"""KID and FID against known answers and other implementations."""

import numpy as np
import pytest
import torch
from monai.metrics.fid import get_fid_score
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel
from torchmetrics.image.kid import poly_mmd

from synthgain.fidelity.fid import fid, fid_infinity
from synthgain.fidelity.kid import kid, kid_interval


def normal(seed: int, count: int, features: int, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, spread, (count, features)).astype(np.float32)


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return polynomial_kernel(x.astype(np.float64), y, degree=3, gamma=1 / x.shape[1], coef0=1)


def test_kid_is_the_unbiased_estimate_with_the_cubic_kernel() -> None:
    first, second = normal(0, 40, 6), normal(1, 30, 6, 0.5)

    own = [kernel(x, x)[~np.eye(len(x), dtype=bool)].mean() for x in (first, second)]
    assert kid(first, second) == pytest.approx(sum(own) - 2 * kernel(first, second).mean())


def test_kid_of_one_distribution_is_zero_on_average_whatever_the_sizes() -> None:
    values = [kid(normal(2 * s, 30, 16), normal(2 * s + 1, 90, 16)) for s in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


@pytest.mark.parametrize("harm", ["shift", "collapse", "spread"])
def test_distances_grow_with_the_harm(harm: str) -> None:
    real = normal(0, 400, 8)
    same = normal(1, 400, 8)
    worse = {
        "shift": same + 0.5, "collapse": np.repeat(same[:4], 100, axis=0), "spread": same * 2,
    }[harm]  # fmt: skip
    assert kid(worse, real) > 10 * abs(kid(same, real))
    assert fid(worse, real) > 3 * fid(same, real)


def test_the_kid_interval_covers_the_distance_of_the_distributions() -> None:
    truth = kid(normal(8, 4000, 4, 0.5), normal(9, 4000, 4))
    inside = 0
    for seed in range(60):
        first, second = normal(3 * seed, 60, 4, 0.5), normal(3 * seed + 1, 80, 4)
        low, high = kid_interval(
            first, second, (np.arange(60), np.arange(80)), level=0.95, rng=np.random.default_rng(seed), halves=150
        )  # fmt: skip
        inside += low <= truth <= high
    assert inside >= 54


def test_images_of_one_patient_widen_the_interval() -> None:
    patients = np.repeat(np.arange(20), 5)
    real = normal(0, 20, 4)[patients] + 0.1 * normal(1, 100, 4)
    synthetic = normal(2, 200, 4, 0.5)
    widths = [
        np.diff(kid_interval(synthetic, real, (np.arange(200), groups), level=0.95, rng=np.random.default_rng(0)))[0]
        for groups in (patients, np.arange(100))
    ]
    assert widths[0] > 1.3 * widths[1]


def test_images_of_one_patient_add_no_distance_between_samples_of_one_distribution() -> None:
    patients = np.repeat(np.arange(12), 10)
    found = {"patients": [], "images": []}
    covered = 0
    for seed in range(40):
        of_patients, fresh = normal(3 * seed, 12, 4), normal(3 * seed + 1, 200, 4)
        real = of_patients[patients] + 0.1 * normal(3 * seed + 2, 120, 4)
        fresh = fresh + 0.1 * normal(1000 + seed, 200, 4)
        found["patients"].append(kid(fresh, real, (np.arange(200), patients)))
        found["images"].append(kid(fresh, real))
        low, high = kid_interval(
            fresh, real, (np.arange(200), patients), level=0.95, rng=np.random.default_rng(seed), halves=100
        )
        covered += low <= 0 <= high
    error = np.std(found["patients"]) / np.sqrt(40)
    assert abs(np.mean(found["patients"])) < 3 * error
    assert np.mean(found["images"]) > 4 * error
    assert covered >= 36


def test_kid_by_groups_is_the_mean_over_pairs_of_different_groups() -> None:
    first, second = normal(0, 9, 5), normal(1, 12, 5)
    groups = np.arange(9) // 2, np.arange(12) // 4
    means = []
    for features, members in zip((first, second), groups, strict=True):
        apart = members[:, None] != members[None]
        means.append(kernel(features, features)[apart].mean())
    expected = sum(means) - 2 * kernel(first, second).mean()
    assert kid(first, second, groups) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"got 5 and 1 \(of different groups\)"):
        kid(first, second, (groups[0], np.zeros(12, int)))


def test_fid_is_the_frechet_distance_with_the_matrix_square_root() -> None:
    first, second = (normal(s, 200, 10, 0.1 * s, 1 + s).astype(np.float64) for s in (0, 1))
    cov1, cov2 = np.cov(first.T), np.cov(second.T)
    root = sqrtm(cov1 @ cov2).real
    expected = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(cov1 + cov2 - 2 * root)
    assert fid(first, second) == pytest.approx(expected)


def test_fid_of_known_gaussians() -> None:
    # |mu|^2 = 8 * 0.25 and tr(1 + 4 - 2 * 2) = 8, with many samples.
    assert fid(normal(0, 50_000, 8), normal(1, 50_000, 8, 0.5, 2.0)) == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("count, expected", [(100, 659), (1000, 133)])
def test_fid_of_one_distribution_is_large_where_images_are_few_and_kid_is_not(count: int, expected: float) -> None:
    first, second = normal(0, count, 512), normal(1, count, 512)
    assert fid(first, second) == pytest.approx(expected, rel=0.02)
    assert abs(kid(first, second)) < 0.01


def test_fid_of_a_set_with_itself_is_zero_and_fewer_images_than_features_do_no_harm() -> None:
    few = normal(0, 5, 40)
    assert fid(few, few) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(fid(few, normal(1, 3, 40)))
    constant = np.ones((4, 6), np.float32)
    assert fid(constant, constant) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("distance", [kid, fid])
def test_a_single_image_is_no_distribution(distance) -> None:
    with pytest.raises(ValueError, match="two images in each set, got 1 and 5"):
        distance(normal(0, 1, 3), normal(1, 5, 3))


def test_kid_and_fid_equal_torchmetrics_and_monai_on_the_same_features() -> None:
    first, second = (torch.from_numpy(normal(seed, 150, 12, 0.3 * seed)).double() for seed in (0, 1))
    assert kid(first.numpy(), second.numpy()) == pytest.approx(float(poly_mmd(first, second)))
    assert fid(first.numpy(), second.numpy()) == pytest.approx(float(get_fid_score(first, second)), rel=1e-3)


def test_fid_infinity_of_one_distribution_is_zero_where_fid_is_not() -> None:
    values = [fid_infinity(normal(2 * s, 400, 32), normal(2 * s + 1, 400, 32)) for s in range(20)]
    assert fid(normal(0, 400, 32), normal(1, 400, 32)) > 1
    assert abs(np.mean(values)) < 0.1


def test_fid_infinity_is_the_distance_of_the_distributions() -> None:
    # |mu|^2 = 32 * 0.25 and tr(1 + 4 - 2 * 2) = 32.
    values = [fid_infinity(normal(2 * s, 500, 32), normal(2 * s + 1, 500, 32, 0.5, 2.0)) for s in range(10)]
    assert np.mean(values) == pytest.approx(40, rel=0.02)


def test_fid_infinity_of_too_few_images_is_refused() -> None:
    with pytest.raises(ValueError, match="128 for 32 features, got 127 and 127"):
        fid_infinity(normal(0, 127, 32), normal(1, 127, 32))
    with pytest.raises(ValueError, match="equally many"):
        fid_infinity(normal(0, 200, 32), normal(1, 150, 32))
