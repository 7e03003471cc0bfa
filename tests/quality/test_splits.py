"""Splits keep groups whole and labels in proportion; what the data say is followed; leaks are found."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgain.errors import SynthgainError
from synthgain.quality import splits
from synthgain.schema import Budget, Split


def cohort(patients: int = 40, images: int = 5, classes: int = 3) -> pd.DataFrame:
    """Every patient has one label and a few images."""
    patient = np.repeat(np.arange(patients), images)
    return pd.DataFrame({"group": [f"g{p}" for p in patient], "label": [f"c{p % classes}" for p in patient]})


def nothing(table: pd.DataFrame) -> pd.Series:
    return pd.Series("", table.index, dtype="str")


def made(
    table: pd.DataFrame, split: Split, given_split: pd.Series | None = None, seed: int = 0, fold: int | None = None
) -> pd.Series:
    chosen = nothing(table) if given_split is None else given_split
    return splits.make(table, split, chosen, np.random.default_rng(seed), fold)


def test_shares_are_kept_for_every_label() -> None:
    table = cohort(patients=120)
    counts = pd.crosstab(table["label"], made(table, Split(fractions=(0.15, 0.25))))
    assert np.allclose(counts["test"] / counts.sum(1), 0.25, atol=0.03)
    assert np.allclose(counts["val"] / counts.sum(1), 0.15, atol=0.03)


def test_the_split_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    table = cohort()
    assert made(table, Split()).equals(made(table, Split()))
    assert not made(table, Split()).equals(made(table, Split(), seed=1))


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=1, max_size=80),
    folds=st.one_of(st.none(), st.integers(2, 5)),
    said=st.lists(st.sampled_from(["", "", "train", "test"]), min_size=13, max_size=13),
)  # fmt: skip
def test_a_group_lies_in_one_split_and_every_image_in_some(
    labels: list[tuple[int, str]], folds: int | None, said: list[str]
) -> None:
    table = pd.DataFrame(labels, columns=["group", "label"])
    given_split = table["group"].map(lambda group: said[group]).astype("str")
    names = made(table, Split(folds=folds), given_split, fold=None if folds is None else folds - 1)
    assert set(names) <= {"train", "val", "test"}
    assert (names.groupby(table["group"]).nunique() == 1).all()
    if folds is None:
        assert (names[given_split == "test"] == "test").all()
        assert set(names[given_split == "train"]) <= {"train", "val"}


def test_folds_test_every_patient_once_and_validate_on_the_next() -> None:
    table = cohort(patients=30)
    folds = [made(table, Split(folds=5), fold=fold) for fold in range(5)]
    tested = np.stack([fold == "test" for fold in folds])
    assert (tested.sum(0) == 1).all()
    for fold in range(5):
        assert ((folds[fold] == "val") == (folds[(fold + 1) % 5] == "test")).all()
        assert (pd.crosstab(table["label"], folds[fold])["test"] == 10).all()


def test_given_values_are_read_without_regard_to_case_and_blanks() -> None:
    values = pd.Series(["Training", " TESTING", "Val", "", None, "TRAIN"])
    assert splits.given(values, Split(column="split")).tolist() == ["train", "test", "val", "", "", "train"]
    folds = Split(column="fold", test=("5",), val=("4",))
    assert splits.given(pd.Series(["1", "5", "4", ""]), folds).tolist() == ["train", "test", "val", ""]


def test_given_values_that_mean_nothing_are_named() -> None:
    strict = Split(column="set", train=("training",))
    with pytest.raises(SynthgainError, match=r"'set' has values .* nor test: 2 x 'holdout'; set dataset\.split\.train"):
        splits.given(pd.Series(["training", "holdout", "holdout", "test"]), strict)
    with pytest.raises(SynthgainError, match=r"'fold' names no test images \(values: '1', '2'\)"):
        splits.given(pd.Series(["1", "2"]), Split(column="fold"))


def test_in_the_column_split_only_train_and_training_are_train_until_others_are_named() -> None:
    values = pd.Series(["train", "dev", "external_test", "dev", "test"])
    with pytest.raises(SynthgainError, match=r"'split' has values .*: 2 x 'dev', 1 x 'external_test'; set dataset"):
        splits.given(values, Split(column="split"))
    named = Split(column="split", train=("train", "dev"), test=("test", "external_test"))
    assert splits.given(values, named).tolist() == ["train", "train", "test", "train", "test"]


def test_validation_is_taken_from_train_where_none_is_given() -> None:
    table = cohort(patients=60)
    given_split = pd.Series(np.where(table["group"].str[-1] == "0", "test", "train"), dtype="str")
    names = made(table, Split(fractions=(0.2, 0.3)), given_split)
    assert (names[given_split == "test"] == "test").all()
    assert (names == "val").sum() == pytest.approx(0.2 * (given_split == "train").sum(), abs=10)


def test_images_without_a_given_split_follow_their_group_or_are_assigned() -> None:
    table = pd.DataFrame({"group": ["a", "a", "b", *(f"g{n}" for n in range(40))], "label": "x"})
    given_split = pd.Series(["test", "", "val", *[""] * 40], dtype="str")
    names = made(table, Split(fractions=(0.25, 0.25)), given_split)
    assert names[:3].tolist() == ["test", "test", "val"]
    assert names[3:].value_counts().to_dict() == {"train": 20, "val": 10, "test": 10}


def test_shares_that_leave_no_training_images_are_refused() -> None:
    with pytest.raises(SynthgainError, match="leave nothing to train on"):
        made(cohort(), Split(fractions=(0.5, 0.5)))


def test_the_budget_is_spent_in_proportion_over_many_patients_and_never_on_test() -> None:
    table = cohort(patients=90, images=6)
    table["split"] = made(table, Split())
    spent = splits.spend(table, Budget(train=40, val=12), np.random.default_rng(0))
    assert spent.value_counts()["train"] == 40
    assert spent.value_counts()["val"] == 12
    assert ((spent == "test") == (table["split"] == "test")).all()
    chosen = table[spent == "train"]
    assert chosen["label"].value_counts().between(12, 15).all()
    assert chosen["group"].nunique() == 40
    assert (table.loc[spent == "unused", "split"] != "test").all()


def test_a_budget_above_what_there_is_takes_everything() -> None:
    table = cohort()
    table["split"] = made(table, Split())
    assert splits.spend(table, Budget(train=10_000, val=10_000), np.random.default_rng(0)).equals(table["split"])


def test_leaks_are_listed_once_per_image_and_split_with_the_closest_likeness() -> None:
    rows = [
        ("1", "train", "A", "d1", "g1"), ("2", "test", "A", "d1", "g1"), ("3", "test", "B", "d1", "g1"),
        ("4", "val", "C", "d2", "g1"), ("5", "train", "D", "d3", "g2"), ("6", "train", "E", "d4", "g2"),
        ("7", "unused", "F", "d5", "g3"), ("8", "test", "F", "d5", "g3"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["origin", "split", "sha256", "duplicate_group", "group"])
    assert splits.leaks(table).to_numpy().tolist() == [
        ["2", "test", "1", "train", "duplicate"], ["3", "test", "1", "train", "near-duplicate"],
        ["2", "test", "4", "val", "patient"], ["3", "test", "4", "val", "patient"],
        ["4", "val", "1", "train", "patient"],
    ]  # fmt: skip
    assert splits.leaks(table[table["split"] != "test"].iloc[[0, 1]]).shape == (1, 5)
    assert splits.leaks(table.iloc[4:]).empty


def test_a_share_of_the_labels_is_whole_patients_of_every_class_and_lies_within_a_larger_one() -> None:
    table = cohort(80, 3, 2)
    table["split"] = made(table, Split(fractions=(0.25, 0.25)))
    kept = {}
    for share in (0.1, 0.5, 1.0):
        names = splits.thin(table, share, np.random.default_rng(0))
        assert (names[table["split"] == "test"] == "test").all()
        assert names[names != "unused"].groupby(table["group"]).size().eq(3).all(), "patients stay whole"
        kept[share] = set(names.index[names == "train"])
        for split in ("train", "val"):
            assert set(table.loc[names == split, "label"]) == {"c0", "c1"}
    assert kept[0.1] < kept[0.5] < kept[1.0] == set(table.index[table["split"] == "train"])
    assert len(kept[0.5]) == 60
