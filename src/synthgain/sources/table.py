"""CSV manifests: columns ``file`` (relative to the CSV), ``label``; where known ``patient_id``, ``split``, others."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from synthgain.errors import SynthgainError, nearest
from synthgain.schema import SourceConfig, Strict
from synthgain.sources.personal import JOINED, identifies, is_name, withheld
from synthgain.sources.record import Record, read_file, refuse

DELIMITERS = ",;\t"
OWN = ("file", "label", "patient_id", "split")
"""Columns with a meaning here; every other column is kept as an attribute."""


class Manifest(Strict):
    """One CSV file of the data set and what to take from it."""

    file: str
    """Path of the CSV relative to the raw data."""
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Column to the values that it may have; rows with other values are left out."""
    columns: dict[str, str] = Field(default_factory=dict)
    """New names of columns: ``{dup_group: group}``."""


class Config(SourceConfig):
    kind: Literal["table"] = "table"
    manifests: tuple[Manifest, ...] = ()
    """Read one after another; none: the only CSV file in the folder."""


def scan(cfg: Config, raw: Path) -> Iterator[Record]:
    """A record per chosen row of every manifest, in the order of the files.

    Separators ``,``, ``;`` and tab, a byte order mark and any line ends are understood; the encoding is UTF-8. A row
    whose column ``source`` says anything but ``real`` is refused as an image that was not measured.

    Raises
    ------
    SynthgainError
        Naming file, line and value: a column or cell that is needed is missing, a row has too many or too few cells,
        a column or a ``patient_id`` identifies a person, a file or ``image_id`` stands twice, a path leads outside, a
        cell holds a formula, the text is not UTF-8. No message repeats what names a person.
    """
    seen: dict[str, str] = {}
    for manifest in cfg.manifests or _only_manifest(raw):
        path = _inside(raw, manifest.file)
        identities: dict[str, int] = {}
        for line, row in _rows(path, manifest):
            if (name := row.get("image_id", "")) and identities.setdefault(name, line) != line:
                named = withheld(name)
                raise SynthgainError(f"{path}:{line}: image_id {named!r} stands already in line {identities[name]}")
            record = _record(raw, path, line, row)
            if seen.setdefault(record.origin, f"{path}:{line}") != f"{path}:{line}":
                named = withheld(row["file"])
                raise SynthgainError(f"{path}:{line}: file {named!r} is listed already in {seen[record.origin]}")
            yield record


def _only_manifest(raw: Path) -> tuple[Manifest, ...]:
    found = sorted(path.name for path in raw.glob("*.csv"))
    if len(found) != 1:
        raise SynthgainError(f"{raw}: {len(found)} CSV files {found}; name those to read in dataset.source.manifests")
    return (Manifest(file=found[0]),)


def _inside(raw: Path, name: str) -> Path:
    path = raw / name
    if not path.resolve().is_relative_to(raw.resolve()):
        raise SynthgainError(f"dataset.source.manifests: {name!r} lies outside of the data set's folder")
    if not path.is_file():
        raise SynthgainError(f"{path}: no such file; dataset.source.manifests names it")
    return path


def _rows(path: Path, manifest: Manifest) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and cells by (renamed) column, of the rows that ``where`` allows."""
    line = 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            delimiter = max(DELIMITERS, key=first.count)
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            header = _header(path, next(reader, []), manifest)
            line = reader.line_num
            for cells in reader:
                line = reader.line_num
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    raise SynthgainError(f"{path}:{line}: {len(cells)} cells, but the header has {len(header)}")
                row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
                if all(row[column] in allowed for column, allowed in manifest.where.items()):
                    _check_cells(path, line, row)
                    yield line, row
    except UnicodeDecodeError:
        raise SynthgainError(f"{path}:{_undecodable_line(path)}: not UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise SynthgainError(f"{path}:{line + 1}: {error}") from None


def _header(path: Path, cells: list[str], manifest: Manifest) -> list[str]:
    given = [cell.strip() for cell in cells]
    for column in manifest.columns:
        if column not in given:
            raise SynthgainError(f"{path}:1: no column {column!r} to rename{nearest(column, given)}")
    header = [manifest.columns.get(column, column) for column in given]
    for column in ("file", "label", *manifest.where):
        if column not in header:
            raise SynthgainError(f"{path}:1: no column {column!r}{nearest(column, filter(None, header))}")
    for column in given:
        if identifies(column):
            raise SynthgainError(
                f"{path}:1: column {column!r} identifies a person; take it out of the file (patient_id is a pseudonym)"
            )
    for column in header:
        if not column or header.count(column) > 1:
            raise SynthgainError(f"{path}:1: column name {column!r} is empty or stands twice")
    return header


def _check_cells(path: Path, line: int, row: Mapping[str, str]) -> None:
    for column, cell in row.items():
        if cell.startswith(("=", "@")):
            said = f"{column} holds a formula{_shown(column, cell)}; save its value instead"
            raise SynthgainError(f"{path}:{line}: {said}")
        if not cell.isprintable():
            said = f"{column} holds characters that cannot be printed{_shown(column, cell)}"
            raise SynthgainError(f"{path}:{line}: {said}")
    for column in ("file", "label"):
        if not row[column]:
            raise SynthgainError(f"{path}:{line}: {column} is empty")
    if is_name(row.get("patient_id", "")):
        raise SynthgainError(f"{path}:{line}: patient_id holds {JOINED}; give each patient a pseudonym")
    name = row["file"]
    if "\\" in name or re.match(r"[A-Za-z]:|/", name) or ".." in PurePosixPath(name).parts:
        raise SynthgainError(
            f"{path}:{line}: file {withheld(name)!r} must be a path relative to the CSV, with '/' between folders and "
            "no '..'"
        )


def _shown(column: str, cell: str) -> str:
    return f": {withheld(cell)!r}" if column in ("file", "label", "split") else ""


def _record(raw: Path, path: Path, line: int, row: Mapping[str, str]) -> Record:
    origin = (path.parent.relative_to(raw) / PurePosixPath(row["file"])).as_posix()
    load: Callable[[], bytes] = partial(read_file, raw, origin)
    source = row.get("source", "")
    if source.casefold() not in ("", "real"):
        load = partial(refuse, "marked as synthetic", f"{path.name} line {line}: source is {source!r}")
    attributes = {column: cell for column, cell in row.items() if column not in OWN}
    return Record(origin, load, row["label"], row.get("patient_id", ""), row.get("split", ""), attributes)


def _undecodable_line(path: Path) -> int:
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
