"""The filter rejects what does not look like its class, by rules learned on real train and validation images."""

import numpy as np
import pandas as pd
import pytest

from synthgain.dataset import ImageSet
from synthgain.schema import Synthesis
from synthgain.synthesis.selection import Filter, Similarity, summary


class Means:
    """Features are the four quadrant means; the class is the brighter half, left (0) or right (1)."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def features(self, images: np.ndarray) -> np.ndarray:
        self.seen.append(images)
        halves = images.reshape(len(images), 2, 4, 2, 4).astype(np.float32)
        return halves.mean((2, 4)).reshape(len(images), 4)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        means = images.astype(np.float32).reshape(len(images), 8, 2, 4).mean((1, 3))
        left = 1 / (1 + np.exp((means[:, 1] - means[:, 0]) / 10))
        return np.stack([left, 1 - left], 1).astype(np.float32)


def real(count: int = 120) -> ImageSet:
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = random.integers(60, 100, (count, 1, 8, 8), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, 0, :, 4 * label : 4 * label + 4] += 80
    split = np.where(np.arange(count) < 80, "train", np.where(np.arange(count) < 100, "val", "test"))
    return ImageSet(images, pd.DataFrame({"label": np.array(["a", "b"])[labels], "split": split}), ("a", "b"), "0")


def test_real_images_are_kept_and_wrong_or_strange_ones_rejected_for_their_reason() -> None:
    images = real()
    judge = Filter.fit(Means(), images, Synthesis(confidence=0.2, similarity_quantile=0.02))
    rows = images.rows("test")
    assert judge.judge(images.images[rows], images.labels[rows])["kept"].mean() >= 0.9
    wrong = judge.judge(images.images[rows], 1 - images.labels[rows])
    assert (wrong["reason"] == "confidence").all()
    strange = images.images[rows] // 2
    strange[:, :, :4] += 60
    verdict = judge.judge(strange, images.labels[rows])
    assert (verdict["reason"] == "similarity").all()
    assert not verdict["kept"].any()


def test_test_images_are_never_looked_at() -> None:
    encoder, images = Means(), real()
    Filter.fit(encoder, images, Synthesis())
    seen = {image.tobytes() for batch in encoder.seen for image in batch}
    assert len(seen) == 100
    assert not seen & {image.tobytes() for image in images.images[images.rows("test")]}


def test_the_threshold_is_the_asked_quantile_of_validation_images() -> None:
    images = real()
    judge = Filter.fit(Means(), images, Synthesis(similarity_quantile=0.5, confidence=0.0))
    rows = images.rows("val")
    assert judge.judge(images.images[rows], images.labels[rows])["kept"].mean() == pytest.approx(0.5, abs=0.05)
    everything = Filter.fit(Means(), images, Synthesis(similarity_quantile=0.0, confidence=0.0))
    assert everything.judge(images.images[rows], images.labels[rows])["kept"].all()


def test_similarity_is_the_mahalanobis_distance_and_real_features_lie_about_one() -> None:
    random = np.random.default_rng(0)
    spread = np.array([1.0, 5.0, 0.2])
    labels = np.arange(2000) % 2
    features = random.normal(size=(2000, 3)) * spread + labels[:, None] * 3
    similarity = Similarity.fit(features, labels, 2)
    assert np.sqrt((similarity(features, labels) ** 2).mean()) == pytest.approx(1, abs=0.1)
    near, far = similarity.means[[1]] + [[0, 5, 0]], similarity.means[[1]] + [[5, 0, 0]]
    assert similarity(near, np.array([1]))[0] > similarity(far, np.array([1]))[0]
    assert similarity(similarity.means, np.array([0, 1])) == pytest.approx([0, 0])


def test_features_that_never_change_do_no_harm() -> None:
    features = np.zeros((20, 3))
    features[:, 0] = np.arange(20)
    similarity = Similarity.fit(features, np.arange(20) % 2, 2)
    assert np.isfinite(similarity(features, np.arange(20) % 2)).all()


def test_the_summary_counts_per_class_and_reason_and_says_whether_it_is_enough() -> None:
    judge = Filter.fit(Means(), real(), Synthesis())
    table = pd.DataFrame({"label": ["a", "b", "a", "b"], "kept": [True, False, False, True],
                          "reason": ["", "confidence", "similarity", ""]})  # fmt: skip
    found = summary(table, 3, judge, filtered=True, collapsed=False)
    assert found["all"] == {"drawn": 4, "kept": 2, "rejected_by_confidence": 1, "rejected_by_similarity": 1}
    assert found["classes"]["b"] == {"drawn": 2, "kept": 1, "rejected_by_confidence": 1, "rejected_by_similarity": 0}
    assert not found["enough"]
    assert summary(table, 2, judge, filtered=True, collapsed=False)["enough"]
    assert "control" in summary(table, 2, judge, filtered=False, collapsed=False)["why"]
