"""What the batches of every arm hold."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from synthgain.arms.arm import parse
from synthgain.arms.stream import class_weights, lacks, pool_rows, stream
from synthgain.dataset import ImageSet
from synthgain.errors import SynthgainError

ARMS = (
    "real",
    "classic",
    "oversample",
    "duplicate",
    "synthetic-edm-r0.5",
    "synthetic-edm-r1",
    "synthetic-edm-r2-unfiltered",
    "pretrain-edm",
    "synthetic-only-edm",
)
BATCH = 16
SYNTHETIC = 7
"""Marks synthetic images in the second pixel; real ones hold the number of their split there."""


def marked(images: ImageSet) -> ImageSet:
    """The set with each image's row number in its first pixel and where it belongs in its second."""
    for row, image in enumerate(images.images):
        splits = ["train", "val", "test", "unused"]
        source = images.table["source"][row]
        image[0, 0, :2] = row, splits.index(images.table["split"][row]) if source == "real" else SYNTHETIC
    return images


@pytest.fixture
def real(toy: ModuleType) -> ImageSet:
    return marked(toy.real())


@pytest.fixture
def pool(toy: ModuleType) -> ImageSet:
    return marked(toy.pool())


def drawn(name: str, real: ImageSet, pool: ImageSet, steps: int = 60, seed: int = 5) -> tuple[np.ndarray, ...]:
    """Row number, mark and label of every slot, each ``(steps, BATCH)``."""
    arm = parse(name)
    batch = stream(arm, real, pool if arm.generator else None, seed=seed, batch_size=BATCH, steps=steps)
    batches = [batch(step) for step in range(steps)]
    images, labels = np.stack([b[0] for b in batches]), np.stack([b[1] for b in batches])
    return images[:, :, 0, 0, 0], images[:, :, 0, 0, 1], labels


@pytest.mark.parametrize("name", ARMS)
def test_every_batch_is_full_and_holds_train_or_synthetic_images_with_their_labels(
    name: str, real: ImageSet, pool: ImageSet
) -> None:
    rows, marks, labels = drawn(name, real, pool)
    assert rows.shape == (60, BATCH)
    assert set(np.unique(marks)) <= {0, SYNTHETIC}
    synthetic = marks == SYNTHETIC
    assert np.array_equal(labels[~synthetic], real.labels[rows[~synthetic]])
    assert np.array_equal(labels[synthetic], pool.labels[rows[synthetic]])


@pytest.mark.parametrize("name", [name for name in ARMS if not parse(name).pretrained])
def test_the_share_of_synthetic_slots_is_exact(name: str, real: ImageSet, pool: ImageSet) -> None:
    synthetic = (drawn(name, real, pool)[1] == SYNTHETIC).sum(1)
    share = parse(name).synthetic_share
    assert synthetic.sum() == int(share * 60 * BATCH)
    assert set(synthetic) <= {int(share * BATCH), int(share * BATCH) + (share * BATCH % 1 != 0)}


@pytest.mark.parametrize("name", ["duplicate", "synthetic-edm-r0.5", "synthetic-edm-r2-unfiltered"])
def test_synthetic_slots_are_class_balanced(name: str, real: ImageSet, pool: ImageSet) -> None:
    _, marks, labels = drawn(name, real, pool)
    counts = np.bincount(labels[marks == SYNTHETIC], minlength=3)
    assert counts.max() - counts.min() <= 1


def test_oversampling_balances_classes_that_are_not(toy: ModuleType, pool: ImageSet) -> None:
    real = marked(toy.real())
    spared = [row for row in real.rows("train") if real.labels[row] == 1][:3]
    few = real.part(np.flatnonzero((real.labels != 1) | np.isin(np.arange(len(real)), spared)))
    labels = drawn("oversample", few, pool)[2]
    assert np.bincount(labels.ravel()).tolist() == [320, 320, 320]
    assert np.bincount(drawn("classic", few, pool)[2].ravel())[1] < 200


def test_every_train_image_is_seen_equally_often(real: ImageSet, pool: ImageSet) -> None:
    counts = np.bincount(drawn("classic", real, pool)[0].ravel(), minlength=len(real))[real.rows("train")]
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", ["real", "duplicate", "synthetic-edm-r0.5", "synthetic-edm-r1"])
def test_arms_see_the_real_images_in_the_same_order(name: str, real: ImageSet, pool: ImageSet) -> None:
    reference = drawn("classic", real, pool)[0].ravel()
    rows, marks, _ = drawn(name, real, pool)
    seen = rows[marks == 0]
    assert np.array_equal(seen, reference[: len(seen)])


