"""What a source yields: one image that has not been opened yet."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

LARGEST_FILE = 1 << 30
"""Bytes; a larger file is refused unread."""
LARGEST_RATIO = 200
"""Inflated to stored size; what is larger than `SMALL` and inflated further is refused as a bomb."""
SMALL = 1 << 26


class Unusable(Exception):  # noqa: N818 - a finding about one image, not a failure
    """One image cannot be used: ``reason`` in a few words that can be counted, ``detail`` for the one image."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Record:
    """One image of the raw data and what is known of it."""

    origin: str
    """Path relative to the raw data, POSIX."""
    load: Callable[[], npt.NDArray[np.generic] | bytes]
    """The file's bytes, or the image as an array ``(H, W)`` or ``(H, W, C)``; raises `Unusable`. Can be pickled."""
    label: str
    patient_id: str = ""
    split: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def refuse(reason: str, detail: str = "") -> NoReturn:
    """A ``load`` for what is known to be unusable before it is opened."""
    raise Unusable(reason, detail)


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.join(os.path.realpath(folder, strict=True), "")


def _real_path(path: str) -> str:
    """As `os.path.realpath`, which asks the disk about each part of a path, but once about each folder."""
    folder, name = os.path.split(path)
    found = os.path.join(_real_folder(folder), name)
    return os.path.realpath(found, strict=True) if os.path.islink(found) or name in ("", "..") else found


def read_file(folder: Path, name: str) -> bytes:
    """The bytes of the regular file ``name`` (POSIX, relative) inside ``folder``.

    Raises
    ------
    Unusable
        Missing, unreadable, a link that leads outside ``folder`` or in a circle, no regular file, larger than
        `LARGEST_FILE`, or changed while it was read.
    """
    try:
        path = _real_path(os.path.join(folder, name))
        if not path.startswith(_real_folder(os.fspath(folder))):
            raise Unusable("link leads outside the folder")
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as stream:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise Unusable("not a regular file")
            if before.st_size > LARGEST_FILE:
                raise Unusable("file too large", f"{before.st_size} bytes; at most {LARGEST_FILE}")
            content = stream.read(before.st_size + 1)
            after = os.fstat(handle)
    except FileNotFoundError:
        raise Unusable("missing file") from None
    except (OSError, RuntimeError) as error:
        raise Unusable("unreadable file", getattr(error, "strerror", None) or "links in a circle") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != before.st_size:
        raise Unusable("file changed while it was read")
    return content
