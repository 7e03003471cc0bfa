"""One run in a workspace; no stage outlives its run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from synthgain import lifeline, workspace
from synthgain.errors import SynthgainError
from synthgain.paths import Paths, find_workspace

HOLD = """
import sys, time
from pathlib import Path
from synthgain import workspace
from synthgain.paths import Paths
sys.argv = ["synthgain", "run", "seeds=3"]
lock = workspace.claim(Paths(Path({root!r})))
print("holding", flush=True)
time.sleep(60)
"""

STAGE = """
import subprocess, sys, time
from pathlib import Path
from synthgain import workspace
from synthgain.paths import Paths
with workspace.stage(Paths(Path({root!r}))):
    print("in stage", flush=True)
    time.sleep(60)
"""


def start(code: str, root: Path, **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code.format(root=str(root))],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_second_run_is_refused_by_the_name_of_the_first(tmp_path: Path) -> None:
    holder = start(HOLD, tmp_path)
    try:
        with pytest.raises(SynthgainError, match=rf"in use by process {holder.pid} \(synthgain run seeds=3\)"):
            workspace.claim(Paths(tmp_path))
    finally:
        holder.kill()
        holder.wait()


def test_the_lock_of_a_killed_run_is_free_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = start(HOLD, tmp_path)
    holder.kill()
    holder.wait()
    monkeypatch.setenv(workspace.RUN, "")
    workspace.claim(Paths(tmp_path)).close()


def test_a_stage_dies_with_its_run_even_where_its_parent_lives(tmp_path: Path) -> None:
    run = subprocess.Popen(["sleep", "60"])
    stage = start(STAGE, tmp_path, **{workspace.RUN: str(run.pid)})
    run.kill()
    run.wait()
    assert stage.wait(timeout=30) == -signal.SIGKILL


def test_a_new_run_waits_until_the_stages_of_a_killed_one_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = start(STAGE, tmp_path, **{workspace.RUN: str(os.getpid())})
    with pytest.raises(SynthgainError, match="a stage of an earlier run is still alive"):
        workspace._await_orphans(Paths(tmp_path), patience=0.3)
    stage.kill()
    stage.wait()
    monkeypatch.setenv(workspace.RUN, "")
    began = time.monotonic()
    workspace.claim(Paths(tmp_path)).close()
    assert time.monotonic() - began < 20


def test_a_stage_by_hand_takes_the_workspace(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != workspace.RUN}
    process = subprocess.Popen(
        [sys.executable, "-c", STAGE.format(root=str(tmp_path))], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(SynthgainError, match="in use by process"):
        workspace.claim(Paths(tmp_path))
    process.kill()
    process.wait()


def test_outside_a_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(SynthgainError, match="not inside a synthgain workspace"):
        find_workspace(tmp_path)


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("on", flush=True)
time.sleep(60)
"""

CONDUCT = f"""
import sys
from pathlib import Path
from synthgain import workspace
from synthgain.paths import Paths
lock = workspace.claim(Paths(Path({{root!r}})))
sys.exit(workspace.conduct([sys.executable, "-c", {STUBBORN!r}], lock))
"""


def test_a_second_interruption_ends_at_once_what_the_first_only_asked(tmp_path: Path, soon: Any) -> None:
    process = start(CONDUCT, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "no\n"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert soon(lambda: not lifeline.marked(f"{workspace.RUN}={process.pid}"))
