"""Prefect's API for a run: a configured one or an own one; where there is none in the end, one message says so."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synthgain import lifeline

RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from api_server import api
with api() as wait:
    wait()
    print("answers", flush=True)
    time.sleep(float(sys.argv[2]))
"""
NOBODY = "http://127.0.0.1:9/api"
PROFILE = f'active = "ward"\n[profiles.ward]\nPREFECT_API_URL = "{NOBODY}"\n'
ERROR = "synthgain.errors.SynthgainError: Prefect's "


def environment(home: Path, **more: str) -> dict[str, str]:
    other = {name: value for name, value in os.environ.items() if not name.lower().endswith(("_proxy", "_api_url"))}
    return {**other, "PREFECT_HOME": str(home), **more}


def error(root: Path, home: Path, **more: str) -> str:
    """The error in which the program ends that finds no API."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(root / "flows"), "0"], env=environment(home, **more), text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    return next(line for line in done.stderr.splitlines() if line.startswith(ERROR)).removeprefix(ERROR)


def test_a_configured_server_that_is_down_is_one_message_without_its_password(root: Path, tmp_path: Path) -> None:
    told = error(root, tmp_path, PREFECT_API_URL=NOBODY.replace("//", "//somebody:hunter2@"))
    assert told.startswith(f"server at {NOBODY}/ does not answer")
    assert "hunter2" not in told


def test_a_server_in_the_users_profile_is_asked(root: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(PROFILE)
    assert error(root, tmp_path).startswith(f"server at {NOBODY}/ does not answer")


def test_none_is_started_beside_one_in_the_users_profile(root: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(PROFILE)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, str(root / "flows" / "api_server.py"), str(listening.fileno())]
        ended = subprocess.run(command, env=environment(tmp_path), pass_fds=[listening.fileno()], timeout=300)
    assert ended.returncode == 0
    assert not list(tmp_path.glob("*.db"))


def test_a_server_of_its_own_that_cannot_start_is_one_message(root: Path, tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_text("no database")
    told = error(root, tmp_path)
    assert told.startswith("own server did not start")
    assert str(tmp_path) in told


@pytest.mark.parametrize("killed", [False, True])
def test_its_own_server_answers_and_ends_with_its_run(root: Path, tmp_path: Path, soon: Any, killed: bool) -> None:
    mark = f"SYNTHGAIN_TEST=own-api-{os.getpid()}"
    marked = environment(tmp_path) | dict([mark.split("=")])
    command = [sys.executable, "-c", RUN, str(root / "flows"), "600" if killed else "0"]
    with subprocess.Popen(command, env=marked, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"answers\n"
        if killed:
            assert any("api_server.py" in command for _, command in lifeline.marked(mark))
            process.kill()
    assert process.returncode == (-signal.SIGKILL if killed else 0)
    assert soon(lambda: not lifeline.marked(mark))
