"""Every record of a source, decoded side by side into files on disk and a thin table: memory stays flat."""

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd

from synthgain import artifact, dataset
from synthgain.errors import KilledError
from synthgain.lifeline import die_with
from synthgain.progress import Bar
from synthgain.quality.decode import Decoded, Refusal, Target, decode_all
from synthgain.sources.record import Record

PIXELS, THUMBS = "pixels.u1", "thumbs.u1"
_BATCH = 32
_ROWS_PER_PIECE = 2048
_TAKEN = {*dataset.COLUMNS, *dataset.MEASURED, "given_split"}
"""Columns whose names an attribute of the data cannot have."""


@dataclass(frozen=True)
class Intake:
    """What was taken in: ``table`` has a row per image in ``pixels.u1`` and ``thumbs.u1``, without split and groups."""

    total: int
    table: pd.DataFrame
    refused: list[Refusal]
    listed: str
    """The digest of `listing`, taken again while the images were read."""
    digest: str
    """SHA-256 over what the source said of every image and the stored bytes of those that were decoded."""


def listing(records: Iterable[Record]) -> tuple[int, str]:
    """How many records there are, and a SHA-256 of all that is said of them; nothing is opened."""
    count, digest = 0, hashlib.sha256()
    for record in records:
        count += 1
        digest.update(_said(record))
    return count, digest.hexdigest()


def take_in(records: Iterable[Record], target: Target, workers: int, folder: Path, progress: Bar) -> Intake:
    """Decode all ``records``; pixels and thumbnails go to files in ``folder``, in the order of the records."""
    total, pieces, rows, refused = 0, [], [], []
    listed, content = hashlib.sha256(), hashlib.sha256()
    with open(folder / PIXELS, "wb") as pixels, open(folder / THUMBS, "wb") as thumbs:
        for batch, outcomes in _in_order(records, target, workers):
            for record, outcome in zip(batch, outcomes, strict=True):
                listed.update(_said(record))
                if isinstance(outcome, Refusal):
                    refused.append(outcome)
                    continue
                content.update(outcome.content.encode())
                pixels.write(outcome.pixels.tobytes())
                thumbs.write(outcome.thumb.tobytes())
                rows.append(_row(record, outcome))
            if len(rows) >= _ROWS_PER_PIECE:
                pieces.append(_table(rows))
                rows = []
            total += len(batch)
            progress.advance(len(batch))
    if rows or not pieces:
        pieces.append(_table(rows))
    table = _known(pd.concat(pieces, ignore_index=True))
    pieces.clear()
    digest = artifact.digest([listed.hexdigest(), content.hexdigest()])
    return Intake(total, table, refused, listed.hexdigest(), digest)


def _said(record: Record) -> bytes:
    said = (record.origin, record.label, record.patient_id, record.split, sorted(record.attributes.items()))
    return repr(said).encode()


def _row(record: Record, image: Decoded) -> dict[str, object]:
    attributes = {f"given_{name}" if name in _TAKEN else name: value for name, value in record.attributes.items()}
    return {
        "origin": record.origin, "label": record.label, "patient_id": record.patient_id, "given_split": record.split,
        **attributes, "stored_sha256": image.content, "sha256": image.sha256,
        "width": image.width, "height": image.height, "mode": image.mode,
        "window_low": image.low, "window_high": image.high, "pixel_mean": image.mean,
        "pixel_std": image.std, "pixel_min": image.lowest, "pixel_max": image.highest,
    }  # fmt: skip


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    table = _known(pd.DataFrame(rows))
    return table.astype({name: "str" for name in table if not pd.api.types.is_numeric_dtype(table[name])})


def _known(table: pd.DataFrame) -> pd.DataFrame:
    """The table with "" where a row lacks an attribute that others have."""
    lacking = table.columns[table.isna().any()]
    return table.fillna(dict.fromkeys(lacking, "")) if len(lacking) else table


def _in_order(
    records: Iterable[Record], target: Target, workers: int
) -> Iterator[tuple[tuple[Record, ...], list[Decoded | Refusal]]]:
    """Batches of records with their outcomes, in order; at most a few batches wait at any time."""
    if workers == 1:
        for batch in _batches(records):
            yield batch, decode_all(batch, target)
        return
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    context = get_context("forkserver")
    context.set_forkserver_preload([decode_all.__module__])
    pool = ProcessPoolExecutor(workers, context, die_with, ([os.getpid()],))
    waiting: deque[tuple[tuple[Record, ...], Future[list[Decoded | Refusal]]]] = deque()
    remaining = _batches(records)
    try:
        while True:
            for batch in islice(remaining, 3 * workers - len(waiting)):
                waiting.append((batch, pool.submit(decode_all, batch, target)))
            if not waiting:
                return
            outcomes = waiting[0][1].result()
            yield waiting.popleft()[0], outcomes
    except BrokenProcessPool:
        place = f"at or after {waiting[0][0][0].origin}" if waiting else "at the start"
        raise KilledError(
            f"a process that decodes images died (out of memory?) {place}; lower dataset.max_pixels or compute.workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _batches(records: Iterable[Record]) -> Iterator[tuple[Record, ...]]:
    remaining = iter(records)
    while batch := tuple(islice(remaining, _BATCH)):
        yield batch
