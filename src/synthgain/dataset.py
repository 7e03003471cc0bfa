"""The one kind of image set: real, synthetic and mixed sets are all this.

A directory with ``images.npy`` (uint8, ``(N, C, H, W)``, memory-mapped), ``manifest.parquet`` (a row per image in the
same order) and the artifact's ``manifest.json``, whose ``facts.classes`` fixes the order of the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain import artifact
from synthgain.errors import SynthgainError

if TYPE_CHECKING:
    from torch import Tensor

IMAGES = "images.npy"
TABLE = "manifest.parquet"
COLUMNS = ("image_id", "label", "patient_id", "group", "split", "source", "origin")
MEASURED = (
    "stored_sha256", "sha256", "duplicate_group", "width", "height", "mode", "window_low", "window_high",
    "pixel_mean", "pixel_std", "pixel_min", "pixel_max",
)  # fmt: skip
"""Columns that ingest adds; an attribute of the same name, or of one in `COLUMNS`, becomes ``given_<name>``."""
SPLITS = ("train", "val", "test")
REAL = "real"


@dataclass(frozen=True)
class ImageSet:
    """``images`` uint8 ``(N, C, H, W)``; ``table`` with `COLUMNS` and any attributes; ``classes`` in label order."""

    images: npt.NDArray[np.uint8]
    table: pd.DataFrame
    classes: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.table)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(C, H, W)`` of every image."""
        return tuple(self.images.shape[1:])

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class index per image, ``(N,)``."""
        return label_indices(self.table["label"], self.classes)

    def rows(self, split: str) -> npt.NDArray[np.intp]:
        """Row numbers of a split, ascending."""
        return np.flatnonzero(self.table["split"].to_numpy() == split)

    def part(self, rows: npt.NDArray[Any]) -> "ImageSet":
        """The set restricted to ``rows`` (row numbers or a boolean mask); copies those images into memory."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        return ImageSet(self.images[rows], self.table.iloc[rows].reset_index(drop=True), self.classes, self.sha256)


def attributes(table: pd.DataFrame) -> list[str]:
    """The columns that the data brought along: what is known of a patient or an acquisition beside the label."""
    return [str(name) for name in table if name not in (*COLUMNS, *MEASURED, "given_split")]


@dataclass(frozen=True)
class Images:
    """Part of an image set as plain arrays: uint8 ``(N, C, H, W)``, class indices ``(N,)`` and groups ``(N,)``.

    Groups (patients) are numbers that are equal across the parts of a set where the patients are.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.integer]

    def at(self, rows: npt.NDArray[np.intp]) -> "Images":
        """The images of these rows."""
        return Images(self.pixels[rows], self.labels[rows], self.groups[rows])

    def joined(self, other: "Images") -> "Images":
        """These images, then those of ``other``."""
        both = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("pixels", "labels", "groups"))
        return Images(*both)


def to_float(images: "Tensor") -> "Tensor":
    """Stored uint8 -> float32 in [-1, 1], what every network sees."""
    return images.float() / 127.5 - 1


def to_uint8(images: "Tensor") -> "Tensor":
    """Float in [-1, 1], cut off outside of it -> uint8 to be stored."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte()


def label_indices(labels: Sequence[str] | pd.Series, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    index = pd.Index(classes).get_indexer(pd.Index(labels))
    if (index < 0).any():
        unknown = sorted({str(label) for label in np.asarray(labels)[index < 0]})
        raise SynthgainError(f"labels {unknown} are not among the classes {list(classes)}")
    return index.astype(np.int64)


def read(path: Path) -> ImageSet:
    """Open an image set; the images are memory-mapped after their hash was verified."""
    found = artifact.read(path)
    images = np.load(found.file(IMAGES), mmap_mode="r", allow_pickle=False)
    table = pd.read_parquet(found.file(TABLE))
    if len(images) != len(table):
        raise SynthgainError(f"{path}: {len(images)} images but {len(table)} rows in {TABLE}")
    return ImageSet(images, table, tuple(found.manifest["facts"]["classes"]), found.sha256)


def write(draft: artifact.Draft, images: npt.NDArray[np.uint8], table: pd.DataFrame, classes: Sequence[str]) -> None:
    """Put a set that fits in memory into ``draft``."""
    with ImageWriter(draft.path / IMAGES, images.shape[1:]) as writer:
        writer.append(images)
    finish(draft, table, classes)


def finish(draft: artifact.Draft, table: pd.DataFrame, classes: Sequence[str]) -> None:
    """Write the table beside the images that an `ImageWriter` wrote, and record classes and counts."""
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"image set without columns {missing}")
    ordered = [*COLUMNS, *(name for name in table if name not in COLUMNS)]
    table[ordered].to_parquet(draft.path / TABLE, index=False)
    draft.facts["classes"] = list(classes)
    draft.counts["images"] = len(table)


class ImageWriter:
    """Writes ``images.npy`` batch by batch, so that memory does not grow with the number of images."""

    def __init__(self, path: Path, shape: Sequence[int]) -> None:
        self._stream = open(path, "wb")  # noqa: SIM115 - closed by __exit__
        self._shape = tuple(shape)
        self.count = 0
        self._header()

    def _header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._stream, header)

    def append(self, images: npt.NDArray[np.uint8]) -> None:
        """Append images ``(n, C, H, W)``."""
        if images.shape[1:] != self._shape or images.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {self._shape}), got {images.dtype} {images.shape}")
        self._stream.write(np.ascontiguousarray(images).tobytes())
        self.count += len(images)

    def __enter__(self) -> "ImageWriter":
        return self

    def __exit__(self, *_: object) -> None:
        # NumPy pads the header so that the first axis can grow without moving the data.
        self._stream.seek(0)
        self._header()
        self._stream.close()
