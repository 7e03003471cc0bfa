"""From raw images to an image set: decode, find duplicates, group, split; quarantine what cannot be used."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgain import artifact, dataset
from synthgain.cell import Cell
from synthgain.config import Config, component
from synthgain.errors import SynthgainError, nearest
from synthgain.paths import Paths
from synthgain.progress import bar
from synthgain.quality import intake, splits
from synthgain.quality.decode import Refusal, Target
from synthgain.quality.duplicates import Groups, join_near_duplicates, repeated
from synthgain.quality.listing import write_csv
from synthgain.schema import QUICK_LOOK
from synthgain.seeding import derive, rng
from synthgain.sources.personal import without_name
from synthgain.sources.record import Record, refuse

KEYS = ("source", "classes", "group_by", "image", "split", "budget", "on_leak", "near_duplicate_rms", "min_per_class",
        "max_pixels")  # fmt: skip
"""What of ``dataset`` decides the result."""
_COPIED = 1024
_SCRATCH_PER_IMAGE = 8192
"""Bytes for the thumbnail, what the search for duplicates keeps, and a row of the table."""


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/ingest``, in each cell: an image set, ``quarantine.csv`` and ``facts.json``.

    Raises
    ------
    SynthgainError
        The raw data are missing, a manifest is faulty, or there are too few images, groups or images of a class.
    """
    scratch = paths.work("ingest", "scratch")
    shutil.rmtree(scratch)
    scratch.mkdir()
    try:
        taken = _take_in(cfg, paths.root / cfg.dataset.raw, scratch)
        accepted, refused, given = _accepted(cfg, taken, scratch)
        quarantine = _quarantine([*taken.refused, *refused])
        if len(accepted) + len(quarantine) != taken.total:
            raise AssertionError(f"{taken.total} in, but {len(accepted)} accepted and {len(quarantine)} quarantined")
        tables = {
            cell: accepted.assign(split=_split(cfg, accepted, given, cell)) if len(accepted) else accepted
            for cell in cfg.cells
        }
        classes = _checked(cfg, paths, tables, quarantine)
        for cell, table in tables.items():
            how = splits.described(cfg.dataset.split, given, cell)
            _write(cfg, paths.at(cell), taken, table, quarantine, classes, how, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_in(cfg: Config, raw: Path, scratch: Path) -> intake.Intake:
    source = component("sources", cfg.dataset.source.kind)

    def records() -> Iterator[Record]:
        return map(without_name, _only_classes(source.scan(cfg.dataset.source, raw), cfg.dataset.classes))

    # Listed once before anything is opened: a fault in a manifest stops the run at once, and the total is known.
    total, listed = intake.listing(records())
    target = Target(cfg.dataset.image.size, cfg.dataset.image.channels, cfg.dataset.max_pixels)
    _check_space(scratch, total * (2 * target.channels * target.size**2 + _SCRATCH_PER_IMAGE))
    with bar("ingest", total) as progress:
        taken = intake.take_in(records(), target, cfg.compute.workers, scratch, progress)
    if taken.listed != listed:
        raise SynthgainError(f"{raw}: files were added, removed or renamed while they were read; run again")
    return taken


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SynthgainError(f"{folder}: {free >> 20} MiB are free, ingest needs {needed >> 20} MiB; make room")


def _only_classes(records: Iterable[Record], classes: tuple[str, ...] | None) -> Iterator[Record]:
    for record in records:
        if classes and record.label and record.label not in classes:
            yield replace(record, load=partial(refuse, "class not in dataset.classes", record.label))
        else:
            yield record


def _accepted(cfg: Config, taken: intake.Intake, scratch: Path) -> tuple[pd.DataFrame, list[Refusal], pd.Series]:
    """The rows that stay, with their groups and their old row numbers as index; those that do not; given splits."""
    table = taken.table
    if table.empty:
        return table, [], pd.Series(dtype="str")
    same = Groups(len(table))
    shown = pd.Series(np.unique(np.fromiter(table["sha256"], "S64", len(table)), return_inverse=True)[1])
    same.join_equal(shown)
    alike = same.copy()
    join_near_duplicates(same, alike, scratch / intake.THUMBS, len(table), cfg.dataset.near_duplicate_rms)
    together = alike.copy()
    together.join_equal(_patients(table, _stand_in(cfg, table)))
    table["duplicate_group"], table["group"] = alike.roots(), together.roots()
    given = _given_split(cfg, table)
    refused = [] if _leaks(table, given) else _unfit(table, pd.Series(same.roots()), shown, given)
    table = table.drop(index=[row for row, _ in refused]) if refused else table
    return table, [refusal for _, refusal in refused], given[table.index]


def _split(cfg: Config, table: pd.DataFrame, given: pd.Series, cell: Cell) -> pd.Series:
    """The split of every row in ``cell``: made, then cut down to the budget, then to the cell's share of the labels."""
    names = splits.make(table, cfg.dataset.split, given, rng(cfg.seed, "ingest", "split"), cell.fold)
    if cfg.dataset.budget:
        names = splits.spend(table.assign(split=names), cfg.dataset.budget, rng(cfg.seed, "ingest", "budget"))
    if cell.labels is not None:
        names = splits.thin(table.assign(split=names), cell.labels, rng(cfg.seed, "ingest", "labels"))
    return names


def _leaks(table: pd.DataFrame, given: pd.Series) -> bool:
    """Whether a group lies in several given splits: then the set is left as it is, to be shown in full by validate."""
    return bool((given[given != ""].groupby(table["group"]).nunique() > 1).any())


def _unfit(
    table: pd.DataFrame, same: pd.Series, shown: pd.Series, given: pd.Series
) -> list[tuple[int, Refusal]]:  # fmt: skip
    """Rows that do not stay: duplicates with contradicting labels, and all but one of equal images.

    Mirrored copies may differ in their labels, which can be left and right.
    """
    conflicting = table["label"].groupby(same).transform("nunique") > 1
    carried = table["label"][conflicting].groupby(same).agg(lambda values: ", ".join(sorted(set(values))))
    origins = table["origin"]
    unfit = [
        (row, Refusal(str(origins[row]), "label conflict", f"its duplicates carry {carried[group]}"))
        for row, group in zip(table.index[conflicting], same[conflicting], strict=True)
    ]
    for row, kept in repeated(shown[~conflicting], given != "").items():
        unfit.append((row, Refusal(str(origins[row]), f"duplicate of {origins[kept]}", "")))
    return unfit


def _stand_in(cfg: Config, table: pd.DataFrame) -> str | None:
    """The attribute that stands for the patient where he is unknown: the one asked for, or ``group`` where it is."""
    return cfg.dataset.group_by or ("group" if "given_group" in table else None)


def _patients(table: pd.DataFrame, group_by: str | None) -> pd.Series:
    if group_by is None:
        return table["patient_id"]
    column = f"given_{group_by}" if f"given_{group_by}" in table else group_by
    if column not in table:
        raise SynthgainError(f"dataset.group_by: no attribute '{group_by}'{nearest(group_by, table.columns)}")
    stands_in = ("\x1f" + table[column]).where(table[column] != "", "")
    return table["patient_id"].where(table["patient_id"] != "", stands_in)


def _given_split(cfg: Config, table: pd.DataFrame) -> pd.Series:
    """The split that the data bring along; "" where there is none or it does not count."""
    split = cfg.dataset.split
    if split.column is None or split.folds or cfg.dataset.on_leak == "regroup":
        return pd.Series("", table.index, dtype="str")
    column = f"given_{split.column}" if f"given_{split.column}" in table else split.column
    if column not in table:
        known = nearest(split.column, table.columns)
        raise SynthgainError(f"dataset.split.column: no attribute '{split.column}'{known}")
    return splits.given(table[column], split)


def _quarantine(refused: list[Refusal]) -> pd.DataFrame:
    return pd.DataFrame(refused, columns=list(Refusal._fields)).sort_values("origin", kind="stable", ignore_index=True)


def _checked(cfg: Config, paths: Paths, tables: dict[Cell, pd.DataFrame], quarantine: pd.DataFrame) -> tuple[str, ...]:
    """The classes; raises `SynthgainError` with the cell and the quarantine list where there is too little."""
    for cell, table in tables.items():
        try:
            classes = _check(cfg, table, quarantine)
        except SynthgainError as error:
            listed = paths.state / "quarantine.csv"
            write_csv(quarantine, listed)
            where = f" ({cell})" if str(cell) else ""
            where += "; dataset.labels=[1.0] leaves this level out" if cell.labels not in (None, 1.0) else ""
            raise SynthgainError(f"{error}{where}; {len(quarantine)} quarantined: {listed}") from None
    return classes


def _check(cfg: Config, table: pd.DataFrame, quarantine: pd.DataFrame) -> tuple[str, ...]:
    """The classes in their order; raises `SynthgainError` ("insufficient data") where there is too little."""
    if table.empty:
        reasons = Counter(quarantine["reason"]).most_common(3)
        said = ", ".join(f"{count} x {reason}" for reason, count in reasons) or "there are no files"
        raise SynthgainError(f"insufficient data: no image can be used ({said})")
    classes = cfg.dataset.classes or tuple(sorted(set(table["label"])))
    if len(classes) < 2:
        raise SynthgainError(f"insufficient data: one class ({classes[0]!r}); a classifier needs two")
    groups = table["group"].nunique()
    if groups < len(dataset.SPLITS):
        raise SynthgainError(f"insufficient data: {groups} patients or groups; each split needs its own")
    counts = table.groupby(["split", "label"]).size()
    for split in dataset.SPLITS:
        for label in classes:
            count = int(counts.get((split, label), 0))
            if count < cfg.dataset.min_per_class:
                raise SynthgainError(
                    f"insufficient data: {count} images of class {label!r} in {split}, "
                    f"dataset.min_per_class is {cfg.dataset.min_per_class}"
                )
    return tuple(classes)


def _write(
    cfg: Config, paths: Paths, taken: intake.Intake, table: pd.DataFrame, quarantine: pd.DataFrame,
    classes: tuple[str, ...], how: str, scratch: Path,
) -> None:  # fmt: skip
    shape = (cfg.dataset.image.channels, cfg.dataset.image.size, cfg.dataset.image.size)
    rows = table.index.to_numpy()
    with artifact.writing(
        paths.out("ingest"), stage="ingest",
        config={key: value for key, value in cfg.dataset.model_dump(mode="json").items() if key in KEYS}
        | {"cell": str(paths.cell)},
        inputs={"raw": taken.digest}, seeds={"ingest": derive(cfg.seed, "ingest", "split")},
    ) as draft:  # fmt: skip
        with dataset.ImageWriter(draft.path / dataset.IMAGES, shape) as writer:
            bytes_each = int(np.prod(shape))
            for start in range(0, len(taken.table), _COPIED):
                mine = rows[(rows >= start) & (rows < start + _COPIED)] - start
                piece = np.fromfile(scratch / intake.PIXELS, np.uint8, _COPIED * bytes_each, offset=start * bytes_each)
                writer.append(piece.reshape(-1, *shape)[mine])
        dataset.finish(draft, _columns(table), classes)
        write_csv(quarantine, draft.path / "quarantine.csv")
        (draft.path / "facts.json").write_bytes(artifact.canonical(_facts(cfg, table, quarantine, how)))
        draft.counts["quarantined"] = len(quarantine)
        draft.counts.update({str(split): int(count) for split, count in table.groupby("split").size().items()})


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    known = zip(table["origin"], table["sha256"], strict=True)
    rest = table.drop(columns="given_split") if (table["given_split"] == "").all() else table
    identities = [artifact.digest([origin, sha256])[:16] for origin, sha256 in known]
    named = {name: table[name].map(f"{name[0]}{{:06d}}".format).astype("str") for name in ("duplicate_group", "group")}
    return rest.assign(image_id=identities, source=dataset.REAL, **named).reset_index(drop=True)


def _facts(cfg: Config, table: pd.DataFrame, quarantine: pd.DataFrame, how: str) -> dict[str, Any]:
    counted = table.groupby(["split", "label"]).agg(images=("group", "size"), groups=("group", "nunique")).reset_index()
    sizes = (table["width"].astype(str) + " x " + table["height"].astype(str)).value_counts().sort_index()
    alike = table["duplicate_group"].value_counts()
    reasons = quarantine["reason"].str.replace(r"^duplicate of .*", "duplicate", regex=True)
    return {
        "images": len(table),
        "quarantined": len(quarantine),
        "patients": int(table["patient_id"].replace("", pd.NA).nunique()),
        "groups": int(table["group"].nunique()),
        "largest_group": int(table["group"].value_counts().iloc[0]),
        "duplicate_groups": int((alike > 1).sum()),
        "images_in_duplicate_groups": int(alike[alike > 1].sum()),
        "split": how,
        "counts": {
            split: {row.label: {"images": row.images, "groups": row.groups} for row in part.itertuples()}
            for split, part in counted.groupby("split")
        },
        "sizes": sizes.sort_values(ascending=False, kind="stable").head(20).to_dict(),
        "modes": table["mode"].value_counts().sort_index().to_dict(),
        "quarantine": reasons.value_counts().sort_index().to_dict(),
        "notes": _notes(cfg, table),
    }  # fmt: skip


def _notes(cfg: Config, table: pd.DataFrame) -> list[str]:
    notes = []
    unknown = int((table["patient_id"] == "").sum())
    if unknown:
        column = _stand_in(cfg, table)
        stand_in = f"the column '{column}'" if column else "groups of near-duplicates"
        notes.append(
            f"The patient of {unknown} images is unknown; {stand_in} stands in, so intervals stay somewhat optimistic."
        )
    mirrored = int((table.groupby("duplicate_group")["label"].transform("nunique") > 1).sum())
    if mirrored:
        notes.append(
            f"{mirrored} images have mirrored or turned copies of another label; they are kept, all in one split."
        )
    groups = table.loc[table["split"] == "test", "group"].nunique()
    if groups < QUICK_LOOK and not cfg.dataset.split.folds:
        notes.append(
            f"The test split has {groups} patients or groups: a quick look, too few for a claim; "
            "dataset.split.folds=5 lets every patient test once."
        )
    budget = cfg.dataset.budget
    for split in ("train", "val") if budget else ():
        images = int((table["split"] == split).sum())
        if images < getattr(budget, split):
            notes.append(f"dataset.budget.{split} allows {getattr(budget, split)} images; there are {images}.")
    deep = int((table["window_high"] != 255).sum())
    if deep:
        notes.append(f"{deep} images have more than 8 bits and were scaled by their own 0.5 and 99.5 percentiles.")
    return notes
