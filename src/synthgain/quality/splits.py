"""Train, validation and test: by group and stratified by label, from a given column or from shares; and their leaks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.cell import ONLY, Cell
from synthgain.dataset import SPLITS
from synthgain.errors import SynthgainError
from synthgain.schema import Budget, Split

UNUSED = "unused"
OWN_COLUMN, TRAIN = "split", ("train", "training")
"""The column that says nothing but the split, and its values for train; other columns have values of any kind."""


def given(values: pd.Series, split: Split) -> pd.Series:
    """What a column of given values says: train, val, test, or "" where it is empty.

    Raises
    ------
    SynthgainError
        A value means neither train nor val nor test (see `Split`); or the column gives train but no test images.
    """
    folded = values.fillna("").astype(str).str.strip().str.casefold()
    names = pd.Series("train", index=values.index)
    for name in ("val", "test"):
        names[folded.isin([value.casefold() for value in getattr(split, name)])] = name
    names[folded == ""] = ""
    train = TRAIN if split.train is None and split.column == OWN_COLUMN else split.train
    if train is not None:
        strange = values[(names == "train") & ~folded.isin([value.casefold() for value in train])].astype(str)
        if len(strange):
            said = ", ".join(f"{count} x {value!r}" for value, count in strange.value_counts().head(8).items())
            raise SynthgainError(
                f"dataset.split: column '{split.column}' has values that mean neither train nor val nor test: {said}; "
                "set dataset.split.train, val or test to all values that do"
            )
    if (names == "train").any() and not (names == "test").any():
        raise SynthgainError(
            f"dataset.split: column '{split.column}' names no test images (values: {_some(values)}); "
            f"set dataset.split.test to what means test, or dataset.split.column=null to draw a split"
        )
    return names


def assign(
    groups: Sequence[Any] | pd.Series,
    labels: Sequence[Any] | pd.Series,
    shares: Sequence[float],
    random: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """The part of each image, ``(N,)`` in ``range(len(shares))``: no group in two parts, labels near their shares.

    Groups are taken from the largest to the smallest, equals in random order; each goes where it lowers the sum over
    parts and labels of (images - wanted)^2 / wanted the most.
    """
    group_of, names = pd.factorize(np.asarray(groups))
    label_of, classes = pd.factorize(np.asarray(labels), sort=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (group_of, label_of), 1)
    wanted = np.outer(np.asarray(shares, float), counts.sum(0))
    weight = 1 / np.maximum(wanted, 1e-9)
    filled = np.zeros_like(wanted)
    part = np.zeros(len(names), np.intp)
    shuffled = random.permutation(len(names))
    for group in shuffled[np.argsort(-counts.sum(1)[shuffled], kind="stable")]:
        cost = (counts[group] * (2 * (filled - wanted) + counts[group]) * weight).sum(1)
        cost[np.asarray(shares) <= 0] = np.inf
        part[group] = int(cost.argmin())
        filled[part[group]] += counts[group]
    return part[group_of]


def make(
    table: pd.DataFrame, split: Split, given_split: pd.Series, random: np.random.Generator, fold: int | None = None
) -> pd.Series:
    """The split of every row of a table with the columns ``group`` and ``label``.

    In a cross-validation part ``fold`` tests and the next one validates. Otherwise rows keep their given split; rows
    without one take that of their group, or are assigned by ``split.fractions``. Where validation images are given
    nowhere, a share of the training groups becomes validation.
    """
    if split.folds and fold is not None:
        part = assign(table["group"], table["label"], [1 / split.folds] * split.folds, random)
        role = np.where(part == fold, "test", np.where(part == (fold + 1) % split.folds, "val", "train"))
        return pd.Series(role, table.index, dtype="str")
    val, test = split.fractions
    if val + test >= 1:
        raise SynthgainError(f"dataset.split.fractions: {val:g} + {test:g} leave nothing to train on")
    names = given_split.astype("str")
    if (names != "").any():
        of_group = names[names != ""].groupby(table["group"]).first()
        names = names.where(names != "", table["group"].map(of_group).fillna("").astype("str"))
    if (names == "train").any() and not (names == "val").any():
        rows = names.index[names == "train"]
        part = assign(table.loc[rows, "group"], table.loc[rows, "label"], [1 - val, val], random)
        names.loc[rows[part == 1]] = "val"
    rows = names.index[names == ""]
    if len(rows):
        part = assign(table.loc[rows, "group"], table.loc[rows, "label"], [1 - val - test, val, test], random)
        names.loc[rows] = np.array(SPLITS)[part]
    return names


def described(split: Split, given_split: pd.Series, cell: Cell = ONLY) -> str:
    """How the split was made, in a sentence for the report."""
    if cell.labels is not None:
        level = f"{100 * cell.labels:g} % of the training and validation patients or groups are labelled"
        return f"{described(split, given_split, Cell(fold=cell.fold))}; {level}"
    val, test = split.fractions
    if split.folds and cell.fold is not None:
        return f"fold {cell.fold + 1} of {split.folds}, by patient or group and stratified by label"
    drawn = f"drawn by patient or group, stratified by label, shares {val:g} (validation) and {test:g} (test)"
    if (given_split == "").all():
        return drawn
    words = [f"given by the column '{split.column}'"]
    if not (given_split == "val").any():
        words.append(f"validation is a share of {val:g} of the training groups")
    if (given_split == "").any():
        words.append(f"{int((given_split == '').sum())} images without one: {drawn}")
    return "; ".join(words)


def spend(table: pd.DataFrame, budget: Budget, random: np.random.Generator) -> pd.Series:
    """The column ``split`` with all train and val images beyond the budget set to "unused".

    Labels share the budget in proportion to their images; within a label, images are drawn group by group in turn.
    """
    names = table["split"].copy()
    for split, images in (("train", budget.train), ("val", budget.val)):
        rows = table.index[table["split"] == split]
        quotas = _proportional(table.loc[rows, "label"].value_counts().sort_index(), images)
        for label, quota in quotas.items():
            mine = rows[table.loc[rows, "label"] == label].to_numpy()
            shuffled = random.permutation(mine)
            groups = pd.Series(table.loc[shuffled, "group"].to_numpy())
            turn = groups.groupby(groups, sort=False).cumcount().to_numpy()
            names.loc[shuffled[np.argsort(turn, kind="stable")][quota:]] = UNUSED
    return names


def thin(table: pd.DataFrame, share: float, random: np.random.Generator) -> pd.Series:
    """The column ``split`` with all but ``share`` of the train and val groups set to "unused".

    Within each split groups are drawn label by label (a group counts for its most frequent one), at least one of each;
    what a smaller share keeps, a larger one keeps, too.
    """
    names = table["split"].copy()
    for split in ("train", "val"):
        rows = table.index[table["split"] == split]
        label_of = table.loc[rows].groupby("group")["label"].agg(lambda labels: labels.mode().iloc[0])
        kept: list[Any] = []
        for _, groups in label_of.groupby(label_of):
            order = random.permutation(groups.index.to_numpy())
            kept += list(order[: max(1, round(share * len(order)))])
        names.loc[rows[~table.loc[rows, "group"].isin(kept)]] = UNUSED
    return names


def _proportional(counts: pd.Series, total: int) -> dict[str, int]:
    """Whole shares of ``total`` in proportion to ``counts`` by largest remainders, at most what there is."""
    exact = counts / counts.sum() * min(total, counts.sum())
    whole = np.floor(exact).astype(int)
    rest = (exact - whole).sort_values(ascending=False, kind="stable").index[: min(total, counts.sum()) - whole.sum()]
    whole.loc[rest] += 1
    return {str(label): int(quota) for label, quota in whole.items()}


def leaks(table: pd.DataFrame) -> pd.DataFrame:
    """For each image and each other split that holds its like: one pair, with the closest kind of likeness.

    Returns
    -------
    Columns ``origin_a, split_a, origin_b, split_b, kind``; a stands in the later of the two splits (test before val
    before train); kind is ``duplicate`` (equal pixels), ``near-duplicate`` or ``patient`` (or given group).
    """
    used = table[table["split"].isin(SPLITS)]
    crossing = used.groupby("group")["split"].nunique()
    used = used[used["group"].isin(crossing.index[crossing > 1])]
    pairs = []
    for kind, column in (("duplicate", "sha256"), ("near-duplicate", "duplicate_group"), ("patient", "group")):
        for early, late in ((0, 1), (0, 2), (1, 2)):
            partners = used[used["split"] == SPLITS[early]].drop_duplicates(column).set_index(column)["origin"]
            found = used[(used["split"] == SPLITS[late]) & used[column].isin(partners.index)]
            pairs.append(
                pd.DataFrame({
                    "origin_a": found["origin"], "split_a": SPLITS[late],
                    "origin_b": found[column].map(partners), "split_b": SPLITS[early], "kind": kind,
                })
            )  # fmt: skip
    listed = pd.concat(pairs, ignore_index=True).drop_duplicates(["origin_a", "split_b"])
    return listed.sort_values(["split_a", "split_b", "origin_a"], ignore_index=True)


def _some(values: pd.Series) -> str:
    return ", ".join(repr(value) for value in sorted(set(values.astype(str)))[:8])
