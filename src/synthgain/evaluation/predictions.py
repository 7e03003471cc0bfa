"""The predictions table as arrays: what every statistic is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.dataset import label_indices
from synthgain.errors import SynthgainError

_ROUNDING = 1e-3
"""How far probabilities of one image may sum from 1."""


@dataclass(frozen=True)
class Predictions:
    """Every arm and seed predicts the same images, so that all comparisons are paired.

    Attributes
    ----------
    arms, seeds, classes: what the axes stand for.
    labels: true class of each image, int64 ``(N,)``.
    groups: number of each image's patient (or group of near-duplicates), int64 ``(N,)`` from 0 to ``n_groups - 1``.
    probabilities: float32 ``(A, S, N, K)``.
    generator_seeds: by arm, the seed of the generator behind each of the ``S`` trainings; empty where there is none.
    image_ids: of each image, str ``(N,)``.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    generator_seeds: dict[str, tuple[int, ...]] = field(default_factory=dict)
    image_ids: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, str))

    @property
    def n_groups(self) -> int:
        return int(self.groups.max()) + 1

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes without an image."""
        present = np.bincount(self.labels, minlength=len(self.classes)) > 0
        return tuple(name for name, here in zip(self.classes, present, strict=True) if not here)


def from_table(table: pd.DataFrame, classes: Sequence[str], split: str = "test") -> Predictions:
    """The rows of ``split`` in a predictions table (arm, seed, split, image_id, group, label, p0, p1, ...).

    Raises
    ------
    SynthgainError
        No row; an arm lacks a seed or an image that another has, or has one twice; an image changes its label or group;
        a probability is not finite, lies outside [0, 1], or they do not sum to 1.
    """
    columns = [f"p{k}" for k in range(len(classes))]
    missing = [name for name in ("arm", "seed", "split", "image_id", "group", "label", *columns) if name not in table]
    if missing:
        raise SynthgainError(f"predictions: column {', '.join(missing)} is missing")
    table = table[table["split"] == split]
    if table.empty:
        raise SynthgainError(f"predictions: no row of split '{split}'")
    arms = tuple(dict.fromkeys(table["arm"]))
    seeds = tuple(sorted(int(seed) for seed in table["seed"].unique()))
    _refuse_unequal(table, arms, seeds)
    order = np.lexsort((table["image_id"].to_numpy(str), table["seed"], pd.Categorical(table["arm"], arms).codes))
    table = table.iloc[order]
    images = len(table) // (len(arms) * len(seeds))
    _refuse_changed(table, images, "image_id")
    _refuse_changed(table, images, "label")
    _refuse_changed(table, images, "group")
    _refuse_improbable(table, columns)
    first = table.iloc[:images]
    _, groups = np.unique(first["group"].to_numpy(str), return_inverse=True)
    probabilities = table[columns].to_numpy(np.float32).reshape(len(arms), len(seeds), images, len(classes))
    return Predictions(
        arms, seeds, tuple(classes), label_indices(first["label"], classes), groups.astype(np.int64), probabilities,
        _generator_seeds(table, arms), first["image_id"].to_numpy(str),
    )  # fmt: skip


def _refuse_unequal(table: pd.DataFrame, arms: Sequence[str], seeds: Sequence[int]) -> None:
    repeated = table[table.duplicated(["arm", "seed", "image_id"])]
    if len(repeated):
        row = repeated.iloc[0]
        raise SynthgainError(
            f"predictions: arm '{row['arm']}', seed {row['seed']} predicts image '{row['image_id']}' more than once"
        )
    images = table["image_id"].nunique()
    counts = table.groupby(["arm", "seed"], observed=True).size()
    for arm in arms:
        for seed in seeds:
            found = int(counts.get((arm, seed), 0))
            if found == 0:
                raise SynthgainError(
                    f"predictions: arm '{arm}' has no predictions of seed {seed}, other arms have; "
                    "arms are compared seed by seed: train it, or leave this seed out in every arm"
                )
            if found != images:
                have = set(table.loc[(table["arm"] == arm) & (table["seed"] == seed), "image_id"])
                absent = sorted(set(table["image_id"]) - have)[0]
                raise SynthgainError(
                    f"predictions: arm '{arm}', seed {seed} predicts {found} of {images} images "
                    f"('{absent}' is missing); every arm must predict the same images"
                )


def _refuse_changed(table: pd.DataFrame, images: int, column: str) -> None:
    values = table[column].to_numpy(str).reshape(-1, images)
    changed = np.argwhere(values != values[0])
    if len(changed):
        row = table.iloc[changed[0][0] * images + changed[0][1]]
        raise SynthgainError(
            f"predictions: arm '{row['arm']}', seed {row['seed']}, image '{row['image_id']}': {column} "
            f"'{row[column]}' differs from '{values[0][changed[0][1]]}' in the other arms"
        )


def _refuse_improbable(table: pd.DataFrame, columns: list[str]) -> None:
    values = table[columns].to_numpy(np.float64)
    sound = np.isfinite(values).all(1)
    sound &= np.where(sound[:, None], (values >= 0) & (values <= 1 + _ROUNDING), False).all(1)
    sound &= np.abs(np.where(np.isfinite(values), values, 0).sum(1) - 1) <= _ROUNDING
    if not sound.all():
        row = table.iloc[int(np.argmin(sound))]
        given = ", ".join(f"{name}={row[name]:g}" for name in columns)
        raise SynthgainError(
            f"predictions: arm '{row['arm']}', seed {row['seed']}, image '{row['image_id']}': {given} are no "
            "probabilities (finite, in [0, 1], summing to 1); that training failed: run it again"
        )


def _generator_seeds(table: pd.DataFrame, arms: Sequence[str]) -> dict[str, tuple[int, ...]]:
    if "generator_seed" not in table:
        return {}
    known = table.dropna(subset=["generator_seed"]).drop_duplicates(["arm", "seed"])
    return {
        arm: tuple(int(float(seed)) for seed in known.loc[known["arm"] == arm, "generator_seed"])
        for arm in arms
        if (known["arm"] == arm).any()
    }
