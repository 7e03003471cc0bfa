"""What was gained: statistics of the confirmed arms on the test split."""

import pandas as pd

from synthgain import artifact
from synthgain.config import Config
from synthgain.evaluation import gain
from synthgain.evaluation.predictions import from_table
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/evaluate``: ``gains.json``, ``metrics.json`` (flat numbers) and ``arms.csv``; prints the gain table."""
    confirmed = artifact.read(paths.out("confirm"))
    screened = artifact.read(paths.out("screen"))
    headline = screened.json("plan.json")["headline"]
    classes = confirmed.json("models/config.json")["classes"]
    predictions = from_table(pd.read_parquet(confirmed.file("predictions.parquet")), classes)
    seed = derive(cfg.seed, "evaluate")
    found = gain.evaluate(predictions, headline, cfg.evaluation, seed)
    with artifact.writing(
        paths.out("evaluate"), stage="evaluate",
        config={"claim": cfg.claim.model_dump(mode="json"), "evaluation": cfg.evaluation.model_dump(mode="json")},
        inputs={"confirm": confirmed.sha256, "screen": screened.sha256}, seeds={"evaluate": seed},
    ) as draft:  # fmt: skip
        (draft.path / "gains.json").write_bytes(artifact.canonical(found))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(gain.metrics(found)))
        pd.DataFrame(gain.arm_rows(found)).to_csv(draft.path / "arms.csv", index=False)
        draft.counts.update(arms=len(predictions.arms), seeds=len(predictions.seeds), test=len(predictions.labels))
    print(gain.table(found), found["verdict"]["sentence"], sep="\n\n", flush=True)
