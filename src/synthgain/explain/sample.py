"""Which test images are explained: by rule and seed, never by eye."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.seeding import rng

Rows = npt.NDArray[np.intp]


def choose(table: pd.DataFrame, classes: Sequence[str], count: int, seed: int) -> Rows:
    """Rows of ``count`` test images of each class, in the classes' order; fewer where there are not so many.

    Patients (groups) of a class are shuffled; each gives one image, drawn at random, before any gives a second one.
    """
    chosen = [_of_class(table, label, count, seed) for label in classes]
    return np.concatenate([np.empty(0, np.intp), *chosen])


def _of_class(table: pd.DataFrame, label: str, count: int, seed: int) -> Rows:
    rows = np.flatnonzero(((table["split"] == "test") & (table["label"] == label)).to_numpy())
    shuffled = rng(seed, "explain", "sample", label).permutation(rows)
    turn = table.iloc[shuffled].groupby("group", sort=False).cumcount().to_numpy()
    return shuffled[np.argsort(turn, kind="stable")][:count]
