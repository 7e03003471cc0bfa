"""What choices on the validation split rest on, for probabilities ``(N, K)`` and class indices ``(N,)``."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Probabilities = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]


def balanced_accuracy(predicted: Probabilities, labels: Labels) -> float:
    """Mean recall of the classes that occur."""
    right = predicted.argmax(1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def macro_auroc(predicted: Probabilities, labels: Labels) -> float:
    """Mean over the classes that occur of the area under the one-versus-rest ROC curve (Mann and Whitney's U)."""
    ranks = pd.DataFrame(predicted).rank().to_numpy()
    areas = []
    for label in np.unique(labels):
        positive = labels == label
        count = int(positive.sum())
        pairs = count * (len(labels) - count)
        wins = ranks[positive, label].sum() - count * (count + 1) / 2
        areas.append(wins / pairs if pairs else 0.5)
    return float(np.mean(areas))


def log_loss(predicted: Probabilities, labels: Labels) -> float:
    """Mean negative log probability of the true class."""
    given = predicted[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, 1e-7, 1)).mean())
