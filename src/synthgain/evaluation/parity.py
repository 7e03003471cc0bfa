"""Recall and accuracy by subgroup in fairlearn's MetricFrame: does an overall score hide a class that one misses?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthgain.evaluation.attributes import Attribute
from synthgain.evaluation.predictions import Predictions


def table(p: Predictions, arms: Sequence[str], attribute: Attribute, subgroups: Sequence[str]) -> dict[str, Any]:
    """For each arm: ``accuracy`` by subgroup, ``recall`` by class and subgroup, and the widest gap in a class's recall.

    Every seed predicts every image, so all seeds are taken together: shares are means over seeds. The gap over classes
    is the equality of opportunity of Hardt et al. (NeurIPS 2016), here for several classes.

    Parameters
    ----------
    subgroups: those of the attribute's values that have enough patients and an image of every class.
    """
    if not subgroups:
        return {}
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    inside = np.isin(attribute.member, [attribute.values.index(name) for name in subgroups])
    labels, member = p.labels[inside], attribute.member[inside]
    measures = {"accuracy": accuracy_score} | {f"recall of {k}": _recall_of(k) for k in range(len(p.classes))}
    found = {}
    for arm in arms:
        predicted = p.probabilities[p.arms.index(arm)][:, inside].argmax(-1)
        frame = MetricFrame(
            metrics=measures, y_true=np.tile(labels, len(p.seeds)), y_pred=predicted.ravel(),
            sensitive_features=np.tile(member, len(p.seeds)),
        )  # fmt: skip
        rows = {attribute.values[index]: row for index, row in frame.by_group.astype(float).iterrows()}
        gaps = frame.difference(method="between_groups").drop("accuracy").astype(float)
        found[arm] = {
            "accuracy": {name: float(row["accuracy"]) for name, row in rows.items()},
            "recall": {
                label: {name: float(row[f"recall of {k}"]) for name, row in rows.items()}
                for k, label in enumerate(p.classes)
            },
            "widest_recall_gap": {"class": p.classes[int(gaps.to_numpy().argmax())], "value": float(gaps.max())},
        }  # fmt: skip
    return found


def _recall_of(label: int) -> Any:
    def recall(truth: Any, predicted: Any) -> float:
        return float((predicted[truth == label] == label).mean())

    return recall
