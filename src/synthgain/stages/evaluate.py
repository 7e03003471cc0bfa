"""What was gained: statistics of the confirmed arms on the test split."""

import pandas as pd

from synthgain import artifact
from synthgain.config import Config
from synthgain.evaluation import folds, gain
from synthgain.evaluation.predictions import from_table
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/evaluate``: ``gains.json``, ``metrics.json`` (flat numbers) and ``arms.csv``; prints the gain table."""
    at = [paths.at(fold) for fold in cfg.folds]
    confirmed = [artifact.read(each.out("confirm")) for each in at]
    screened = [artifact.read(each.out("screen")) for each in at]
    headlines = [each.json("plan.json")["headline"] for each in screened]
    tables = [pd.read_parquet(each.file("predictions.parquet")) for each in confirmed]
    headline, table = folds.pool(headlines, tables)
    predictions = from_table(table, confirmed[0].json("models/config.json")["classes"])
    seed = derive(cfg.seed, "evaluate")
    found = gain.evaluate(predictions, headline, cfg.evaluation, seed, folds=headlines)
    with artifact.writing(
        paths.out("evaluate"), stage="evaluate",
        config={"claim": cfg.claim.model_dump(mode="json"), "evaluation": cfg.evaluation.model_dump(mode="json")},
        inputs={
            each.path.relative_to(paths.data).as_posix(): each.sha256 for each in (*confirmed, *screened)
        },
        seeds={"evaluate": seed},
    ) as draft:  # fmt: skip
        (draft.path / "gains.json").write_bytes(artifact.canonical(found))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(gain.metrics(found)))
        pd.DataFrame(gain.arm_rows(found)).to_csv(draft.path / "arms.csv", index=False)
        draft.counts.update(arms=len(predictions.arms), seeds=len(predictions.seeds), test=len(predictions.labels))
    print(gain.table(found), found["verdict"]["sentence"], sep="\n\n", flush=True)
