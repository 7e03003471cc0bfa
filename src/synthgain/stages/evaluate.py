"""What was gained: statistics of the confirmed arms on the test split."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synthgain import artifact, dataset
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.evaluation import attributes, folds, gain, subgroups
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/evaluate``: ``gains.json``, ``subgroups.json``, ``arms.csv``, ``metrics.json`` (flat); prints gains."""
    at = [paths.at(fold) for fold in cfg.folds]
    confirmed = [artifact.read(each.out("confirm")) for each in at]
    screened = [artifact.read(each.out("screen")) for each in at]
    ingested = [artifact.read(each.out("ingest")) for each in at]
    headlines = [each.json("plan.json")["headline"] for each in screened]
    tables = [pd.read_parquet(each.file("predictions.parquet")) for each in confirmed]
    headline, table = folds.pool(headlines, tables)
    predictions = from_table(table, confirmed[0].json("models/config.json")["classes"])
    seed = derive(cfg.seed, "evaluate")
    found = gain.evaluate(predictions, headline, cfg.evaluation, seed, folds=headlines)
    manifests = [pd.read_parquet(each.file(dataset.TABLE)) for each in ingested]
    by_subgroup = _by_subgroup(cfg, predictions, headline, manifests, seed)
    with artifact.writing(
        paths.out("evaluate"), stage="evaluate",
        config={name: getattr(cfg, name).model_dump(mode="json") for name in ("claim", "evaluation", "fairness")},
        inputs={
            each.path.relative_to(paths.data).as_posix(): each.sha256 for each in (*confirmed, *screened, *ingested)
        },
        seeds={"evaluate": seed},
    ) as draft:  # fmt: skip
        (draft.path / "gains.json").write_bytes(artifact.canonical(found))
        (draft.path / "subgroups.json").write_bytes(artifact.canonical(by_subgroup))
        flat = gain.metrics(found) | subgroups.metrics(by_subgroup)
        (draft.path / "metrics.json").write_bytes(artifact.canonical(flat))
        pd.DataFrame(gain.arm_rows(found)).to_csv(draft.path / "arms.csv", index=False)
        draft.counts.update(arms=len(predictions.arms), seeds=len(predictions.seeds), test=len(predictions.labels))
    print(gain.table(found), found["verdict"]["sentence"], sep="\n\n", flush=True)


def _by_subgroup(
    cfg: Config, predictions: Predictions, headline: dict[str, Any], manifests: Sequence[pd.DataFrame], seed: int
) -> dict[str, Any]:
    """The subgroup analysis; attributes come from the image sets, limits of bins from the training images of all."""
    train, test = (
        pd.concat([table[table["split"] == split] for table in manifests]).drop_duplicates("image_id")
        for split in ("train", "test")
    )
    test = test.set_index("image_id").reindex(predictions.image_ids)
    if test["label"].isna().any():
        absent = test.index[test["label"].isna()][0]
        raise SynthgainError(f"predictions: test image '{absent}' is in no image set of data/ingest; run again")
    reserved = {
        name: why
        for name, why in (
            (cfg.dataset.group_by, "it stands for the patient"), (cfg.dataset.split.column, "it fixes the split")
        )
        if name is not None
    }  # fmt: skip
    found, left_out = attributes.find(train, test.reset_index(), cfg.fairness.attributes, reserved)
    return subgroups.evaluate(
        predictions, headline, found, left_out, cfg.fairness, replicates=cfg.evaluation.replicates, seed=seed
    )
