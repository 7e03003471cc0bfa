"""``kill -9`` at any moment, then the same command: the result is what an uninterrupted run gives."""

import importlib
import os
import re
import shutil
import signal
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from synthgain import artifact, config
from synthgain.paths import Paths

STAGE_STARTS = re.compile(r"Running stage '([^']+)'")
PLACES = [
    ("ingest", None, "artifact.before_manifest"),
    ("validate", None, "artifact.before_rename"),
    ("encode", None, "artifact.after_rename"),
    ("train_generator", "dcgan", "checkpoint.before_write"),
    ("train_generator", "dcgan", "checkpoint.after_write"),
    ("train_generator", "dcgan", "checkpoint.after_rename"),
    ("train_generator", "dcgan", "artifact.before_manifest"),
    ("synthesize", "dcgan", "synthesize.after_shard"),
    ("audit", "dcgan", "artifact.before_rename"),
    ("screen", None, "trial.after_save:2"),
    ("confirm", None, "trial.after_save:3"),
    ("confirm", None, "artifact.before_manifest"),
    ("learning_curve", None, "trial.after_save"),
    ("explain", None, "artifact.before_rename"),
    ("evaluate", None, "artifact.before_manifest"),
    ("report", None, "artifact.after_rename"),
]


def run_in_child(cfg: config.Config, paths: Paths, stage: str, item: str | None, place: str | None) -> int:
    """Run a stage in a forked child of this warm interpreter; returns its wait status."""
    module = importlib.import_module(f"synthgain.stages.{stage}")
    child = os.fork()
    if child == 0:
        if place:
            os.environ["SYNTHGAIN_FAILPOINT"] = place
        try:
            module.run(cfg, paths, item)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.fixture(scope="module")
def twin(workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[config.Config, Paths]:
    """The finished workspace once more, without its unfinished work and its kept trials."""
    there = tmp_path_factory.mktemp("twin")
    shutil.copytree(workspace.paths.data, there / "data")
    shutil.copytree(workspace.paths.root / "src", there / "src")
    cfg = config.read(workspace.paths.params)
    return cfg.model_copy(update={"compute": cfg.compute.model_copy(update={"workers": 1})}), Paths(there)


@pytest.mark.parametrize("stage, item, place", PLACES)
def test_a_killed_stage_run_again_ends_in_the_same_bytes(
    twin: tuple[config.Config, Paths], stage: str, item: str | None, place: str
) -> None:
    cfg, paths = twin
    expected = artifact.read(paths.out(stage, item)).sha256
    shutil.rmtree(paths.out(stage, item))
    shutil.rmtree(paths.state, ignore_errors=True)
    status = run_in_child(cfg, paths, stage, item, place)
    assert os.WIFSIGNALED(status), f"the stage never reached {place}"
    assert os.WTERMSIG(status) == signal.SIGKILL
    if paths.out(stage, item).exists():
        assert artifact.read(paths.out(stage, item)).sha256 == expected
        shutil.rmtree(paths.out(stage, item))
    assert run_in_child(cfg, paths, stage, item, None) == 0
    assert artifact.read(paths.out(stage, item)).sha256 == expected


def processes_of(run: int) -> list[str]:
    """Command lines of the live processes that carry the run's mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"SYNTHGAIN_RUN={run}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def forget(workspace: Any, stage: str) -> None:
    """Remove the output of a stage and what DVC's cache has of it."""
    import yaml

    (output,) = yaml.safe_load((workspace.paths.root / "dvc.lock").read_text())["stages"][stage]["outs"]
    shutil.rmtree(workspace.paths.root / output["path"])
    (workspace.paths.root / ".dvc" / "cache" / "files" / "md5" / output["md5"][:2] / output["md5"][2:]).unlink()


def test_a_run_killed_in_a_stage_leaves_no_process_and_is_continued_to_the_same_hashes(workspace: Any) -> None:
    expected = workspace.hashes()
    forget(workspace, "train_generator@dcgan")
    forget(workspace, "report")
    process = workspace.start("run", *workspace.toy)
    assert process.stdout is not None
    for line in process.stdout:
        if "Running stage 'train_generator@dcgan" in line:
            break
    time.sleep(2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while (left := processes_of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left
    assert workspace.hashes().keys() == expected.keys() - {"train_generator/dcgan", "report"}
    printed = workspace.run("run", *workspace.toy)
    assert STAGE_STARTS.findall(printed) == ["train_generator@dcgan", "report"], "a finished stage ran again"
    assert workspace.hashes() == expected
