"""Is the data fit? Run the expectations; stop on a critical failure with the rows or pairs that cause it."""

import sys
from collections.abc import Sequence

import pandas as pd

from synthgain import artifact, dataset
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.quality import data_docs, expectations, splits
from synthgain.quality.expectations import Check
from synthgain.quality.listing import write_csv

_SHOWN = 20


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/validate``: ``report.json``, ``docs/index.html`` and, where leaks are allowed, ``leaks.csv``.

    Raises
    ------
    SynthgainError
        A critical expectation failed; the rows, or the pairs that leak, are in a file that the message names.
    """
    images = dataset.read(paths.out("ingest"))
    checks, result = expectations.examine(images.table, images.classes, cfg.dataset)
    pairs = splits.leaks(images.table)
    failed = [check for check in checks if check.severity == "critical" and not check.success]
    if failed:
        describe = _leaking(paths, images.table, pairs) if len(pairs) else _failing(paths, images.table, failed)
        raise SynthgainError(describe)
    if len(pairs):
        counted = f"{_counted(images.table, pairs)} (dataset.on_leak=allow)"
        print(f"WARNING: {counted}: what is measured on such a split means nothing", file=sys.stderr, flush=True)
    config = cfg.dataset.model_dump(mode="json", include={"on_leak", "min_per_class", "image"})
    with artifact.writing(
        paths.out("validate"), stage="validate", config={"dataset": config}, inputs={"ingest": images.sha256}
    ) as draft:
        report = {
            "success": True,
            "checks": [
                {"name": one.name, "severity": one.severity, "success": one.success, "detail": one.detail}
                for one in checks
            ],
            "leaks": _counted(images.table, pairs) if len(pairs) else "",
        }
        (draft.path / "report.json").write_bytes(artifact.canonical(report))
        (draft.path / "docs").mkdir()
        (draft.path / "docs" / "index.html").write_text(data_docs.page(result), encoding="utf-8")
        if len(pairs):
            write_csv(pairs, draft.path / "leaks.csv")
        draft.counts.update(checks=len(checks), warnings=sum(not one.success for one in checks), leaks=len(pairs))


def _leaking(paths: Paths, table: pd.DataFrame, pairs: pd.DataFrame) -> str:
    listed = paths.state / "leaks.csv"
    paths.state.mkdir(exist_ok=True)
    write_csv(pairs, listed)
    shown = [
        f"  {pair.origin_a} ({pair.split_a}) - {pair.origin_b} ({pair.split_b}): {pair.kind}"
        for pair in pairs.head(_SHOWN).itertuples()
    ]
    more = [f"  ... {len(pairs) - _SHOWN} more"] if len(pairs) > _SHOWN else []
    return "\n".join([
        f"the split leaks: {_counted(table, pairs)}", *shown, *more, f"all {len(pairs)} pairs: {listed}",
        "dataset.on_leak=regroup makes a clean split; dataset.on_leak=allow goes on, as a demonstration",
    ])  # fmt: skip


def _counted(table: pd.DataFrame, pairs: pd.DataFrame) -> str:
    parts = []
    for split in ("test", "val"):
        mine = pairs[pairs["split_a"] == split].drop_duplicates("origin_a")
        if len(mine):
            kinds = ", ".join(f"{count} {kind}" for kind, count in mine["kind"].value_counts().sort_index().items())
            others = " or ".join(sorted(set(pairs.loc[pairs["split_a"] == split, "split_b"])))
            total = int((table["split"] == split).sum())
            parts.append(f"{len(mine)} of {total} {split} images have their like in {others} ({kinds})")
    return "; ".join(parts)


def _failing(paths: Paths, table: pd.DataFrame, failed: Sequence[Check]) -> str:
    rows = pd.DataFrame(
        [(check.name, row, table["origin"].iloc[row]) for check in failed for row in check.rows],
        columns=["check", "row", "origin"],
    )
    lines = [f"the data are not fit: {len(failed)} critical checks failed"]
    for check in failed:
        lines.append(f"  {check.name}: {check.detail}")
        lines += [f"    {origin}" for origin in rows.loc[rows["check"] == check.name, "origin"].head(_SHOWN)]
    if len(rows):
        listed = paths.state / "failed_rows.csv"
        paths.state.mkdir(exist_ok=True)
        write_csv(rows, listed)
        lines.append(f"all {len(rows)} rows: {listed}")
    return "\n".join(lines)
