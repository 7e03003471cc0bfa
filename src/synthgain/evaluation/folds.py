"""Cross-validation: what was declared and predicted in each fold, as one study over all patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgain.errors import SynthgainError
from synthgain.evaluation.metrics import METRICS, NotEstimable
from synthgain.evaluation.predictions import from_table
from synthgain.evaluation.statistics import corrected_t

CHOSEN, STRONGEST = "chosen-synthetic", "strongest-baseline"
"""The roles of the declared contrast, as arms, where the folds filled them differently."""
ROLES = (CHOSEN, STRONGEST)


def by_fold(
    headlines: Sequence[Mapping[str, Any]], tables: Sequence[pd.DataFrame], classes: Sequence[str],
    patients: Sequence[tuple[int, int]],
) -> dict[str, Any]:  # fmt: skip
    """The declared contrast in each fold, and what the folds as repeated splits say of it: described, not judged by.

    Scores are those of the fold's own test patients and models, also for metrics that rank images (see `pool`).

    Parameters
    ----------
    headlines, tables: see `pool`.
    classes: in the order of the probabilities.
    patients: of each fold the test and the training patients (or groups).

    Returns
    -------
    ``differences`` (means over seeds) and ``mean``, ``low``, ``high``, ``p`` of Nadeau and Bengio's corrected t-test
    (`corrected_t`); None with ``why`` where a fold's difference, or the test, is not estimable.
    """
    differences: list[float] = []
    nothing = dict.fromkeys(("mean", "low", "high", "p"))
    for number, (headline, table) in enumerate(zip(headlines, tables, strict=True), 1):
        arms = headline["candidate"], headline["baseline"]
        found = from_table(table[table["arm"].isin(arms)], classes)
        scores: list[float] = []
        for arm in arms:
            for predicted in found.probabilities[found.arms.index(arm)]:
                score = METRICS[headline["metric"]](found.labels, predicted)
                if isinstance(score, NotEstimable):
                    return nothing | {"differences": [], "why": f"fold {number}: {score.why}"}
                scores.append(score)
        candidate, baseline = np.split(np.array(scores), 2)
        differences.append(float(np.mean(candidate - baseline)))
    ratio = float(np.mean([test / train for test, train in patients]))
    known = corrected_t(differences, ratio, headlines[0]["level"])
    if isinstance(known, NotEstimable):
        return nothing | {"differences": differences, "why": known.why}
    return {"differences": differences, "mean": known.difference, "low": known.low, "high": known.high, "p": known.p}


def pool(headlines: Sequence[Mapping[str, Any]], tables: Sequence[pd.DataFrame]) -> tuple[dict[str, Any], pd.DataFrame]:
    """One declared contrast and one predictions table from those of every fold.

    Each fold chose on its own validation patients. Where all made the same choice, the arm keeps its name; otherwise
    the arms that filled the role stand in the table once more under the role's name, which is what is compared. Other
    arms stay where every fold confirmed them. With a single split nothing changes.

    Each image is predicted by its own fold's models. Metrics of single images (accuracy, recall, Brier) do not mind;
    AUROC and average precision of the pooled table also rank images of one fold against those of another, whose models
    may be calibrated otherwise. That lowers them as a rule, in all arms, most where folds differ much (Forman & Scholz
    2010, SIGKDD Explorations 12:49); `by_fold` has them within folds.

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
