"""How much accuracy a leak pretends: the same test images, with and without their near-copies in training.

Run: SYNTHGAIN_DATASETS=/path/to/datasets python benchmarks/leak.py      (about four minutes on 2 cores)
Writes: docs/results/leak.json and, from it alone, docs/results/leak.md

The Sartaj set's own test folder holds near-copies of training images; `on_leak: allow` leaves them there on purpose.
Of the training images, one arm leaves out those near-copies, the other as many random others of each class, so that
all else is equal: number of images and of each class, steps, seeds, network, validation. No synthetic image is
involved: both arms train as `classic` does. The difference is judged by the project's own rule.
"""

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from phantom import ROOT, workspace

from synthgain import artifact, dataset, last_run, stages
from synthgain.arms.arm import parse
from synthgain.arms.trial import predict, train
from synthgain.compute import device, side_by_side
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.evaluation import gain
from synthgain.evaluation.predictions import from_table
from synthgain.paths import Paths
from synthgain.seeding import derive, rng

PAGES = ROOT / "docs" / "results"
SEEDS = 8
SET = [
    "dataset=table", "dataset.name=sartaj", "dataset.path=${oc.env:SYNTHGAIN_DATASETS}/brain_tumor_mri",
    "dataset.source.manifests=[{file: sartaj_manifest.csv, columns: {dup_group: group}}]", "dataset.group_by=group",
    "dataset.image.size=64", "dataset.split.column=split", "dataset.on_leak=allow", "classifier.training.steps=500",
    "classifier.training.validate_every=50",
]  # fmt: skip
LEFT_IN, TAKEN_OUT = "near-copies left in", "near-copies taken out"


def leaking(images: ImageSet) -> pd.Series:
    """Whether an image's group (near-copies, mirrored or not) has images on both sides of the test split."""
    table = images.table
    test = table["split"] == "test"
    both = set(table["group"][test]) & set(table["group"][~test])
    return table["group"].isin(both)


def arms(images: ImageSet, seed: int) -> dict[str, ImageSet]:
    """The two training sets; validation holds no near-copy of a test image in either."""
    table, crossing = images.table, leaking(images)
    train, names = table["split"] == "train", table["split"].mask((table["split"] == "val") & crossing, "unused")
    others = []
    for label in images.classes:
        mine = train & (table["label"] == label)
        rows = table.index[mine & ~crossing].to_numpy()
        others += list(rng(seed, "others", label).permutation(rows)[: int((mine & crossing).sum())])
    out = {LEFT_IN: table.index.isin(others), TAKEN_OUT: train & crossing}
    return {arm: replace(images, table=table.assign(split=names.mask(rows, "unused"))) for arm, rows in out.items()}


def trained(case: tuple[Config, Paths, int]) -> pd.DataFrame:
    """The predictions of both arms with one seed."""
    cfg, paths, index = case
    seed, tables = derive(cfg.seed, "benchmark", index), []
    for arm, images in arms(dataset.read(paths.out("ingest")), seed).items():
        network, _ = train(
            parse("classic"), images, None, cfg.classifier, cfg.arms.augmentation, seed=seed, on=device(cfg.compute)
        )
        tables.append(predict(network, images, ["test"]).assign(arm=arm, seed=index, generator_seed=0, fraction=1.0))
    return pd.concat(tables, ignore_index=True)


def judged(table: pd.DataFrame, images: ImageSet, cfg: Config) -> dict[str, Any]:
    """The difference between the arms on the images of ``table``, and what each arm reaches."""
    headline = {
        "candidate": LEFT_IN,
        "baseline": TAKEN_OUT,
        "metric": "balanced_accuracy",
        "margin": 0.02,
        "level": 0.95,
    }
    present = [label for label in images.classes if (table["label"] == label).any()]
    columns = {f"p{images.classes.index(label)}": f"p{k}" for k, label in enumerate(present)}
    kept = table.drop(columns=[f"p{k}" for k in range(len(images.classes)) if f"p{k}" not in columns])
    kept = kept.rename(columns=columns)
    chances = [f"p{k}" for k in range(len(present))]
    kept[chances] = kept[chances].div(kept[chances].sum(axis=1), axis=0)
    found = gain.evaluate(from_table(kept, present), headline, cfg.evaluation, cfg.seed)
    numbers = ("difference", "low", "high", "p_bootstrap", "p_sign_flip", "per_seed")
    return {
        "images": found["n_test"], "groups": found["n_groups"], "classes": present,
        "word": found["verdict"]["word"], **{name: found["headline"][name] for name in numbers},
        "reached": {arm: record["balanced_accuracy"]["mean"] for arm, record in found["arms"].items()},
    }  # fmt: skip


