"""The screen stage: all arms on validation, and the plan that follows."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, dataset
from synthgain.artifact import Artifact
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.stages import confirm, screen


@pytest.fixture(scope="module")
def screened(bars: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    cfg = bars.experiment()
    paths = bars.build(tmp_path_factory.mktemp("screen"), cfg)
    screen.run(cfg, paths)
    return paths


@pytest.fixture(scope="module")
def found(screened: Paths) -> Artifact:
    return artifact.read(screened.out("screen"))


def test_every_candidate_is_predicted_on_validation_alone(found: Artifact) -> None:
    table = pd.read_parquet(found.file("screening.parquet"))
    assert set(table["split"]) == {"val"}
    assert table.groupby(["arm", "seed"]).size().eq(15).all()
    assert table["arm"].nunique() == 3 + 2 + 2 * 2
    scores = pd.read_csv(found.file("scores.csv"))
    assert list(scores)[:4] == ["arm", "setting", "seed", "balanced_accuracy"]
    assert len(scores) == 2 * table["arm"].nunique()


def test_the_plan_follows_from_the_scores(found: Artifact) -> None:
    plan, scores = found.json("plan.json"), pd.read_csv(found.file("scores.csv"))
    means = scores[scores["arm"].str.startswith("synthetic")].groupby("arm")["balanced_accuracy"].mean()
    assert means[plan["headline"]["candidate"]] == means.max()
    assert plan["confirm"][:2] == [plan["headline"]["candidate"], plan["headline"]["baseline"]]
    assert plan["declared"] == artifact.digest({key: value for key, value in plan.items() if key != "declared"})


def test_a_new_generator_leaves_the_other_arms_as_they_were(
    bars: ModuleType, screened: Paths, found: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pd.read_parquet(found.file("screening.parquet"))
    trials = {folder.name for folder in (screened.state / "trials").iterdir()}
    kinds = {kind: {"kind": kind} for kind in ("dcgan", "edm", "vae", "copies", "oracle")}
    bars.draw(screened, "vae", seed=9)
    screen.run(bars.experiment(generators=kinds), screened)
    after = pd.read_parquet(artifact.read(screened.out("screen")).file("screening.parquet"))
    assert len({folder.name for folder in (screened.state / "trials").iterdir()} - trials) == 2 * 2
    same = after[~after["arm"].str.contains("vae")].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, before)
    assert "declared: " in capsys.readouterr().out


def test_the_arms_of_a_collapsed_generator_are_left_out_and_the_study_goes_on(bars: ModuleType, tmp_path: Path) -> None:
    cfg = bars.experiment(arms={"ratios": [1.0], "filtered": [True, False]})
    paths = bars.build(tmp_path, cfg)
    collapse(paths, "edm")
    screen.run(cfg, paths)
    found = artifact.read(paths.out("screen"))
    assert not pd.read_csv(found.file("scores.csv"))["arm"].str.contains("edm").any()
    plan = found.json("plan.json")
    assert plan["headline"]["candidate"].startswith("synthetic-dcgan")
    assert "edm has collapsed" in plan["why"]
    collapse(paths, "dcgan")
    with pytest.raises(SynthgainError, match=r"no synthetic arm can be trained\n(edm|dcgan) has collapsed"):
        screen.run(cfg, paths)


def collapse(paths: Paths, name: str) -> None:
    """Mark the synthetic set of a generator as that of one that has collapsed."""
    drawn = dataset.read(paths.out("synthesize", name))
    images, table = np.array(drawn.images), drawn.table.assign(split="unused", kept=False)
    with artifact.writing(paths.out("synthesize", name), stage="synthesize", config={}, inputs={}) as draft:
        dataset.write(draft, images, table, drawn.classes)
        draft.facts["collapsed"] = f"{name} has collapsed"


def test_every_arm_tries_the_same_settings_and_is_confirmed_with_its_best(bars: ModuleType, tmp_path: Path) -> None:
    arms = {"ratios": [1.0], "baselines": ["classic", "weighted", "mixup"], "whole": ["pretrain", "synthetic-only"],
            "always": ["shuffled"]}  # fmt: skip
    cfg = bars.experiment(arms=arms, screening={"seeds": 1, "tuning": {"trials": 3}})
    paths = bars.build(tmp_path, cfg)
    screen.run(cfg, paths)
    found = artifact.read(paths.out("screen"))
    tuned, plan = pd.read_csv(found.file("tuning.csv")), found.json("plan.json")
    assert tuned.groupby("arm")["setting"].agg(set).eq({0, 1, 2}).all()
    assert {"pretrain-edm", "synthetic-only-dcgan", "weighted", "mixup"} <= set(tuned["arm"])
    best = tuned.groupby("arm")["balanced_accuracy"].max()
    scores = pd.read_csv(found.file("scores.csv"))
    assert dict(scores.set_index("arm")["balanced_accuracy"]) == dict(best)
    confirm.run(cfg, paths)
    done = artifact.read(paths.out("confirm"))
    assert set(pd.read_parquet(done.file("predictions.parquet"))["arm"]) == set(plan["confirm"])
    used = [artifact.read(folder).manifest["config"] for folder in (paths.state / "trials").iterdir()]
    rates = {each["classifier"]["training"]["learning_rate"] for each in used if "test" in each["splits"]}
    own = cfg.classifier.training.learning_rate
    assert rates == {own * setting["learning_rate"] for setting in plan["settings"].values()}
