"""Every study in conf/experiment/ runs from raw images to the report, at the debug size."""

from pathlib import Path

import pytest

from synthgain import artifact, dataset, outcome, stages
from synthgain.compose import compose
from synthgain.config import Config
from synthgain.paths import STAGES, Paths

STUDIES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "experiment").glob("*.yaml"))


def on_the_spot(cfg: Config, root: Path) -> Config:
    """The same experiment, reading the raw data (of the phantom: its source) where they lie instead of DVC's copy."""
    raw = cfg.dataset.path or str(root / cfg.dataset.raw)
    return cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": raw})})


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_runs_at_the_debug_size(study: str, root: Path, datasets: Path, tmp_path: Path) -> None:
    cfg = on_the_spot(compose(Paths(root), [f"experiment={study}", "+size=smoke", "compute.workers=1"]), root)
    paths = Paths(tmp_path)
    run_all(cfg, paths)
    assert outcome.verdict(paths).startswith("Verdict: inconclusive")
    assert outcome.report(paths).is_file()


def run_all(cfg: Config, paths: Paths) -> None:
    for stage in STAGES:
        for item in cfg.per_generator.get(stage, (None,)):
            stages.run(stage, cfg, paths, item)


def test_with_fewer_labels_everything_learns_from_them_alone_and_the_test_stays(root: Path, tmp_path: Path) -> None:
    toy = ["generator=dcgan", "control=copies", "dataset.labels=[1.0,0.5]", "dataset.budget=null",
           "dataset.source.patients=32", "dataset.split.fractions=[0.25,0.5]"]  # fmt: skip
    cfg = on_the_spot(compose(Paths(root), ["+size=smoke", *toy, "compute.workers=1"]), root)
    paths = Paths(tmp_path)
    run_all(cfg, paths)
    whole, half = (paths.at(cell) for cell in cfg.cells)
    sets = [dataset.read(at.out("ingest")) for at in (whole, half)]
    assert [len(images.rows("train")) for images in sets] == [128, 64]
    assert [len(images.rows("val")) for images in sets] == [128, 64]
    assert set(sets[1].table["image_id"].iloc[sets[1].rows("train")]) < set(
        sets[0].table["image_id"].iloc[sets[0].rows("train")]
    )
    assert list(sets[0].rows("test")) == list(sets[1].rows("test"))
    assert artifact.read(half.out("train_generator", "dcgan")).manifest["inputs"]["ingest"] == sets[1].sha256
    gains = outcome.gains(paths)
    assert gains["levels"].keys() == {"50"}
    assert gains["levels"]["50"]["n_test"] == gains["n_test"] == 256
    assert "50 % of the labels" in outcome.report(paths).read_text()


def test_in_a_cross_validation_every_patient_tests_once(root: Path, tmp_path: Path) -> None:
    toy = ["dataset.source.patients=18", "generator=dcgan", "control=copies", "dataset.split.folds=3"]
    cfg = on_the_spot(compose(Paths(root), ["+size=smoke", *toy, "dataset.budget=null", "compute.workers=1"]), root)
    paths = Paths(tmp_path)
    run_all(cfg, paths)
    folds = [dataset.read(paths.at(cell).out("ingest")) for cell in cfg.cells]
    tested = [set(fold.table["patient_id"].iloc[fold.rows("test")]) for fold in folds]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 72
    weights = {artifact.read(paths.at(cell).out("train_generator", "dcgan")).sha256 for cell in cfg.cells}
    assert len(weights) == 3
    gains = outcome.gains(paths)
    assert gains["n_groups"] == 72
    assert gains["n_test"] == len(folds[0])
    assert len(gains["folds"]) == 3
    assert "these 3 trained generators" in gains["verdict"]["sentence"]
    page = outcome.report(paths).read_text()
    assert "one of 3 folds" in page
    assert "flagged in fold 1; fold 2; fold 3" in page, "the copies are, in every fold"
