"""A stage, or DVC, that is forked behaves like a process of its own: what it prints, how it ends, whom it dies with."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synthgain import lifeline
from synthgain.forked import ADDRESS
from synthgain.lineage import command
from synthgain.paths import GPU

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or GPU.exists(), reason="stages are forked on Linux without a GPU"
)
ASK = "import sys; from synthgain import forked; sys.exit(forked.ask('synthgain', sys.argv[1:]))"
MARK = "SYNTHGAIN_TEST"
LONG = ("calibrate", "--studies", "2000", "--workers", "1")


@pytest.fixture(scope="module")
def mark() -> str:
    """What every process of these tests carries in its environment, as a run's do."""
    return f"{MARK}=forked-{os.getpid()}"


@pytest.fixture(scope="module")
def server(module_at: Any, root: Path, mark: str, soon: Any) -> Iterator[str]:
    """The address of a server that answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*mark.split("="))
        with module_at(root / "flows" / "stage_server.py").serving():
            assert soon(Path(os.environ[ADDRESS]).exists, 60)
            yield os.environ[ADDRESS]


def asked(address: str, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    environment = {**os.environ, ADDRESS: address, "GREETING": "from the client"}
    return subprocess.Popen([sys.executable, "-c", ASK, *arguments], env=environment, text=True, **options)


def test_it_prints_where_the_client_does_and_ends_with_its_status(server: str) -> None:
    words = ("power", "--discordant", "0.1", "--seeds", "8", "--patients", "100")
    direct = subprocess.run([sys.executable, "-m", "synthgain.cli", *words], capture_output=True, text=True, check=True)
    process = asked(server, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.communicate() == (direct.stdout, direct.stderr)
    assert process.returncode == 0


def test_an_error_is_the_clients_own(server: str, tmp_path: Path) -> None:
    process = asked(server, "verdict", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, complaint = process.communicate()
    assert process.returncode == 2
    assert not printed
    assert complaint.startswith("synthgain: ")
    assert str(tmp_path) in complaint, "it works in the client's folder"


def test_without_a_server_nobody_is_asked(tmp_path: Path) -> None:
    program = "from synthgain import forked; assert forked.ask('synthgain', ['verdict']) is None"
    for address in (None, str(tmp_path / "none")):
        environment = {name: value for name, value in os.environ.items() if name != ADDRESS}
        environment |= {} if address is None else {ADDRESS: address}
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_where_a_sockets_path_is_too_long_nothing_is_served(
    module_at: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / ("a" * 100)
    there.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(there))
    monkeypatch.delenv(ADDRESS, raising=False)
    with module_at(root / "flows" / "stage_server.py").serving():
        assert ADDRESS not in os.environ


def test_within_it_no_second_one_is_started(server: str, module_at: Any, root: Path, mark: str) -> None:
    with module_at(root / "flows" / "stage_server.py").serving():
        assert os.environ[ADDRESS] == server
        assert working(mark) == 0
    assert os.environ[ADDRESS] == server, "and it stays"


def test_what_is_no_request_stops_nobody_elses(server: str, mark: str, soon: Any) -> None:
    for nonsense in (b"", b"\n", b"\n{}\n"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(server)
            stranger.sendall(nonsense)
    process = asked(server, "--version", stdout=subprocess.PIPE)
    assert process.communicate()[0]
    assert process.returncode == 0
    assert soon(lambda: working(mark) == 0), "who attended to the others, which came before, is gone"


def working(mark: str) -> int:
    """Processes of these tests besides the server."""
    return len(lifeline.marked(mark)) - 1


def test_a_signal_reaches_it_and_is_told(server: str, mark: str, tmp_path: Path, soon: Any) -> None:
    process = asked(server, *LONG, "--to", str(tmp_path), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert "calibrate" in process.stdout.readline()
    assert working(mark) == 3, "client, attendant, work"
    process.terminate()
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert soon(lambda: working(mark) == 0)


def test_it_dies_with_the_client(server: str, mark: str, tmp_path: Path, soon: Any) -> None:
    process = asked(server, *LONG, "--to", str(tmp_path), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert "calibrate" in process.stdout.readline()
    process.kill()
    process.communicate()
    assert soon(lambda: working(mark) == 0)


def dvc(address: str | None, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", **({ADDRESS: address} if address else {})}
    return subprocess.Popen(
        command(*arguments), env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )


def test_dvc_says_the_same_with_and_without_a_server(server: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv(ADDRESS)
    assert dvc(None, "init", "--no-scm", cwd=tmp_path).wait() == 0
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: echo done > out, outs: [out]}}")
    for arguments, status in ((["repro", "--dry", "one"], 0), (["status", "--json"], 0), (["repro", "two"], 255)):
        direct, forked = dvc(None, *arguments, cwd=tmp_path), dvc(server, *arguments, cwd=tmp_path)
        assert direct.communicate()[0] == forked.communicate()[0] != ""
        assert direct.returncode == forked.returncode == status


def test_what_dvc_started_dies_with_it(server: str, mark: str, tmp_path: Path, soon: Any) -> None:
    stage = "import time; from synthgain.lifeline import *; die_with(ancestors_up_to('dvc')); print(1); time.sleep(60)"
    below_a_shell = f'{sys.executable} -uc "{stage}"; true'
    assert dvc(server, "init", "--no-scm", cwd=tmp_path).wait() == 0
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"one": {"cmd": below_a_shell}}}))
    process = dvc(server, "repro", "one", cwd=tmp_path)
    assert process.stdout is not None
    assert any(line == "1\n" for line in process.stdout)
    process.kill()
    assert soon(lambda: working(mark) == 0)


def test_a_server_that_is_killed_takes_its_stages_along(module_at: Any, root: Path, tmp_path: Path, soon: Any) -> None:
    mark = f"{MARK}=killed-{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*mark.split("="))
        patch.setenv(ADDRESS, "")  # which is put back afterwards
        with module_at(root / "flows" / "stage_server.py").serving():
            address = os.environ[ADDRESS]
            assert soon(Path(address).exists, 60)
            process = asked(address, *LONG, "--to", str(tmp_path), stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert "calibrate" in process.stdout.readline()
            servers = [pid for pid, command in lifeline.marked(mark) if "stage_server" in command]
            os.kill(min(servers), signal.SIGKILL)
            process.communicate()
            assert process.returncode == 128 + signal.SIGKILL
    assert soon(lambda: not lifeline.marked(mark))
