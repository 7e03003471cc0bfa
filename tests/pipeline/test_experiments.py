"""Every study in conf/experiment/ runs from raw images to the report, at the debug size."""

import importlib
from pathlib import Path

import pytest

from synthgain import outcome
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
    for stage in STAGES:
        per_generator = stage in ("train_generator", "synthesize", "audit")
        for item in cfg.generators if per_generator else [None]:
            importlib.import_module(f"synthgain.stages.{stage}").run(cfg, paths, item)
    assert outcome.verdict(paths).startswith("Verdict: inconclusive")
    assert outcome.report(paths).is_file()
