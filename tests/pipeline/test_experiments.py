"""Every study in conf/experiment/ runs from raw images to the report, at the debug size."""

from pathlib import Path

import pytest

from synthgain import artifact, dataset, outcome, stages
from synthgain.cli import STAGES
from synthgain.compose import compose
from synthgain.config import Config
from synthgain.paths import Paths

STUDIES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "experiment").glob("*.yaml"))


def on_the_spot(cfg: Config) -> Config:
    """The same experiment, reading the raw data where they lie instead of DVC's copy."""
    return cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": str(cfg.dataset.path)})})


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_runs_at_the_debug_size(study: str, root: Path, datasets: Path, tmp_path: Path) -> None:
    cfg = on_the_spot(compose(Paths(root), [f"experiment={study}", "+size=smoke", "compute.workers=1"]))
    paths = Paths(tmp_path)
    run_all(cfg, paths)
    assert outcome.verdict(paths).startswith("Verdict: inconclusive")
    assert outcome.report(paths).is_file()


def run_all(cfg: Config, paths: Paths) -> None:
    for stage in STAGES:
        per_generator = stage in ("train_generator", "synthesize", "audit")
        for item in cfg.generators if per_generator else [None]:
            stages.run(stage, cfg, paths, item)


def test_in_a_cross_validation_every_patient_tests_once(root: Path, tmp_path: Path) -> None:
    toy = ["dataset.source.patients=18", "generator=dcgan", "control=copies", "dataset.split.folds=3"]
    cfg = compose(Paths(root), ["+size=smoke", *toy, "dataset.budget=null", "compute.workers=1"])
    cfg = cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"raw": str(root / cfg.dataset.raw)})})
    paths = Paths(tmp_path)
    run_all(cfg, paths)
    folds = [dataset.read(paths.at(fold).out("ingest")) for fold in range(3)]
    tested = [set(fold.table["patient_id"].iloc[fold.rows("test")]) for fold in folds]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 72
    weights = {artifact.read(paths.at(fold).out("train_generator", "dcgan")).sha256 for fold in range(3)}
    assert len(weights) == 3
    gains = outcome.gains(paths)
    assert gains["n_groups"] == 72
    assert gains["n_test"] == len(folds[0])
    assert len(gains["folds"]) == 3
    assert "these 3 trained generators" in gains["verdict"]["sentence"]
    page = outcome.report(paths).read_text()
    assert "one of 3 folds" in page
    assert "flagged in fold 1, 2, 3" in page, "the copies are, in every fold"
