"""A workspace of its own, with the real DVC, Prefect, MLflow and Great Expectations, at toy size."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synthgain import config, tracking
from synthgain.paths import Paths

_GUARD = """
import os, socket
_own = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None, socket.gethostname())
def _refused(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host not in _own:
        with open(os.environ["OUTSIDE"], "a") as stream:
            stream.write(f"{host}\\n")
        raise OSError(f"no connection to {host} in tests")
def _guarded(call):
    def guarded(self, address, *rest):
        if isinstance(address, tuple):
            _refused("proxy" if address[1] == 1 else address[0])
        return call(self, address, *rest)
    return guarded
for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _guarded(getattr(socket.socket, _name)))
_looked_up = socket.getaddrinfo
def getaddrinfo(host, *rest, **named):
    _refused(host)
    return _looked_up(host, *rest, **named)
socket.getaddrinfo = getaddrinfo
"""


@dataclass(frozen=True)
class Workspace:
    paths: Paths
    environment: dict[str, str]
    toy: tuple[str, ...] = ("+size=smoke", "generator=dcgan", "control=copies", "dataset.source.patients=24")
    """The overrides of the main job at toy size."""

    @property
    def outside(self) -> Path:
        """Where a process notes each attempt to reach an address that is not this machine."""
        return Path(self.environment["OUTSIDE"])

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "synthgain.cli", *arguments], cwd=self.paths.root, text=True,
            env={**self.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run ``synthgain``; returns what it printed."""
        process = self.start(*arguments, **environment)
        printed, _ = process.communicate(timeout=600)
        assert process.returncode == status, printed
        return printed

    def dvc(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], cwd=self.paths.root, env=self.environment, text=True,
            capture_output=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the manifest of every stage output."""
        from synthgain import artifact

        found = sorted(self.paths.data.glob("*/manifest.json")) + sorted(self.paths.data.glob("*/*/manifest.json"))
        return {p.parent.relative_to(self.paths.data).as_posix(): artifact.read(p.parent).sha256 for p in found}

    def client(self) -> Any:
        """Of the workspace's MLflow."""
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking.store(self.paths, config.read(self.paths.params)))

    def runs(self, level: str) -> list[Any]:
        """MLflow's runs of that level, the newest first."""
        client = self.client()
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return list(client.search_runs(experiments, f"tags.`synthgain.level` = '{level}'", max_results=500))

    @staticmethod
    def free_port() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
            return port

    @staticmethod
    def wait_for(address: str, process: subprocess.Popen[Any]) -> None:
        """Until the process answers there; fails when it ended or two minutes have passed."""
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(address):
                    return
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, f"nothing answers at {address}"
                time.sleep(0.5)


def make_workspace(folder: Path, root: Path) -> Workspace:
    for name in ("conf", "flows", "src"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(root / name, folder / name)
    guard = folder / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_GUARD)
    environment = {
        **os.environ, "OUTSIDE": str(folder / "outside.txt"),
        "PYTHONPATH": os.pathsep.join([str(guard), str(folder / "src")]),
        "PREFECT_HOME": str(folder / "prefect"), "PYTHONUNBUFFERED": "1",
        "http_proxy": "http://127.0.0.1:1",  # as where nothing gets out but through one; this one does not answer
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip
    for name in ("SYNTHGAIN_RUN", "no_proxy", "NO_PROXY"):
        environment.pop(name, None)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return Workspace(Paths(folder), environment)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Workspace]:
    """A workspace in which the main job has run once, at toy size; later runs in it find a Prefect server that runs."""
    made = make_workspace(tmp_path_factory.mktemp("workspace"), root)
    (made.paths.root / "first.txt").write_text(made.run("run", *made.toy))
    with prefect_server(made.environment) as address:
        made.environment["PREFECT_API_URL"] = address
        yield made


@contextmanager
def prefect_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of a Prefect server that runs inside the block."""
    port = Workspace.free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            Workspace.wait_for(f"http://127.0.0.1:{port}/api/health", process)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Workspace:
    """A workspace in which nothing has run."""
    return make_workspace(tmp_path_factory.mktemp("fresh"), root)
