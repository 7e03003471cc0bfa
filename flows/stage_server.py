"""Stages, and DVC, forked from one process that has imported the libraries: each would take seconds to import its own.

``synthgain stage``, and what calls DVC, ask this program, where it runs, in place of doing the work themselves (see
`synthgain.forked`).
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from synthgain import forked
from synthgain.forked import ADDRESS, DVC
from synthgain.lifeline import be_known_as, die_with_parent
from synthgain.lineage import environment
from synthgain.paths import GPU

_LIBRARIES = (
    "dvc.repo", "dvc.cli.parser", "dvc.scm", "pandas", "scipy.stats", "sklearn.metrics", "torch", "pytorch_lightning",
    "great_expectations",
)  # fmt: skip
_LONGEST = 107
"""Bytes of a socket's path, on Linux."""
_PATIENCE = 0.05
"""Seconds after which the end of a stage is noticed."""


@contextmanager
def serving() -> Iterator[None]:
    """Fork DVC and the stages inside the block from a process that has imported the libraries, where none does yet.

    Not where there is a GPU, whose driver does not survive a fork, nor where a socket cannot be (no Linux, or too long
    a path): there every stage imports its own.
    """
    if os.environ.get(ADDRESS):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="synthgain-") as folder:
        address = str(Path(folder) / "stages")
        if sys.platform != "linux" or GPU.exists() or len(os.fsencode(address)) > _LONGEST:
            yield
            return
        command = [sys.executable, __file__, address]
        with subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as server:
            os.environ[ADDRESS] = address
            try:
                yield
            finally:
                server.kill()
                del os.environ[ADDRESS]


def main(address: str) -> None:
    """Import the libraries, then fork for each request that comes in at the socket ``address``."""
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who attend
    for library in _LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # what was imported stays: no need to look through it again in every process
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        while True:
            asked, _ = listening.accept()
            with suppress(OSError):  # no process is to be had: who asks is told that his was killed
                if os.fork() == 0:
                    break
            asked.close()
    program, *arguments = _attend(asked)
    sys.argv[:] = [program, *arguments]
    try:
        _work(program, arguments)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        _end(ended.code or 0)


def _work(program: str, arguments: list[str]) -> NoReturn:
    if program == DVC:
        from dvc import cli

        be_known_as(DVC)
    else:
        from synthgain import cli
    sys.exit(cli.main(arguments))


def _end(status: int) -> NoReturn:
    """End without taking apart what was imported, which takes half a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def _attend(asked: socket.socket) -> list[str]:
    """Fork what is asked for, which returns from here; wait for it, pass signals on, tell how it ended."""
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(asked, 1, 2)
    line = asked.makefile("rb", buffering=0).readline()  # and not a byte of what follows
    if len(streams) < 2 or not line.endswith(b"\n"):
        os._exit(0)  # who asked is gone, or is none of ours
    request = json.loads(line)
    stage = os.fork()
    if stage == 0:
        asked.close()
        return _become(request, streams)
    for stream in streams:
        os.close(stream)
    ended, how = 0, 0
    while not ended:
        if select.select([asked], [], [], _PATIENCE)[0]:
            for number in asked.recv(16) or [signal.SIGKILL]:  # nothing: who asked is gone
                os.kill(stage, number)
        ended, how = os.waitpid(stage, os.WNOHANG)
    status = os.waitstatus_to_exitcode(how)
    with suppress(OSError):
        asked.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def _become(request: dict[str, Any], streams: Sequence[int]) -> list[str]:
    """Take the place of the process that asks: its output, folder and environment; returns its program, arguments."""
    die_with_parent()
    for stream, number in zip(streams, (1, 2), strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    forked.warm = True
    return [request["program"], *request["arguments"]]


if __name__ == "__main__":
    main(sys.argv[1])
