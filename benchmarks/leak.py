"""How much accuracy a leak pretends: the test images that have a near-copy in training, and those that have none.

Run: SYNTHGAIN_DATASETS=/path/to/datasets python benchmarks/leak.py      (about three minutes on 2 cores)
Writes: docs/results/leak.json and, from it alone, docs/results/leak.md

The Sartaj set's own test folder holds near-copies of training images. `on_leak: allow` leaves them there on purpose;
`on_leak: regroup` parts the very same images by groups of near-duplicates, in the same shares. No synthetic image is
involved: the arm is `classic`, with the default network and augmentation.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from phantom import ROOT, classic, workspace

from synthgain import artifact, dataset, last_run, stages
from synthgain.compute import side_by_side
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.quality import splits

PAGES = ROOT / "docs" / "results"
SEEDS = 8
SET = [
    "dataset=table", "dataset.name=sartaj", "dataset.path=${oc.env:SYNTHGAIN_DATASETS}/brain_tumor_mri",
    "dataset.source.manifests=[{file: sartaj_manifest.csv, columns: {dup_group: group}}]", "dataset.group_by=group",
    "dataset.image.size=64", "dataset.split.column=split", "classifier.training.steps=500",
    "classifier.training.validate_every=50",
]  # fmt: skip


def trained(case: tuple[Config, Paths, int]) -> dict[str, float]:
    """Balanced accuracy and, over the parts of the test images that leak and that do not, accuracy by class."""
    images, predicted = classic(*case)
    test = images.table.iloc[images.rows("test")].reset_index(drop=True)
    right = pd.Series(predicted.argmax(1) == images.labels[images.rows("test")])
    pairs = splits.leaks(images.table)
    leaking = set(pairs.loc[pairs["split_a"] == "test", "origin_a"])
    found = {"all": float(right.groupby(test["label"]).mean().mean())}
    by_class = right.groupby([test["origin"].isin(leaking), test["label"]]).agg(["mean", "size"])
    for (leak, label), row in by_class.iterrows():
        found[f"{'with' if leak else 'without'} {label}"] = float(row["mean"])
        found[f"n {'with' if leak else 'without'} {label}"] = int(row["size"])
    return found


def measured(folder: Path, on_leak: str, fractions: tuple[float, float]) -> dict[str, Any]:
    """Means over seeds on the test images of one split."""
    words = [*SET, f"dataset.on_leak={on_leak}", f"dataset.split.fractions=[{fractions[0]},{fractions[1]}]"]
    cfg, paths = workspace(folder / on_leak, words)
    cfg = cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": str(cfg.dataset.path)})})
    for stage in ("ingest", "validate"):
        stages.run(stage, cfg, paths)
    images = dataset.read(paths.out("ingest"))
    report = artifact.read(paths.out("validate")).json("report.json")
    done = sorted(side_by_side(trained, [(cfg, paths, k) for k in range(SEEDS)], 2), key=lambda pair: pair[0][2])
    table = pd.DataFrame([found for _, found in done])
    return {
        "on_leak": on_leak, "leaks": report["leaks"], "classes": list(images.classes),
        "per_seed": [round(value, 4) for value in table["all"]], "sd": round(float(table["all"].std()), 4),
        "mean": {name: round(float(value), 4) for name, value in table.mean().items()},
        **{split: len(images.rows(split)) for split in dataset.SPLITS},
    }  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """The Markdown page of ``leak.json``."""
    leaking, clean = found["splits"]
    rows, gaps = [], []
    for label in leaking["classes"]:
        cells = [leaking["mean"].get(f"{part} {label}") for part in ("with", "without")]
        counts = [int(leaking["mean"].get(f"n {part} {label}", 0)) for part in ("with", "without")]
        gap = None if None in cells else 100 * (cells[0] - cells[1])
        gaps += [] if gap is None else [gap]
        shown = [
            "none" if cell is None else f"{100 * cell:.1f} % of {n}" for cell, n in zip(cells, counts, strict=True)
        ]
        rows.append(f"| {label} | {shown[0]} | {shown[1]} | {'' if gap is None else f'{gap:+.1f}'} |")
    pretended = sum(gaps) / len(gaps)
    return "\n".join([
        "# What a leak pretends", "",
        "**A demonstration, not a result: this split leaks, and what is measured on it means nothing.**", "",
        f"The Sartaj brain MRI set as it is handed out: {leaking['leaks']}. In each class, those test images are "
        "recognised so much more or less often than the test images without a near-copy in training:", "",
        "| Class | With a near-copy in training | Without | Difference, points |", "| --- | ---: | ---: | ---: |",
        *rows, "",
        f"Mean over the classes that have both: {pretended:+.1f} points.", "",
        f"Balanced accuracy on all of its own test images: {100 * leaking['mean']['all']:.1f} % (SD over {SEEDS} seeds "
        f"{100 * leaking['sd']:.1f}); on a split of the same images by groups of near-duplicates: "
        f"{100 * clean['mean']['all']:.1f} % ({100 * clean['sd']:.1f}). These are no measure of the leak: the set's "
        "own test folder differs from its training folder in more than near-copies, the clean split mixes both.", "",
        "Nothing here is about synthetic images. Images with near-copies may be easier ones: this cannot tell.", "",
        "```sh", found["command"], "```", "",
        f"- commit `{found['commit']}`", f"- {found['hardware']}, {found['wall_seconds'] / 60:.1f} minutes",
        "- every number above comes from [leak.json](leak.json)",
    ]) + "\n"  # fmt: skip


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        leaking = measured(Path(name), "allow", (0.15, 0.25))
        total = sum(leaking[split] for split in dataset.SPLITS)
        clean = measured(Path(name), "regroup", (leaking["val"] / total, leaking["test"] / total))
    found = {
        "command": "SYNTHGAIN_DATASETS=/path/to/datasets python benchmarks/leak.py",
        "commit": last_run.commit(Paths(ROOT)), "hardware": last_run.hardware(),
        "wall_seconds": round(time.monotonic() - began), "splits": [leaking, clean],
    }  # fmt: skip
    (PAGES / "leak.json").write_text(json.dumps(found, indent=1) + "\n")
    (PAGES / "leak.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
