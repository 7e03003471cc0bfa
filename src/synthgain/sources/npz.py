"""One ``.npz`` in the layout of MedMNIST: ``{train,val,test}_images`` and ``{train,val,test}_labels``.

The arrays are inflated piece by piece, one image at a time, so a large file needs no memory; nothing is unpickled.
"""

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Literal

import numpy as np
import numpy.typing as npt

from synthgain.dataset import SPLITS
from synthgain.errors import SynthgainError
from synthgain.schema import SourceConfig
from synthgain.sources.record import LARGEST_RATIO, SMALL, Record

MOST_MEMBERS = 1000
LARGEST_LABELS = 1 << 28
"""Bytes of a labels array, which is read whole."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, SyntaxError)


class Config(SourceConfig):
    kind: Literal["npz"] = "npz"
    classes: tuple[str, ...] | None = None
    """Name of each label number, from 0; default: the numbers."""


def scan(cfg: Config, raw: Path) -> Iterator[Record]:
    """Every image of every split that the file has, in its order; the checksum of a member is verified at its end.

    Raises
    ------
    SynthgainError
        The file is damaged, no ``.npz``, lacks a member or has more than `MOST_MEMBERS`; labels and images differ in
        number; a label has no name; a member is inflated beyond `LARGEST_RATIO` or holds Python objects.
    """
    with _opened(raw) as archive:
        names = set(archive.namelist())
        if len(names) > MOST_MEMBERS:
            raise SynthgainError(f"{raw}: it has {len(names)} members; images and labels take six")
        splits = [split for split in SPLITS if f"{split}_images.npy" in names]
        if not splits:
            raise SynthgainError(f"{raw}: none of train_images, val_images, test_images; it has {sorted(names)[:8]}")
        for split in splits:
            labels = _labels(archive, raw, split, cfg.classes)
            with archive.open(f"{split}_images.npy") as stream:
                shape, kind = _header(raw, archive, f"{split}_images.npy", stream)
                if len(shape) not in (3, 4) or shape[0] != len(labels):
                    raise SynthgainError(
                        f"{raw}: {split}_images has shape {shape}, expected (N, H, W) or (N, H, W, C) "
                        f"with N = {len(labels)} labels"
                    )
                each = int(np.prod(shape[1:])) * kind.itemsize
                for index, label in enumerate(labels):
                    image = np.frombuffer(_exactly(stream, each), kind).reshape(shape[1:])
                    yield Record(f"{split}_images/{index}", partial(_given, image), label, split=split)
                if stream.read(1):
                    raise SynthgainError(f"{raw}: {split}_images holds more than its shape {shape} says")


def _given(image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return image


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        raise SynthgainError(f"{path}: no such file; dataset.path must name one .npz")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except SynthgainError:
        raise
    # What zipfile, zlib and NumPy's header reader raise for damaged bytes.
    except (*_DAMAGE, NotImplementedError, RuntimeError, KeyError, ValueError, EOFError, OSError) as error:
        raise SynthgainError(f"{path}: damaged, or not an .npz ({error}); get the file again") from None


def _header(path: Path, archive: zipfile.ZipFile, name: str, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of a member, checked against the sizes that the archive states."""
    member = archive.getinfo(name)
    if member.file_size > SMALL and member.file_size > LARGEST_RATIO * max(member.compress_size, 1):
        raise SynthgainError(
            f"{path}: {name} grows from {member.compress_size} to {member.file_size} bytes; refused as a bomb"
        )
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = reader(stream)
    if kind.hasobject:
        raise SynthgainError(f"{path}: {name} holds Python objects, which could run code; only numbers are read")
    if fortran and len(shape) > 1:
        raise SynthgainError(f"{path}: {name} is in Fortran order; save it with numpy.ascontiguousarray")
    if int(np.prod(shape, dtype=object)) * kind.itemsize > member.file_size:
        raise SynthgainError(f"{path}: {name} says it has shape {shape}, but holds {member.file_size} bytes")
    return shape, kind


def _labels(archive: zipfile.ZipFile, path: Path, split: str, classes: tuple[str, ...] | None) -> list[str]:
    name = f"{split}_labels.npy"
    if name not in archive.namelist():
        raise SynthgainError(f"{path}: {split}_images without {split}_labels")
    with archive.open(name) as stream:
        shape, kind = _header(path, archive, name, stream)
        size = int(np.prod(shape)) * kind.itemsize
        if kind.kind not in "uib" or (shape[1:] not in ((), (1,))) or not shape or size > LARGEST_LABELS:
            raise SynthgainError(f"{path}: {split}_labels is {kind} {shape}, expected whole numbers (N,) or (N, 1)")
        numbers = np.frombuffer(_exactly(stream, size), kind).reshape(-1)
        if stream.read(1):  # at the end of a member, its checksum is verified
            raise SynthgainError(f"{path}: {split}_labels holds more than its shape {shape} says")
    if classes is None:
        return [str(int(number)) for number in numbers]
    wrong = [(row, int(number)) for row, number in enumerate(numbers) if not 0 <= number < len(classes)]
    if wrong:
        raise SynthgainError(
            f"{path}: {split}_labels[{wrong[0][0]}] is {wrong[0][1]}; dataset.source.classes names {len(classes)}"
        )
    return [classes[int(number)] for number in numbers]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    pieces = []
    while size:
        piece = stream.read(min(size, 1 << 20))
        if not piece:
            raise EOFError("it ends early")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