def test_a_batch_is_a_function_of_seed_and_step(real: ImageSet, pool: ImageSet) -> None:
    arm = parse("synthetic-edm-r1")
    batch = stream(arm, real, pool, seed=5, batch_size=BATCH, steps=8)
    ahead = batch(7)
    again = [stream(arm, real, pool, seed=5, batch_size=BATCH, steps=8)(step) for step in range(8)][7]
    other = stream(arm, real, pool, seed=6, batch_size=BATCH, steps=8)(7)
    assert np.array_equal(ahead[0], again[0])
    assert not np.array_equal(ahead[0], other[0])


def test_an_arm_uses_the_first_kept_images_of_its_ratio(real: ImageSet, pool: ImageSet) -> None:
    kept = np.flatnonzero(pool.table["kept"])
    assert pool_rows(parse("synthetic-edm-r0.5"), pool, 30).tolist() == kept[:15].tolist()
    assert pool_rows(parse("synthetic-edm-r0.5-unfiltered"), pool, 30).tolist() == list(range(15))
    rows, marks, _ = drawn("synthetic-edm-r0.5", real, pool)
    assert set(rows[marks == SYNTHETIC]) == set(kept[:15])


def test_a_small_pool_is_cycled(real: ImageSet, toy: ModuleType) -> None:
    rows, marks, _ = drawn("synthetic-edm-r2-unfiltered", real, marked(toy.pool(images=9)))
    assert set(rows[marks == SYNTHETIC]) == set(range(9))


def test_an_arm_whose_pool_lacks_a_class_says_so_before_it_is_trained(pool: ImageSet) -> None:
    assert lacks(parse("synthetic-edm-r1"), pool, 30) is None
    without = replace(pool, table=pool.table.assign(kept=pool.table["label"] != "middle"))
    assert "no image of class middle" in str(lacks(parse("synthetic-edm-r1"), without, 30))
    assert lacks(parse("synthetic-edm-r1-unfiltered"), without, 30) is None


def test_a_pool_that_lacks_a_class_is_refused_with_the_counts(real: ImageSet, pool: ImageSet) -> None:
    pool.table["kept"] &= pool.labels != 2
    with pytest.raises(
        SynthgainError, match=r"generator 'edm': 30 images .* no image of class middle .*high .*middle 0"
    ):
        stream(parse("synthetic-edm-r1"), real, pool, seed=0, batch_size=BATCH, steps=8)


def test_pretraining_is_all_synthetic_first_and_all_real_then_within_the_same_steps(
    real: ImageSet, pool: ImageSet
) -> None:
    rows, marks, _ = drawn("pretrain-edm", real, pool, steps=60)
    assert (marks[:30] == SYNTHETIC).all()
    assert (marks[30:] == 0).all()
    assert set(rows[:30].ravel()) == set(np.flatnonzero(pool.table["kept"])), "the whole filtered pool"
    alone = drawn("synthetic-only-edm", real, pool)
    assert (alone[1] == SYNTHETIC).all()


def test_shuffled_labels_are_a_permutation_and_the_images_stay(real: ImageSet, pool: ImageSet) -> None:
    rows, marks, labels = drawn("shuffled-edm-r1", real, pool)
    synthetic = marks == SYNTHETIC
    assert (labels[~synthetic] == real.labels[rows[~synthetic]]).all()
    wrong = labels[synthetic] != pool.labels[rows[synthetic]]
    assert 0.4 < wrong.mean() < 0.9
    used, at = np.unique(rows[synthetic], return_index=True)
    assert set(used) == set(pool_rows(parse("shuffled-edm-r1"), pool, len(real.rows("train"))))
    given = labels[synthetic][at]
    assert (np.bincount(given) == np.bincount(pool.labels[used])).all(), "an image keeps one label, classes their size"


def test_class_weights_make_every_class_weigh_the_same(real: ImageSet) -> None:
    uneven = real.part(np.concatenate([real.rows("train")[real.labels[real.rows("train")] == k][:n]
                                       for k, n in enumerate((8, 4, 2))]))  # fmt: skip
    weights = class_weights(uneven)
    assert weights * np.bincount(uneven.labels) == pytest.approx(np.full(3, 14 / 3))
