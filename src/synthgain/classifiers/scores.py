"""What choices on the validation split rest on, for probabilities ``(N, K)`` and class indices ``(N,)``.

Unlike `evaluation.metrics`, which these agree with where every class has an image, they always give a number: a look at
validation during training must not stop for want of a class. Averages are over the classes that occur, which is no
estimate for the others; the checks of the data, not these, tell where one lacks. Nothing is refused, and one image is
needed; a NaN among the probabilities gives a number without meaning.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Probabilities = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]


def balanced_accuracy(predicted: Probabilities, labels: Labels) -> float:
    """Mean over the classes that occur of ``TP_k / N_k``, 0 to 1; those without an image are left out."""
    right = predicted.argmax(1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def macro_auroc(predicted: Probabilities, labels: Labels) -> float:
    """Mean over the classes that occur of the area under the one-versus-rest ROC curve, 0 to 1.

    ``(R_k - N_k (N_k + 1) / 2) / (N_k (N - N_k))``, R the sum of the midranks of the class's images by their ``p_k``
    (Mann & Whitney 1947, Ann Math Stat 18:50): ties count half. 0.5 where only one class occurs.
    """
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
    """Mean over images of ``-ln p`` of the true class, in nats; p below 1e-7 counts as that: 16.1 at most."""
    given = predicted[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, 1e-7, 1)).mean())
