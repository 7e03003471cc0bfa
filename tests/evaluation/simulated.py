"""Predictions tables whose truth is known: patients, images and seeds with noise of their own."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

CLASSES = ("glioma", "healthy", "meningioma", "pituitary")


def table(
    arms: Mapping[str, float],
    *,
    seeds: int = 8,
    groups: int = 80,
    images: int = 4,
    classes: tuple[str, ...] = CLASSES,
    seed_noise: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """A confirmation's table. ``arms``: what each adds to the score of the true class; 0.3 is about five points.

    Arms of one strength that are called ``<name>`` and ``<name>-again`` predict the very same.
    """
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(groups) % len(classes), images)
    patients = np.repeat(np.arange(groups), images)
    shape = (len(labels), len(classes))
    ease = random.normal(0, 0.8, (groups, len(classes)))[patients] + random.normal(0, 0.8, shape)
    parts = []
    for arm, strength in arms.items():
        for index in range(seeds):
            own = np.random.default_rng([seed, index, *arm.removesuffix("-again").encode()])
            scores = ease + own.normal(0, 0.4, shape)
            scores[np.arange(len(labels)), labels] += 1.2 + strength + own.normal(0, seed_noise)
            chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            parts.append(pd.DataFrame({
                "arm": arm, "seed": index, "generator_seed": 0, "fraction": 1.0, "split": "test",
                "image_id": [f"i{n:05d}" for n in range(len(labels))], "group": [f"p{n}" for n in patients],
                "label": [classes[k] for k in labels],
                **{f"p{k}": chances[:, k].astype(np.float32) for k in range(len(classes))},
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)
