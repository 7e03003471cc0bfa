"""How much accuracy a leak pretends: one classifier on a leaking split, and on a clean one of the same images.

Run: SYNTHGAIN_DATASETS=/path/to/datasets python benchmarks/leak.py      (about five minutes on 2 cores)
Writes: docs/results/leak.json and, from it alone, docs/results/leak.md

The Sartaj set's own test folder holds near-copies of training images. `on_leak: allow` leaves them there on purpose;
`on_leak: regroup` parts the very same images by groups of near-duplicates, in the same shares. No synthetic image is
involved: the arm is `classic`, with the default network, steps and augmentation.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from phantom import ROOT, classic, workspace

from synthgain import artifact, dataset, last_run, stages
from synthgain.compute import side_by_side
from synthgain.paths import Paths

PAGES = ROOT / "docs" / "results"
SEEDS = 8
SET = [
    "dataset=table", "dataset.name=sartaj", "dataset.path=${oc.env:SYNTHGAIN_DATASETS}/brain_tumor_mri",
    "dataset.source.manifests=[{file: sartaj_manifest.csv, columns: {dup_group: group}}]", "dataset.group_by=group",
    "dataset.image.size=64", "dataset.split.column=split", "classifier.training.steps=500",
    "classifier.training.validate_every=50",
]  # fmt: skip


def measured(folder: Path, on_leak: str, fractions: tuple[float, float]) -> dict[str, Any]:
    """Scores of `classic` on the test images of one split."""
    words = [*SET, f"dataset.on_leak={on_leak}", f"dataset.split.fractions=[{fractions[0]},{fractions[1]}]"]
    cfg, paths = workspace(folder / on_leak, words)
    cfg = cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": str(cfg.dataset.path)})})
    for stage in ("ingest", "validate"):
        stages.run(stage, cfg, paths)
    images = dataset.read(paths.out("ingest"))
    report = artifact.read(paths.out("validate")).json("report.json")
    cases = [(cfg, paths, index) for index in range(SEEDS)]
    scores = [score for _, score in side_by_side(classic, cases, 2)]
    return {
        "on_leak": on_leak, "leaks": report["leaks"], "per_seed": [round(score, 4) for score in scores],
        "mean": round(float(np.mean(scores)), 4), "sd": round(float(np.std(scores, ddof=1)), 4),
        **{split: len(images.rows(split)) for split in dataset.SPLITS},
    }  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """The Markdown page of ``leak.json``."""
    leaking, clean = found["splits"]
    pretended = 100 * (leaking["mean"] - clean["mean"])
    rows = [
        f"| {name} | {split['train']:,} / {split['val']:,} / {split['test']:,} | {100 * split['mean']:.1f} % "
        f"(SD over {len(split['per_seed'])} seeds {100 * split['sd']:.1f}) |"
        for name, split in (("**its own, leaking**", leaking), ("by groups of near-duplicates", clean))
    ]
    return "\n".join([
        "# What a leak pretends", "",
        "**A demonstration, not a result: the first split leaks, and what is measured on it means nothing.**", "",
        f"The Sartaj brain MRI set as it is handed out: {leaking['leaks']}. The same images, parted by groups of "
        f"near-duplicates, give {pretended:.1f} points less balanced accuracy with the same network, steps and "
        "augmentation.", "",
        "| Split | Train / validation / test images | Balanced accuracy on test |", "| --- | ---: | ---: |", *rows, "",
        "The test images of both splits are not the same ones, so a part of the difference may be theirs; nothing here "
        "is about synthetic images.", "",
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
