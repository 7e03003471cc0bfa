"""The learning-curve stage: the strongest real arm with fewer and more labels."""

import shutil
from pathlib import Path
from types import ModuleType

import pandas as pd

from synthgain import artifact
from synthgain.paths import Paths
from synthgain.stages import evaluate, learning_curve


def test_every_point_is_predicted_with_the_first_seeds_and_shares_the_confirmations_trainings(
    bars: ModuleType, confirmed: Paths
) -> None:
    before = {folder.name for folder in (confirmed.state / "trials").iterdir()}
    cfg = bars.experiment(arms={"ratios": [1.0]}, curve={"seeds": 2, "shares": [4.0, 0.5, 1.0, 2.0]})
    learning_curve.run(cfg, confirmed)
    found = artifact.read(confirmed.out("learning_curve"))
    facts = found.json("points.json")
    assert [(point["share"], point["images"]) for point in facts["points"]] == [(0.5, 15), (1.0, 30), (2.0, 39)]
    assert facts["labelled"] == {"images": 30, "groups": 30}
    table = pd.read_parquet(found.file("predictions.parquet"))
    assert table.groupby(["fraction", "seed", "split"]).size().eq(15).all()
    plan = artifact.read(confirmed.out("screen")).json("plan.json")
    assert set(table["arm"]) == {plan["learning_curve"]["arm"]}
    new = {folder.name for folder in (confirmed.state / "trials").iterdir()} - before
    assert len(new) == 2 * (2 if facts["arm"] in plan["confirm"] else 3)
    evaluate.run(cfg, confirmed)
    record = artifact.read(confirmed.out("evaluate")).json("gains.json")["learning_curve"]
    assert [point["images"] for point in record["points"]] == [15, 30, 39]
    assert {"oracle", plan["headline"]["candidate"]} <= set(record["equivalents"])
    assert not {"classic", "real"} & set(record["equivalents"])


def test_the_curve_of_duplicate_repeats_the_labelled_images_of_each_point(
    bars: ModuleType, confirmed: Paths, tmp_path: Path
) -> None:
    shutil.copytree(confirmed.data, tmp_path / "data")
    cfg, paths = bars.experiment(arms={"ratios": [1.0]}, curve={"seeds": 2, "shares": [0.5, 1.0]}), Paths(tmp_path)
    screened = artifact.read(paths.out("screen"))
    plan = screened.json("plan.json")
    plan["headline"]["baseline"] = plan["learning_curve"]["arm"] = "duplicate"
    plan["learning_curve"]["setting"] = plan["settings"]["duplicate"]
    with artifact.writing(paths.out("screen"), stage="screen", config={}, inputs={}) as draft:
        (draft.path / "plan.json").write_bytes(artifact.canonical(plan))
    learning_curve.run(cfg, paths)
    facts = artifact.read(paths.out("learning_curve")).json("points.json")
    assert (facts["arm"], [point["images"] for point in facts["points"]]) == ("duplicate", [15, 30])
    table = pd.read_parquet(artifact.read(paths.out("learning_curve")).file("predictions.parquet"))
    whole = table[(table["fraction"] == 1) & (table["split"] == "test")].reset_index(drop=True)
    known = pd.read_parquet(artifact.read(paths.out("confirm")).file("predictions.parquet"))
    known = known[(known["arm"] == "duplicate") & (known["split"] == "test")].reset_index(drop=True)
    assert whole["p0"].equals(known["p0"]), "with all labels it is the arm that was confirmed"
    evaluate.run(cfg, paths)
    record = artifact.read(paths.out("evaluate")).json("gains.json")["learning_curve"]
    assert "duplicate" not in record["equivalents"]


def test_without_seeds_there_is_no_curve_and_evaluation_says_so(
    bars: ModuleType, confirmed: Paths, tmp_path: Path
) -> None:
    shutil.copytree(confirmed.data, tmp_path / "data")
    cfg, paths = bars.experiment(arms={"ratios": [1.0]}, curve={"seeds": 0}), Paths(tmp_path)
    learning_curve.run(cfg, paths)
    assert artifact.read(paths.out("learning_curve")).json("points.json")["points"] == []
    evaluate.run(cfg, paths)
    record = artifact.read(paths.out("evaluate")).json("gains.json")["learning_curve"]
    assert record["equivalents"] == {}
    assert "no learning curve was asked for" in record["why"]
