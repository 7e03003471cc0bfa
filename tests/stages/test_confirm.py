"""The confirm stage: the declared arms, fresh seeds, the test split."""

import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, dataset
from synthgain.arms.ledger import LEDGER
from synthgain.artifact import Artifact
from synthgain.classifiers.inference import probabilities
from synthgain.classifiers.weights import read_weights
from synthgain.config import component
from synthgain.errors import SynthgainError
from synthgain.evaluation.predictions import from_table as evaluated
from synthgain.paths import Paths
from synthgain.stages import confirm, screen


@pytest.fixture(scope="module")
def found(confirmed: Paths) -> Artifact:
    return artifact.read(confirmed.out("confirm"))


def test_every_declared_arm_is_predicted_once_per_seed_and_image(confirmed: Paths, found: Artifact) -> None:
    table = pd.read_parquet(found.file("predictions.parquet"))
    assert list(table) == [
        "arm", "seed", "generator_seed", "fraction", "split", "image_id", "group", "label", "p0", "p1", "p2",
    ]  # fmt: skip
    plan = artifact.read(confirmed.out("screen")).json("plan.json")
    assert table["arm"].unique().tolist() == plan["confirm"]
    assert table.groupby(["arm", "seed", "split"]).size().eq(15).all()
    assert set(table["seed"]) == {0, 1}
    assert set(table["split"]) == {"val", "test"}
    assert not table.duplicated(["arm", "seed", "image_id"]).any()


def test_its_seeds_are_not_those_of_the_screening(confirmed: Paths, found: Artifact) -> None:
    screening = artifact.read(confirmed.out("screen")).manifest["seeds"]["screen"]
    assert not set(screening) & set(found.manifest["seeds"]["confirm"])


def test_the_learning_curve_of_every_trial_is_kept(found: Artifact) -> None:
    history = pd.read_csv(found.file("history.csv"))
    assert {"arm", "seed", "step", "loss", "val_balanced_accuracy"} <= set(history)
    assert history.groupby(["arm", "seed"])["step"].apply(list).map(lambda steps: steps == [3, 6]).all()


def test_the_stored_model_of_an_arm_gives_the_predictions_of_its_best_seed(confirmed: Paths, found: Artifact) -> None:
    facts = found.json("models/config.json")
    images = dataset.read(confirmed.out("ingest"))
    module = component("classifiers", facts["classifier"]["kind"])
    network = module.build(module.Config(**facts["classifier"]), facts["channels"], len(facts["classes"]), 2)
    table = pd.read_parquet(found.file("predictions.parquet"))
    for arm, best in facts["arms"].items():
        read_weights(network, found.file(f"models/{arm}.safetensors"))
        mine = table[(table["arm"] == arm) & (table["seed"] == best["seed"]) & (table["split"] == "test")]
        predicted = probabilities(network, images.images[images.rows("test")])
        assert np.allclose(mine[["p0", "p1", "p2"]].to_numpy(), predicted, atol=1e-6)


def test_running_again_gives_the_same_artifact_and_is_no_new_use_of_the_test_split(
    bars: ModuleType, confirmed: Paths, found: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(confirmed.state / "trials")
    confirm.run(bars.experiment(arms={"ratios": [1.0]}), confirmed)
    assert artifact.read(confirmed.out("confirm")).sha256 == found.sha256
    assert "test split predicted 1 time with this data" in capsys.readouterr().out


def test_another_confirmation_on_the_same_test_split_is_counted_and_printed(
    bars: ModuleType, confirmed: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm.run(bars.experiment(arms={"ratios": [1.0]}, seeds=1), confirmed)
    assert "test split predicted 2 times with this data" in capsys.readouterr().out


def test_the_same_trainings_judged_by_another_margin_are_another_use(
    bars: ModuleType, confirmed: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(confirmed.root, tmp_path / "w")
    paths = Paths(tmp_path / "w")
    before = len((paths.state / LEDGER).read_text().splitlines())
    cfg = bars.experiment(arms={"ratios": [1.0]}, claim={"margin": 0.03})
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    assert f"test split predicted {before + 1} times with this data" in capsys.readouterr().out


def test_paired_each_confirmation_seed_has_a_training_of_the_generator_of_its_own(
    bars: ModuleType, tmp_path: Path
) -> None:
    generators = {
        "edm": {"kind": "edm"}, "edm-seed1": {"kind": "edm", "repeats": "edm"}, "copies": {"kind": "copies"},
    }  # fmt: skip
    cfg = bars.experiment(generator_seeds="paired", generators=generators, arms={"ratios": [1.0]})
    paths = bars.build(tmp_path, cfg)
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    screened = pd.read_csv(artifact.read(paths.out("screen")).file("scores.csv"))
    assert not screened["arm"].str.contains("seed1").any(), "only the first training is screened"
    found = artifact.read(paths.out("confirm"))
    table = pd.read_parquet(found.file("predictions.parquet"))
    own = table["arm"] == "synthetic-edm-r1"
    assert own.any()
    assert (table["generator_seed"][own] == table["seed"][own]).all()
    assert (table["generator_seed"][~own] == 0).all(), "copies are no trainings"
    assert {"synthesize/edm", "synthesize/edm-seed1"} <= found.manifest["inputs"].keys()
    read = evaluated(table, found.json("models/config.json")["classes"])
    assert read.generator_seeds["synthetic-edm-r1"] == (0, 1)

    other = paths.out("synthesize", "edm-seed1")
    shutil.rmtree(other)
    bars.draw(paths, "edm-seed1", seed=77)
    confirm.run(cfg, paths)
    again = pd.read_parquet(artifact.read(paths.out("confirm")).file("predictions.parquet"))
    changed = (again["p0"] != table["p0"]).groupby([again["arm"], again["seed"]]).any()
    assert changed[changed].index.tolist() == [("synthetic-edm-r1", 1)]


def test_a_plan_that_was_edited_is_refused(bars: ModuleType, confirmed: Paths, tmp_path: Path) -> None:
    shutil.copytree(confirmed.data, tmp_path / "data")
    path = tmp_path / "data" / "screen" / "plan.json"
    plan = json.loads(path.read_text())
    plan["headline"]["margin"] = 0.5
    path.write_text(json.dumps(plan))
    with pytest.raises(SynthgainError, match="does not match its recorded SHA-256"):
        confirm.run(bars.experiment(), Paths(tmp_path))
