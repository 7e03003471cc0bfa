"""The command line: help at once, a mistake is one sentence and an exit status."""

import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np  # noqa: F401 - so that BLAS is loaded
import pytest
import threadpoolctl

from synthgain import cli, config, stages, workspace
from synthgain.errors import KilledError, SynthgainError
from synthgain.paths import Paths


@pytest.fixture
def here(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A workspace as the current folder, with the default experiment composed."""
    for name in ("conf", "src", "dvc.yaml", "params.yaml"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    return Paths(tmp_path)


@pytest.mark.parametrize(
    "arguments", [["--help"], *([name, "--help"] for name in ("run", "stage", "ui", "power", "calibrate"))]
)
def test_every_command_explains_itself(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    assert "usage: synthgain" in capsys.readouterr().out


def test_its_version_is_the_packages(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert capsys.readouterr().out == f"synthgain {declared}\n"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SynthgainError("no such thing"), 2, "synthgain: no such thing"),
        (KilledError("a process was killed"), 137, "synthgain: a process was killed"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 2, "synthgain: /data/x: No space left on device"),
        (OSError(errno.EROFS, "Read-only file system"), 2, "synthgain: the disk: Read-only file system"),
        (OSError(errno.EACCES, "Permission denied", "/data/x"), 2, "synthgain: /data/x: Permission denied; mend that"),
        (OSError(errno.EPERM, "Operation not permitted", "x"), 2, "synthgain: x: Operation not permitted; mend that"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_fault_is_one_sentence_and_an_exit_status(
    error: BaseException, status: int, said: str, here: Paths, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(stages, "run", fail)
    monkeypatch.setattr(workspace, "die_with", lambda *_: None)
    with pytest.raises(SystemExit) as caught:
        cli.main(["stage", "ingest"])
    assert caught.value.code == status
    assert capsys.readouterr().err.startswith(said)


def test_a_fault_of_the_program_keeps_its_traceback(here: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "read", lambda *_: 1 / 0)
    monkeypatch.setattr(workspace, "die_with", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        cli.main(["stage", "ingest"])


def test_a_stage_computes_with_as_many_threads_as_configured(here: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.setattr(stages, "run", lambda *_: seen.extend([os.environ["OPENBLAS_NUM_THREADS"], loaded()]))

    def loaded() -> set[int]:
        return {each["num_threads"] for each in threadpoolctl.threadpool_info()}

    with threadpoolctl.threadpool_limits(2):
        assert 2 in loaded()
        cli.main(["stage", "evaluate"])
    assert seen == [str(config.read(here.params).compute.threads), {1}] == ["1", {1}]


def test_a_stage_of_an_unknown_generator_names_the_nearest(
    here: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workspace, "die_with", lambda *_: None)
    with pytest.raises(SystemExit):
        cli.main(["stage", "train_generator", "dcgam"])
    assert "no generator 'dcgam' in params.yaml; did you mean 'dcgan'?" in capsys.readouterr().err


@pytest.mark.parametrize("study", ["../../escaped", "/tmp/escaped", "a/b", "", ".hidden", "line\n"])
def test_the_name_of_a_study_is_no_path(study: str, here: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["results", study])
    assert f"the study {study!r} names files: letters, digits" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["results", "toy"], ["calibrate"], ["calibrate", "--trained"]])
@pytest.mark.parametrize("to", ["data/raw", "./data"])
def test_no_page_is_written_among_the_data(
    command: list[str], to: str, here: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([*command, "--to", to])
    assert f"synthgain: --to {to}: lies in {here.data}, where" in capsys.readouterr().err
    assert not here.data.exists()


def test_an_extractor_that_is_not_there_stops_the_run_before_anything_is_done(
    here: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fidelity.extractors.own.file=nets/own.onnx", f"fidelity.extractors.own.sha256={'a' * 64}"]
    with pytest.raises(SystemExit):
        cli.main(["run", *words])
    assert "fidelity.extractors.own.file: own.onnx: no such file there" in capsys.readouterr().err
    assert not here.state.exists()


@pytest.mark.parametrize("words", [["run"], ["compose", "--write"]])
def test_a_workspace_in_use_is_left_alone(words: list[str], here: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from synthgain import workspace\nfrom synthgain.paths import Paths\n"
        f"sys.argv = ['synthgain', 'run', 'seeds=3']\nlock = workspace.claim(Paths(Path({str(here.root)!r})))\n"
        "print('holding', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(SystemExit):
            cli.main(words)
        holder.kill()
    assert f"in use by process {holder.pid} (synthgain run seeds=3)" in capsys.readouterr().err


def test_outside_of_a_workspace_it_says_what_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["verdict"])
    assert "not inside a synthgain workspace" in capsys.readouterr().err


def test_the_runs_are_not_served_to_everyone_without_an_explicit_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["ui", "--host", "0.0.0.0"])
    assert ended.value.code == 2
    assert "add --anyone if that is wanted" in capsys.readouterr().err
