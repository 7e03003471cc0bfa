"""The evaluate stage: from predictions and plan to gains."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, config, dataset
from synthgain.artifact import ArtifactError
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.stages import evaluate


@pytest.fixture(scope="module")
def simulated(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    return module_at(Path(__file__).parents[1] / "evaluation" / "simulated.py")


@pytest.fixture(scope="module")
def cfg() -> Config:
    return config.load({
        "dataset": {"name": "bars", "source": {"kind": "phantom"}}, "generators": {"copies": {"kind": "copies"}},
        "classifier": {"kind": "cnn"}, "evaluation": {"replicates": 400},
    })  # fmt: skip


def prepared(root: Path, table: pd.DataFrame, classes: tuple[str, ...]) -> Paths:
    paths = Paths(root)
    headline = {"candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy"}
    plan = {
        "headline": headline | {"margin": 0.02, "level": 0.95}, "confirm": list(table["arm"].unique()),
        "subgroup_margin": 0.05,
    }  # fmt: skip
    with artifact.writing(paths.out("screen"), stage="screen", config={}, inputs={}) as draft:
        (draft.path / "plan.json").write_text(json.dumps(plan))
    with artifact.writing(paths.out("confirm"), stage="confirm", config={}, inputs={}) as draft:
        (draft.path / "models").mkdir()
        (draft.path / "models" / "config.json").write_text(json.dumps({"classes": classes}))
        pd.concat([table, table.assign(split="val")]).to_parquet(draft.path / "predictions.parquet", index=False)
    with artifact.writing(paths.out("learning_curve"), stage="learning_curve", config={}, inputs={}) as draft:
        facts = {"arm": "classic", "points": [], "labelled": {"images": 10, "groups": 10}}
        (draft.path / "points.json").write_text(json.dumps(facts))
        table.head(0).to_parquet(draft.path / "predictions.parquet", index=False)
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        images = _image_table(table)
        dataset.write(draft, np.zeros((len(images), 1, 16, 16), np.uint8), images, classes)
    return paths


def _image_table(table: pd.DataFrame) -> pd.DataFrame:
    """The test images and as many training ones; women and men alternate within each class."""
    images = table.drop_duplicates("image_id")[["image_id", "label", "group"]].assign(split="test")
    images = pd.concat([images, images.assign(split="train", image_id="t" + images["image_id"])], ignore_index=True)
    number = images["group"].str[1:].astype(int)
    return images.assign(
        patient_id=images["group"], source="real", origin="", sex=np.where(number // 4 % 2 == 0, "F", "M"),
        age=(30 + number).astype(str), ward="one",
    )  # fmt: skip


def test_it_judges_the_declared_contrast_on_the_test_split_twice_the_same(
    simulated: ModuleType, cfg: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = simulated.table({"classic": 0, "oversample": 0, "synthetic-edm-r1": 0.9}, groups=60)
    paths = prepared(tmp_path, table, simulated.CLASSES)
    identities = []
    for _ in range(2):
        evaluate.run(cfg, paths)
        identities.append(artifact.read(paths.out("evaluate")).sha256)
    assert identities[0] == identities[1]
    found = artifact.read(paths.out("evaluate"))
    gains = found.json("gains.json")
    assert gains["n_test"] == 240
    assert gains["verdict"]["word"] == "gain"
    assert found.json("metrics.json")["verdict"] == 1
    rows = pd.read_csv(found.file("arms.csv"))
    assert list(rows.columns) == ["arm", "metric", "class", "mean", "low", "high", "why"]
    assert set(found.manifest["inputs"]) == {"confirm", "ingest", "learning_curve", "screen"}
    shown = capsys.readouterr().out
    assert "> synthetic-edm-r1" in shown
    assert gains["verdict"]["sentence"] in shown


def test_a_missing_seed_stops_it_without_an_output(simulated: ModuleType, cfg: Config, tmp_path: Path) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0}, groups=8, seeds=3)
    table = table[~((table["arm"] == "classic") & (table["seed"] == 2))]
    paths = prepared(tmp_path, table, simulated.CLASSES)
    with pytest.raises(SynthgainError, match="arm 'classic' has no predictions of seed 2"):
        evaluate.run(cfg, paths)
    with pytest.raises(ArtifactError):
        artifact.read(paths.out("evaluate"))


def test_subgroups_come_from_the_attributes_of_the_image_set(
    simulated: ModuleType, cfg: Config, tmp_path: Path
) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.9}, groups=80)
    paths = prepared(tmp_path, table, simulated.CLASSES)
    evaluate.run(cfg, paths)
    found = artifact.read(paths.out("evaluate"))
    subgroups = found.json("subgroups.json")
    assert set(subgroups["attributes"]) == {"sex", "age"}
    assert subgroups["left_out"]["ward"] == "it has one value among the test images"
    assert [(each["name"], each["patients"]) for each in subgroups["attributes"]["sex"]["subgroups"]] == [
        ("F", 40),
        ("M", 40),
    ]
    assert len(subgroups["attributes"]["age"]["edges"]) == 2
    assert {"gap_change/sex", "gap_change/age", "gain"} <= set(found.json("metrics.json"))
    named = cfg.model_copy(update={"fairness": config.Fairness(attributes=("shoe",))})
    with pytest.raises(SynthgainError, match="no attribute 'shoe' in the data"):
        evaluate.run(named, paths)


def test_predictions_of_other_images_than_those_of_the_image_set_are_refused(
    simulated: ModuleType, cfg: Config, tmp_path: Path
) -> None:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0}, groups=8, seeds=2)
    paths = prepared(tmp_path, table, simulated.CLASSES)
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        images = _image_table(table).iloc[1:]
        dataset.write(draft, np.zeros((len(images), 1, 16, 16), np.uint8), images, simulated.CLASSES)
    with pytest.raises(SynthgainError, match="test image 'i00000' is in no image set of data/ingest"):
        evaluate.run(cfg, paths)
