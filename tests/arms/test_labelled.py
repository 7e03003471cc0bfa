"""Fewer and more labelled patients."""

from types import ModuleType

import numpy as np
import pytest

from synthgain.arms.labelled import copied, counted, with_labels
from synthgain.dataset import ImageSet


@pytest.fixture
def real(toy: ModuleType) -> ImageSet:
    """Ten train, five val, five test and three unused images of each class, each a group of its own."""
    return toy.real()


def chosen(images: ImageSet) -> set[str]:
    return set(images.table["image_id"].iloc[images.rows("train")])


def test_shares_are_nested_keep_every_class_and_leave_validation_and_test(real: ImageSet) -> None:
    held = [with_labels(real, share, seed=0) for share in (0.2, 0.5, 1.0, 1.2)]
    assert [counted(each)["images"] for each in held] == [6, 15, 30, 36]
    assert chosen(held[0]) < chosen(held[1]) < chosen(held[2]) < chosen(held[3])
    assert chosen(held[2]) == chosen(real)
    for each in held:
        assert np.bincount(each.labels[each.rows("train")]).tolist() == [len(each.rows("train")) // 3] * 3
        for split in ("val", "test"):
            assert (each.rows(split) == real.rows(split)).all()


def test_where_there_are_not_enough_unused_patients_all_are_taken(real: ImageSet) -> None:
    assert counted(with_labels(real, 4.0, seed=0)) == {"images": 39, "groups": 39}


def test_another_seed_draws_other_patients(real: ImageSet) -> None:
    assert chosen(with_labels(real, 0.5, seed=0)) != chosen(with_labels(real, 0.5, seed=1))


def test_unused_images_of_patients_in_validation_or_test_are_never_added(real: ImageSet) -> None:
    table = real.table.copy()
    unused, val = real.rows("unused"), real.rows("val")
    table.loc[unused[0], "group"] = table["group"].iloc[val[0]]
    crossed = ImageSet(real.images, table, real.classes, real.sha256)
    assert table["image_id"].iloc[unused[0]] not in chosen(with_labels(crossed, 4.0, seed=0))


def test_images_of_a_training_patient_that_the_budget_left_out_come_only_with_more_labels(real: ImageSet) -> None:
    table = real.table.copy()
    unused, train = real.rows("unused"), real.rows("train")
    label = table["label"].iloc[unused[0]]
    mate = next(row for row in train if table["label"].iloc[row] == label)
    table.loc[unused[0], "group"] = table["group"].iloc[mate]
    shared = ImageSet(real.images, table, real.classes, real.sha256)
    assert table["image_id"].iloc[unused[0]] not in chosen(with_labels(shared, 1.0, seed=0))
    assert table["image_id"].iloc[unused[0]] in chosen(with_labels(shared, 1.3, seed=0))


def test_more_labels_are_counted_in_images_and_taken_from_many_patients_in_turns(real: ImageSet) -> None:
    table = real.table.copy()
    unused = real.rows("unused")
    table.loc[unused, "label"] = table["label"].iloc[unused[0]]
    table.loc[unused, "group"] = ["one"] * 7 + ["two", "three"]
    several = ImageSet(real.images, table, real.classes, real.sha256)
    held = with_labels(several, 1.3, seed=0)
    added = set(held.rows("train")) - set(real.rows("train"))
    assert len(added) == 3
    assert set(table["group"].iloc[sorted(added)]) == {"one", "two", "three"}


def test_copies_are_labelled_training_images_with_classes_in_turns(real: ImageSet) -> None:
    few = with_labels(real, 0.5, seed=0)
    pool = copied(few, 2.0, seed=0)
    assert len(pool) == 2 * len(few.rows("train"))
    assert set(pool.table["image_id"]) <= chosen(few)
    assert pool.labels[:6].tolist() == [0, 1, 2, 0, 1, 2]
    assert len(pool.rows("train")) == len(pool)
    assert pool.table["image_id"].tolist() != copied(few, 2.0, seed=1).table["image_id"].tolist()
