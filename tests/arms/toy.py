"""A toy workspace for everything that trains classifiers: three classes of bright bars, 16 pixels, few images."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgain import artifact, config, dataset
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

CLASSES = ("high", "low", "middle")
SIZE = 16
SPLITS = {"train": 10, "val": 5, "test": 5, "unused": 3}
"""Images per class and split."""
POOL = 90


def experiment(**changes: Any) -> Config:
    """A small experiment with two trained generators and two controls; ``changes`` replace whole entries."""
    training = {"steps": 6, "batch_size": 8, "validate_every": 3}
    values: dict[str, Any] = {
        "seeds": 2,
        "dataset": {"name": "bars", "source": {"kind": "phantom"}},
        "generators": {kind: {"kind": kind} for kind in ("dcgan", "edm", "copies", "oracle")},
        "classifier": {"kind": "cnn", "channels": [4, 8], "training": training},
        "arms": {"ratios": [0.5, 1.0]},
        "compute": {"workers": 1, "accelerator": "cpu"},
    }
    return config.load(values | changes)


def bars(labels: np.ndarray, seed: int) -> np.ndarray:
    """uint8 ``(n, 1, SIZE, SIZE)``: noise, and a bright bar whose height tells the class."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 90, (len(labels), 1, SIZE, SIZE))
    for image, label in zip(images, labels, strict=True):
        top = {"high": 1, "middle": 7, "low": 12}[CLASSES[label]]
        image[0, top : top + 3, 3:13] += 80
    return images.astype(np.uint8)


def real(seed: int = 0) -> ImageSet:
    """A set in memory whose rows are shuffled over splits and classes."""
    rows = [(split, k) for split, count in SPLITS.items() for k in range(len(CLASSES)) for _ in range(count)]
    order = np.random.default_rng(seed).permutation(len(rows))
    splits, labels = [rows[i][0] for i in order], np.array([rows[i][1] for i in order])
    return ImageSet(bars(labels, seed), _table("real", labels, splits), CLASSES, "a" * 64)


def pool(name: str = "edm", seed: int = 1, images: int = POOL) -> ImageSet:
    """A drawn pool in memory: classes take turns, every fourth image was rejected by the filter."""
    labels = np.arange(images) % len(CLASSES)
    table = _table(name, labels, ["train"] * images).assign(kept=np.arange(images) % 4 != 3)
    return ImageSet(bars(labels, seed), table, CLASSES, "b" * 64)


def build(root: Path, cfg: Config) -> Paths:
    """What comes before encode, screen and confirm, as finished artifacts."""
    paths = Paths(root)
    _write(paths.out("ingest"), "ingest", real())
    with artifact.writing(paths.out("validate"), stage="validate", config={}, inputs={}) as draft:
        (draft.path / "report.json").write_text('{"success": true}')
    for number, name in enumerate(cfg.generators):
        draw(paths, name, seed=number + 1)
    return paths


def draw(paths: Paths, name: str, seed: int) -> None:
    """Write the synthetic set of generator ``name``."""
    _write(paths.out("synthesize", name), "synthesize", pool(name, seed))


def _write(target: Path, stage: str, images: ImageSet) -> None:
    with artifact.writing(target, stage=stage, config={}, inputs={}) as draft:
        dataset.write(draft, images.images, images.table, images.classes)


def _table(source: str, labels: np.ndarray, splits: list[str]) -> pd.DataFrame:
    names = [f"{source}-{i}" for i in range(len(labels))]
    return pd.DataFrame(
        {
            "image_id": names, "label": [CLASSES[k] for k in labels], "patient_id": "", "group": names,
            "split": splits, "source": source, "origin": names, "stored_sha256": names,
        }
    )  # fmt: skip
