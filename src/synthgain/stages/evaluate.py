"""What was gained: statistics of the confirmed arms on the test split."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from synthgain import artifact, dataset
from synthgain.artifact import Artifact
from synthgain.cell import Cell
from synthgain.compute import side_by_side
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.evaluation import attributes, folds, gain, learning_curve, levels, subgroups
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.paths import Paths
from synthgain.seeding import derive

_READ = ("confirm", "screen", "learning_curve", "ingest")


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/evaluate``: ``gains.json``, ``subgroups.json``, ``arms.csv``, ``metrics.json`` (flat); prints gains."""
    read = {cell: {name: artifact.read(paths.at(cell).out(name)) for name in _READ} for cell in cfg.cells}
    seed, asked = derive(cfg.seed, "evaluate"), list(dict.fromkeys(cell.labels for cell in read))
    at = [[read[cell] for cell in read if cell.labels == labels] for labels in asked]
    parts = [*(partial(_level, cfg, mine, seed) for mine in at), partial(_by_subgroup, cfg, at[0], seed)]
    done = dict(side_by_side(_computed, parts, cfg.compute.workers))
    claim, *others, by_subgroup = (done[part] for part in parts)
    rule = gain.rule_of(_headlines(at[0])[0], cfg.evaluation)
    beside = {f"{100 * labels:g}": record for labels, record in zip(asked[1:], others, strict=True) if labels}
    found = levels.beside(claim, beside, rule)
    with artifact.writing(
        paths.out("evaluate"), stage="evaluate",
        config={name: getattr(cfg, name).model_dump(mode="json") for name in ("claim", "evaluation", "fairness")},
        inputs=_inputs(paths, read), seeds={"evaluate": seed},
    ) as draft:  # fmt: skip
        (draft.path / "gains.json").write_bytes(artifact.canonical(found))
        (draft.path / "subgroups.json").write_bytes(artifact.canonical(by_subgroup))
        flat = gain.metrics(found) | subgroups.metrics(by_subgroup)
        (draft.path / "metrics.json").write_bytes(artifact.canonical(flat))
        pd.DataFrame(gain.arm_rows(found)).to_csv(draft.path / "arms.csv", index=False)
        draft.counts.update(arms=len(found["arms"]), seeds=found["seeds"], test=found["n_test"])
    print(gain.table(found), found["verdict"]["sentence"], sep="\n\n", flush=True)


def _computed(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return part()


def _inputs(paths: Paths, read: dict[Cell, dict[str, Artifact]]) -> dict[str, str]:
    found = [each for outputs in read.values() for each in outputs.values()]
    return {each.path.relative_to(paths.data).as_posix(): each.sha256 for each in found}


def _pooled(mine: Sequence[dict[str, Artifact]]) -> tuple[dict[str, Any], Predictions]:
    """The declared contrast and the predictions of all folds at one level of labels."""
    tables = [pd.read_parquet(each["confirm"].file("predictions.parquet")) for each in mine]
    headline, table = folds.pool(_headlines(mine), tables)
    return headline, from_table(table, mine[0]["confirm"].json("models/config.json")["classes"])


def _headlines(mine: Sequence[dict[str, Artifact]]) -> list[dict[str, Any]]:
    return [plan["headline"] for plan in _plans(mine)]


def _plans(mine: Sequence[dict[str, Artifact]]) -> list[dict[str, Any]]:
    return [each["screen"].json("plan.json") for each in mine]


def _level(cfg: Config, mine: Sequence[dict[str, Artifact]], seed: int) -> dict[str, Any]:
    """Gains at one level of labels, with the learning curve."""
    headline, predictions = _pooled(mine)
    record = gain.evaluate(predictions, headline, cfg.evaluation, seed, folds=_headlines(mine))
    if len(mine) > 1:
        confirmed = [pd.read_parquet(each["confirm"].file("predictions.parquet")) for each in mine]
        patients = [_patients(table) for table in _manifests(mine)]
        record["by_fold"] = folds.by_fold(_headlines(mine), confirmed, predictions.classes, patients)
    points = [each["learning_curve"].json("points.json") for each in mine]
    tables = [pd.read_parquet(each["learning_curve"].file("predictions.parquet")) for each in mine]
    learned = learning_curve.learned(tables, points, predictions, headline, cfg.evaluation, seed)
    return record | {"learning_curve": learned}


def _patients(table: pd.DataFrame) -> tuple[int, int]:
    """Groups in test and in train."""
    groups = table.groupby("split")["group"].nunique()
    return int(groups["test"]), int(groups["train"])


def _manifests(mine: Sequence[dict[str, Artifact]]) -> list[pd.DataFrame]:
    return [pd.read_parquet(each["ingest"].file(dataset.TABLE)) for each in mine]


def _by_subgroup(cfg: Config, mine: Sequence[dict[str, Artifact]], seed: int) -> dict[str, Any]:
    """The subgroup analysis; attributes come from the image sets, limits of bins from the training images of all."""
    headline, predictions = _pooled(mine)
    train, test = (
        pd.concat([table[table["split"] == split] for table in _manifests(mine)]).drop_duplicates("image_id")
        for split in ("train", "test")
    )
    test = test.set_index("image_id").reindex(predictions.image_ids)
    if test["label"].isna().any():
        absent = test.index[test["label"].isna()][0]
        raise SynthgainError(f"predictions: test image '{absent}' is in no image set of data/ingest; run again")
    of_study = attributes.reserved(cfg.dataset)
    found, left_out = attributes.find(train, test.reset_index(), cfg.fairness.attributes, of_study)
    fairness = cfg.fairness.model_copy(update={"margin": _plans(mine)[0]["subgroup_margin"]})
    return subgroups.evaluate(
        predictions, headline, found, left_out, fairness, replicates=cfg.evaluation.replicates, seed=seed
    )
