"""Which subgroups there are: from a column of the data to the subgroup of each test image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain import dataset
from synthgain.errors import SynthgainError, nearest
from synthgain.schema import Dataset

MOST_VALUES = 8
"""Attributes with more values are binned where they are numeric, and left out where they are not."""
UNKNOWN = -1
"""In place of the subgroup of an image whose attribute is empty."""


@dataclass(frozen=True)
class Attribute:
    """One column as subgroups of the test images.

    Attributes
    ----------
    name: the column.
    values: the subgroups in order: numbers ascending, words alphabetically.
    member: index into ``values`` of each test image, int64 ``(N,)``; `UNKNOWN` where the column is empty.
    edges: of a binned numeric column, the lower limit of every bin but the first.
    """

    name: str
    values: tuple[str, ...]
    member: npt.NDArray[np.int64]
    edges: tuple[float, ...] | None = None


def reserved(data: Dataset) -> dict[str, str]:
    """Columns that are no attributes of patients in this experiment, with the reason."""
    uses = ((data.group_by or "group", "it stands for the patient"), (data.split.column, "it fixes the split"))
    return {column: why for name, why in uses if name is not None for column in (name, f"given_{name}")}


def find(
    train: pd.DataFrame, test: pd.DataFrame, asked: Sequence[str] | None, reserved: Mapping[str, str]
) -> tuple[list[Attribute], dict[str, str]]:
    """The attributes whose subgroups can be compared, and why the others cannot.

    Numeric columns with more than `MOST_VALUES` values become tertiles, whose limits come from the train split.

    Parameters
    ----------
    train, test: rows of the image set's table; ``test`` in the order of the predictions.
    asked: the columns to use; None: all that the data brought along.
    reserved: columns that are used for something else, with the reason to leave them out.

    Raises
    ------
    SynthgainError
        A column of ``asked`` is not in the data.
    """
    known = dataset.attributes(test)
    for name in asked or ():
        if name not in known:
            raise SynthgainError(f"fairness.attributes: no attribute '{name}' in the data{nearest(name, known)}")
    found: list[Attribute] = []
    left_out: dict[str, str] = {}
    for name in known if asked is None else asked:
        made = reserved.get(name) or _attribute(name, _cells(train, name), _cells(test, name), test["label"])
        if isinstance(made, Attribute):
            found.append(made)
        else:
            left_out[name] = made
    return found, left_out


def _cells(table: pd.DataFrame, name: str) -> npt.NDArray[np.str_]:
    return table[name].fillna("").astype(str).str.strip().to_numpy(str)


def _attribute(
    name: str, train: npt.NDArray[np.str_], test: npt.NDArray[np.str_], labels: pd.Series
) -> Attribute | str:
    """The subgroups, or why there are none."""
    present = np.unique(test[test != ""])
    if len(present) < 2:
        return "no value is known" if len(present) == 0 else "it has one value among the test images"
    numbers = _numbers(train), _numbers(test)
    edges = None
    if len(present) > MOST_VALUES:
        if numbers[0] is None or numbers[1] is None:
            return f"it has {len(present)} values that are no numbers; at most {MOST_VALUES} are compared"
        edges = tuple(np.unique(np.nanquantile(numbers[0], [1 / 3, 2 / 3])).tolist())
        values = _bins(edges)
        member = np.where(np.isnan(numbers[1]), UNKNOWN, np.digitize(numbers[1], edges))
    else:
        values = tuple(sorted(present.tolist(), key=_as_number if numbers[1] is not None else str))
        member = pd.Index(values).get_indexer(pd.Index(test))
    made = Attribute(name, *_occupied(values, member), edges)
    if len(made.values) < 2:
        return "its values among the test images fall into one bin"
    inside = made.member != UNKNOWN
    if (labels[inside].groupby(made.member[inside]).nunique() == 1).all():
        return "it tells the class: every subgroup has images of one class only"
    return made


def _occupied(values: Sequence[str], member: npt.NDArray[np.integer]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """The subgroups that have a test image, numbered anew."""
    kept = [index for index in range(len(values)) if (member == index).any()]
    renumbered = np.full(len(values) + 1, UNKNOWN, np.int64)
    renumbered[kept] = np.arange(len(kept))
    return tuple(values[index] for index in kept), renumbered[member]


def _numbers(cells: npt.NDArray[np.str_]) -> npt.NDArray[np.float64] | None:
    """The cells as numbers, NaN where empty; None where one of them is none, or all are empty."""
    numbers = pd.to_numeric(pd.Series(cells).replace("", None), errors="coerce").to_numpy(np.float64)
    sound = np.isfinite(numbers) | (cells == "")
    return numbers if sound.all() and (cells != "").any() else None


def _as_number(cell: str) -> tuple[float, str]:
    return float(cell), cell


def _bins(edges: Sequence[float]) -> tuple[str, ...]:
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(edges)]
    return (f"below {edges[0]:g}", *between, f"{edges[-1]:g} and above")
