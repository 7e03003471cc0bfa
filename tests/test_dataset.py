"""One kind of image set, written in pieces, read by memory map."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, dataset
from synthgain.errors import SynthgainError


def table(count: int) -> pd.DataFrame:
    return pd.DataFrame({
        "image_id": [f"i{n}" for n in range(count)], "label": ["b" if n % 3 else "a" for n in range(count)],
        "patient_id": [f"p{n // 2}" for n in range(count)], "group": [f"p{n // 2}" for n in range(count)],
        "split": ["test" if n % 4 == 0 else "train" for n in range(count)], "source": "real", "origin": "x.png",
    })  # fmt: skip


def write(path: Path, images: np.ndarray) -> dataset.ImageSet:
    with artifact.writing(path, stage="toy", config={}, inputs={}) as draft:
        dataset.write(draft, images, table(len(images)), ["a", "b"])
    return dataset.read(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 1, 5, 7), dtype=np.uint8)
    found = write(tmp_path / "set", images)
    assert np.array_equal(found.images, images)
    assert isinstance(found.images, np.memmap)
    assert found.shape == (1, 5, 7)
    assert found.labels.tolist() == [0, 1, 1, 0, 1, 1, 0, 1, 1, 0]
    assert found.rows("test").tolist() == [0, 4, 8]
    assert found.part(found.rows("test")).table["image_id"].tolist() == ["i0", "i4", "i8"]


def test_images_may_be_written_in_pieces(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (7, 3, 4, 4), dtype=np.uint8)
    with dataset.ImageWriter(tmp_path / "images.npy", (3, 4, 4)) as writer:
        for piece in np.split(images, [2, 3]):
            writer.append(piece)
    assert np.array_equal(np.load(tmp_path / "images.npy", allow_pickle=False), images)


def test_an_unknown_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(SynthgainError, match=r"labels \['c'\] are not among the classes"):
        dataset.label_indices(["a", "c"], ["a", "b"])
