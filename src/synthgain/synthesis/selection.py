"""Which synthetic images are kept: those that look like their class to a network that knows real images."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain.dataset import ImageSet
from synthgain.schema import Synthesis

Floats = npt.NDArray[np.floating[Any]]
WHY_UNFILTERED = "a control stands for a distribution as it is: filtering would change what it shows"
WHY_COLLAPSED = "it has collapsed, so none of its images is used"
_BATCH = 256


class Encoder(Protocol):
    """What the filter needs of a feature extractor: uint8 ``(N, C, H, W)`` -> float32 ``(N, F)`` and ``(N, K)``."""

    def features(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]: ...

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True)
class Similarity:
    """How near features lie to their class: Gaussians with one covariance (Lee et al., NeurIPS 2018)."""

    means: Floats
    """``(K, F)``."""
    precision: Floats
    """``(F, F)``, of the shrunk covariance within classes (Ledoit and Wolf, 2004)."""

    @classmethod
    def fit(cls, features: Floats, labels: npt.NDArray[np.int64], classes: int) -> "Similarity":
        """From real training images' features ``(N, F)`` and labels ``(N,)``."""
        from sklearn.covariance import ledoit_wolf

        features = features.astype(np.float64)
        means = np.stack([features[labels == label].mean(0) for label in range(classes)])
        covariance, _ = ledoit_wolf(features - means[labels], assume_centered=True)
        return cls(means, np.linalg.pinv(covariance, hermitian=True))

    def __call__(self, features: Floats, labels: npt.NDArray[np.int64]) -> Floats:
        """Minus the Mahalanobis distance to the class's mean per square root of the dimension, ``(N,)``.

        Real images lie about -1; nearer to 0 is more typical.
        """
        apart = features - self.means[labels]
        return -np.sqrt(np.einsum("nf,fg,ng->n", apart, self.precision, apart) / apart.shape[1])


@dataclass(frozen=True)
class Filter:
    """Drops images that their class's probability or their similarity to it gives away."""

    encoder: Encoder
    similarity: Similarity
    confidence: float
    """Least probability of the intended class."""
    least_similarity: float

    @classmethod
    def fit(cls, encoder: Encoder, real: ImageSet, cfg: Synthesis) -> "Filter":
        """Learn similarity from the train split and its threshold from the validation split; test is not looked at."""
        train, val = (_features(encoder, real, real.rows(split)) for split in ("train", "val"))
        labels = real.labels
        similarity = Similarity.fit(train, labels[real.rows("train")], len(real.classes))
        held_out = similarity(val, labels[real.rows("val")])
        return cls(encoder, similarity, cfg.confidence, float(np.quantile(held_out, cfg.similarity_quantile)))

    def judge(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> pd.DataFrame:
        """A row per image: ``confidence``, ``similarity``, ``kept`` and the ``reason`` of a rejection ("" if kept)."""
        confidence = self.encoder.probabilities(images)[np.arange(len(labels)), labels].astype(np.float64)
        similarity = self.similarity(self.encoder.features(images), labels)
        reason = np.where(similarity < self.least_similarity, "similarity", "")
        reason = np.where(confidence < self.confidence, "confidence", reason)
        return pd.DataFrame(
            {"confidence": confidence, "similarity": similarity, "kept": reason == "", "reason": reason.astype(object)}
        )


def _features(encoder: Encoder, real: ImageSet, rows: npt.NDArray[np.intp]) -> Floats:
    parts = [encoder.features(real.images[rows[start : start + _BATCH]]) for start in range(0, len(rows), _BATCH)]
    return np.concatenate(parts)


def summary(table: pd.DataFrame, needed: int, judge: Filter, filtered: bool, collapsed: bool) -> dict[str, Any]:
    """What was drawn, kept and dropped for which reason, in all and per class, and whether it is enough."""
    kept = int(table["kept"].sum())
    return {
        "filtered": filtered,
        "why": WHY_COLLAPSED if collapsed else "" if filtered else WHY_UNFILTERED,
        "thresholds": {"confidence": judge.confidence, "similarity": judge.least_similarity},
        "needed": needed,
        "enough": kept >= needed,
        "all": _counts(table),
        "classes": {str(label): _counts(rows) for label, rows in table.groupby("label", sort=True)},
    }


def _counts(table: pd.DataFrame) -> dict[str, int]:
    reasons = table["reason"].value_counts()
    return {
        "drawn": len(table), "kept": int(table["kept"].sum()),
        **{f"rejected_by_{reason}": int(reasons.get(reason, 0)) for reason in ("confidence", "similarity")},
    }  # fmt: skip