def measured(folder: Path) -> dict[str, Any]:
    cfg, paths = workspace(folder / "leak", SET)
    cfg = cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": str(cfg.dataset.path)})})
    for stage in ("ingest", "validate"):
        stages.run(stage, cfg, paths)
    images = dataset.read(paths.out("ingest"))
    done = side_by_side(trained, [(cfg, paths, index) for index in range(SEEDS)], 2)
    table = pd.concat([found for _, found in sorted(done, key=lambda pair: pair[0][2])], ignore_index=True)
    crossing = set(images.table["image_id"][leaking(images)])
    sets = arms(images, 0)
    return {
        "leaks": artifact.read(paths.out("validate")).json("report.json")["leaks"], "seeds": SEEDS,
        "training": {arm: len(each.rows("train")) for arm, each in sets.items()},
        "taken_out": int((leaking(images) & (images.table["split"] == "train")).sum()),
        "all": judged(table, images, cfg),
        "with": judged(table[table["image_id"].isin(crossing)], images, cfg),
        "without": judged(table[~table["image_id"].isin(crossing)], images, cfg),
    }  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """The Markdown page of ``leak.json``."""
    parts = (("all", "all of its own test images"), ("with", "those with a near-copy in training or validation"),
             ("without", "those without"))  # fmt: skip
    rows = [
        f"| {name} | {each['images']} | {100 * each['reached'][LEFT_IN]:.1f} % "
        f"| {100 * each['reached'][TAKEN_OUT]:.1f} % "
        f"| {100 * each['difference']:+.1f} ({100 * each['low']:+.1f} to {100 * each['high']:+.1f}) | {each['word']} |"
        for key, name in parts
        for each in [found[key]]
    ]
    whole, left = found["all"], found["training"][LEFT_IN]
    return "\n".join([
        "# What a leak pretends", "",
        "**A demonstration, not a result: this split leaks, and what is measured on it means nothing.**", "",
        f"The Sartaj brain MRI set as it is handed out: {found['leaks']}. Of the training images, one arm leaves out "
        f"the {found['taken_out']} near-copies of test images, the other as many random others of each class; both "
        f"train on {left:,} images, {found['seeds']} seeds each, in pairs. The near-copies alone pretend "
        f"**{100 * whole['difference']:+.1f} points** of balanced accuracy (95 % CI {100 * whole['low']:+.1f} to "
        f"{100 * whole['high']:+.1f}).", "",
        "| Test images | Number | Near-copies left in | Taken out | Difference, points | Judged |",
        "| --- | ---: | ---: | ---: | ---: | --- |", *rows, "",
        "Balanced accuracy over the classes that the images have. A class that a part lacks is not among the answers "
        "there, which makes it easier than the whole: compare within rows only. Interval: bootstrap over groups of "
        "near-copies and seeds; judged by the same rule as synthetic images are, so that *gain* here is a gain from "
        "leaking. Nothing here is about synthetic images.", "",
        "```sh", found["command"], "```", "",
        f"- commit `{found['commit']}`", f"- {found['hardware']}, {found['wall_seconds'] / 60:.1f} minutes",
        "- every number above comes from [leak.json](leak.json)",
    ]) + "\n"  # fmt: skip


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        found = measured(Path(name))
    found = {
        "command": "SYNTHGAIN_DATASETS=/path/to/datasets python benchmarks/leak.py",
        "commit": last_run.commit(Paths(ROOT)), "hardware": last_run.hardware(),
        "wall_seconds": round(time.monotonic() - began), **found,
    }  # fmt: skip
    (PAGES / "leak.json").write_text(json.dumps(found, indent=1) + "\n")
    (PAGES / "leak.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
