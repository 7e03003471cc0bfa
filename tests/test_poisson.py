"""Batches hold each unit with the same probability, on its own, and never two images of a patient."""

import numpy as np

from synthgain.poisson import PoissonSplit
from synthgain.training import TrainSplit


def sampled(units: np.ndarray) -> PoissonSplit:
    images = np.zeros((40, 1, 2, 2), np.uint8)
    images[:] = np.arange(40)[:, None, None, None]
    return PoissonSplit(TrainSplit(images, np.arange(40), np.arange(40) % 2, 0), units, 7)


def drawn(split: PoissonSplit, steps: int, size: int) -> list[np.ndarray]:
    return [split.batch(step, size)[0][:, 0, 0, 0].numpy() for step in range(steps)]


def test_images_come_independently_at_the_rate_that_is_accounted_for() -> None:
    batches = drawn(sampled(np.arange(40)), 2000, 8)
    sizes = np.array([len(batch) for batch in batches])
    assert abs(sizes.mean() - 8) < 0.25
    assert abs(sizes.var() - 40 * 0.2 * 0.8) < 0.8
    shares = np.bincount(np.concatenate(batches), minlength=40) / 2000
    assert np.abs(shares - 0.2).max() < 0.05
    assert all(len(np.unique(batch)) == len(batch) for batch in batches)


def test_a_patient_gives_one_image_at_most_and_each_of_his_in_turn() -> None:
    patients = np.arange(40) // 4
    batches = drawn(sampled(np.random.default_rng(0).permutation(patients)), 5, 5)
    assert all(len(batch) <= 10 for batch in batches)
    batches = drawn(sampled(patients), 1000, 5)
    assert all(len(np.unique(batch // 4)) == len(batch) for batch in batches)
    assert np.bincount(np.concatenate(batches), minlength=40).min() > 80


def test_the_batch_is_a_function_of_seed_and_step() -> None:
    split = sampled(np.arange(40))
    assert np.array_equal(split.batch(3, 8)[0], sampled(np.arange(40)).batch(3, 8)[0])
    assert not np.array_equal(split.batch(3, 8)[0], split.batch(4, 8)[0])
    assert split.batch(3, 8)[1].dtype.is_floating_point is False
