"""Cross-validation: what was declared and predicted in each fold, as one study over all patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthgain.errors import SynthgainError

CHOSEN, STRONGEST = "chosen-synthetic", "strongest-baseline"
"""The roles of the declared contrast, as arms, where the folds filled them differently."""
ROLES = (CHOSEN, STRONGEST)


def pool(headlines: Sequence[Mapping[str, Any]], tables: Sequence[pd.DataFrame]) -> tuple[dict[str, Any], pd.DataFrame]:
    """One declared contrast and one predictions table from those of every fold.

    Each fold chose on its own validation patients. Where all made the same choice, the arm keeps its name; otherwise
    the arms that filled the role stand in the table once more under the role's name, which is what is compared. Other
    arms stay where every fold confirmed them. With a single split nothing changes.

    Parameters
    ----------
    headlines: of each fold: candidate, baseline, metric, margin, level.
    tables: of each fold the predictions of its test patients (arm, seed, split, image_id, ...).

    Raises
    ------
    SynthgainError
        A test image stands in two folds.
    """
    headline = dict(headlines[0])
    if len(tables) == 1:
        return headline, tables[0]
    tested = [table[table["split"] == "test"] for table in tables]
    images = pd.concat([table["image_id"].drop_duplicates() for table in tested])
    if images.duplicated().any():
        raise SynthgainError(f"folds: test image '{images[images.duplicated()].iloc[0]}' stands in two of them")
    common = set.intersection(*(set(table["arm"]) for table in tested))
    parts = [table[table["arm"].isin(common)] for table in tested]
    for role, name in zip(("candidate", "baseline"), ROLES, strict=True):
        filled = [each[role] for each in headlines]
        if len(set(filled)) > 1:
            headline[role] = name
            parts += [table[table["arm"] == arm].assign(arm=name) for table, arm in zip(tested, filled, strict=True)]
    return headline, pd.concat(parts, ignore_index=True)
