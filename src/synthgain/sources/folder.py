"""Class folders: ``<class>/<image>``, or with a level of given splits above them: ``<split>/<class>/<image>``."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from synthgain.errors import SynthgainError
from synthgain.schema import SourceConfig
from synthgain.sources.record import Record, read_file, refuse

SPLIT_FOLDERS = ("train", "training", "val", "valid", "validation", "test", "testing")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


class Config(SourceConfig):
    kind: Literal["folder"] = "folder"


def scan(cfg: Config, raw: Path) -> Iterator[Record]:
    """Every file under ``raw`` in the order of names; what is no image in a class folder yields a record that refuses.

    Raises
    ------
    SynthgainError
        There is no such folder or no class folder in it, or split folders stand beside class folders.
    """
    if not raw.is_dir():
        raise SynthgainError(f"{raw}: no such folder; dataset.path must name a folder with one folder per class")
    folders = [entry.name for entry in _sorted(raw) if os.path.isdir(entry) and not entry.name.startswith(".")]
    if not folders:
        raise SynthgainError(f"{raw}: no class folders; expected <class>/<image> or train|val|test/<class>/<image>")
    splits = [name for name in folders if name.casefold() in SPLIT_FOLDERS]
    if splits and len(splits) < len(folders):
        classes = sorted(set(folders) - set(splits))
        raise SynthgainError(f"{raw}: split folders {splits} beside {classes}; put all classes into split folders")
    depth = 1 if splits else 0
    for path, closed in _files(raw, (os.path.realpath(raw),)):
        yield _record(raw, path, closed, depth)


def _record(raw: Path, path: str, closed: bool, depth: int) -> Record:
    origin = path[len(os.fspath(raw)) + 1 :].replace(os.sep, "/")
    parts = origin.split("/")
    split = parts[0] if depth and len(parts) > depth else ""
    label = parts[depth] if len(parts) > depth + 1 else ""
    load: Callable[[], bytes]
    if not origin.isprintable():
        return Record(ascii(origin)[1:-1], partial(refuse, "file name cannot be printed"), "")
    if closed:
        load = partial(refuse, "link leads in a circle or outside the folder")
    elif not label:
        load = partial(refuse, "not in a class folder")
    elif not path.lower().endswith(SUFFIXES):
        load = partial(refuse, "not an image file", f"known: {' '.join(SUFFIXES)}")
    else:
        load = partial(read_file, raw, origin)
    return Record(origin, load, label, split=split)


def _files(folder: Path | str, above: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """Paths of all files below ``folder``, and of linked folders that must not be entered: for those, True."""
    for entry in _sorted(folder):
        linked = entry.is_symlink()
        # Of a link, os.path.isdir asks the disk and, unlike entry.is_dir, raises nothing where it leads to itself.
        if not (os.path.isdir(entry) if linked else entry.is_dir()):
            yield entry.path, False
            continue
        real = os.path.realpath(entry.path)
        if linked and (real in above or not real.startswith(above[0] + os.sep)):
            yield entry.path, True
        else:
            yield from _files(entry.path, (*above, real))


def _sorted(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise SynthgainError(f"{folder}: cannot be listed ({error.strerror})") from None
