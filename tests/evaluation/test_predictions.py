"""The predictions table is refused where arms cannot be compared as pairs."""

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain.errors import SynthgainError
from synthgain.evaluation.predictions import from_table


@pytest.fixture
def table(simulated: ModuleType) -> pd.DataFrame:
    return simulated.table({"classic": 0, "synthetic-edm-r1": 0.2}, seeds=3, groups=8, images=2)


def test_rows_of_any_order_become_arrays(simulated: ModuleType, table: pd.DataFrame) -> None:
    val = table.assign(split="val")
    found = from_table(pd.concat([table, val]).sample(frac=1, random_state=0), simulated.CLASSES)
    assert set(found.arms) == {"classic", "synthetic-edm-r1"}
    assert found.probabilities.shape == (2, 3, 16, 4)
    assert found.n_groups == 8
    assert found.generator_seeds["synthetic-edm-r1"] == (0, 0, 0)
    row = table[(table["arm"] == "classic") & (table["seed"] == 2)].iloc[5]
    at = found.probabilities[found.arms.index("classic"), 2, 5]
    assert at.tolist() == row[["p0", "p1", "p2", "p3"]].tolist()


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda t: t[~((t["arm"] == "classic") & (t["seed"] == 1))], "arm 'classic' has no predictions of seed 1"),
        (lambda t: t.drop(index=3), "arm 'classic', seed 0 predicts 15 of 16 images \\('i00003' is missing\\)"),
        (lambda t: pd.concat([t, t.tail(1)]), "arm 'synthetic-edm-r1', seed 2 predicts image 'i00015' more than once"),
        (lambda t: t.assign(p1=t["p1"].where(t.index != 20)), "arm 'classic', seed 1, image 'i00004': .*p1=nan"),
        (lambda t: t.assign(p1=t["p1"] + 0.5), "no probabilities"),
        (lambda t: t.assign(group=t["group"].where(t.index != 20, "x")), "image 'i00004': group 'x' differs from 'p2'"),
        (lambda t: t.assign(label=t["label"].where(t.index != 20, "healthy")), "label 'healthy' differs"),
        (lambda t: t.assign(split="val"), "no row of split 'test'"),
        (lambda t: t.drop(columns="p3"), "column p3 is missing"),
        (lambda t: t.assign(label="unheard"), "labels \\['unheard'\\] are not among the classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_paired_is_refused(simulated: ModuleType, table: pd.DataFrame, harm, message: str) -> None:
    with pytest.raises(SynthgainError, match=message):
        from_table(harm(table), simulated.CLASSES)


def test_infinite_and_missing_are_not_taken_for_numbers(simulated: ModuleType, table: pd.DataFrame) -> None:
    table.loc[0, ["p0", "p1"]] = np.inf, -np.inf
    with pytest.raises(SynthgainError, match="p0=inf"):
        from_table(table, simulated.CLASSES)
