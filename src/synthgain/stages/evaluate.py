"""What was gained: statistics of the confirmed arms on the test split."""

import pandas as pd

from synthgain import artifact
from synthgain.config import Config
from synthgain.evaluation import folds, gain, learning_curve, levels
from synthgain.evaluation.predictions import from_table
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/evaluate``: ``gains.json``, ``metrics.json`` (flat numbers) and ``arms.csv``; prints the gain table."""
    cells = {cell: paths.at(cell) for cell in cfg.cells}
    confirmed = {cell: artifact.read(at.out("confirm")) for cell, at in cells.items()}
    screened = {cell: artifact.read(at.out("screen")) for cell, at in cells.items()}
    curves = {cell: artifact.read(at.out("learning_curve")) for cell, at in cells.items()}
    seed, records = derive(cfg.seed, "evaluate"), {}
    for labels in dict.fromkeys(cell.labels for cell in cells):
        mine = [cell for cell in cells if cell.labels == labels]
        headlines = [screened[cell].json("plan.json")["headline"] for cell in mine]
        tables = [pd.read_parquet(confirmed[cell].file("predictions.parquet")) for cell in mine]
        headline, table = folds.pool(headlines, tables)
        predictions = from_table(table, confirmed[mine[0]].json("models/config.json")["classes"])
        records[labels] = gain.evaluate(predictions, headline, cfg.evaluation, seed, folds=headlines)
        points = [curves[cell].json("points.json") for cell in mine]
        tables = [pd.read_parquet(curves[cell].file("predictions.parquet")) for cell in mine]
        records[labels]["learning_curve"] = learning_curve.learned(
            tables, points, predictions, headline, cfg.evaluation, seed
        )
    claim, *others = records
    level = screened[cfg.cells[0]].json("plan.json")["headline"]["level"]
    found = levels.beside(records[claim], {f"{100 * labels:g}": records[labels] for labels in others if labels}, level)
    with artifact.writing(
        paths.out("evaluate"), stage="evaluate",
        config={"claim": cfg.claim.model_dump(mode="json"), "evaluation": cfg.evaluation.model_dump(mode="json")},
        inputs={
            each.path.relative_to(paths.data).as_posix(): each.sha256
            for each in (*confirmed.values(), *screened.values(), *curves.values())
        },
        seeds={"evaluate": seed},
    ) as draft:  # fmt: skip
        (draft.path / "gains.json").write_bytes(artifact.canonical(found))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(gain.metrics(found)))
        pd.DataFrame(gain.arm_rows(found)).to_csv(draft.path / "arms.csv", index=False)
        draft.counts.update(arms=len(found["arms"]), seeds=found["seeds"], test=found["n_test"])
    print(gain.table(found), found["verdict"]["sentence"], sep="\n\n", flush=True)
