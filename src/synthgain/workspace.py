"""One run at a time in a workspace, and no stage that outlives its run."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from synthgain import forked
from synthgain.errors import SynthgainError
from synthgain.lifeline import ancestors_up_to, die_with, leave_none
from synthgain.paths import Paths

RUN = "SYNTHGAIN_RUN"
"""Environment variable with the process id of the run that a stage belongs to."""


def claim(paths: Paths) -> IO[str]:
    """Take the workspace for this process; the kernel gives it back when all that inherit the lock have ended.

    Raises
    ------
    SynthgainError
        Another live process holds it; the message names that process and its command.
    """
    lock = _locked(paths)
    os.environ[RUN] = str(os.getpid())
    _await_orphans(paths)
    return lock


def conduct(program: list[str], lock: IO[str]) -> int:
    """Run ``program`` in a session of its own, which keeps the lock; returns its exit status.

    A first Ctrl-C or SIGTERM asks it to stop, which keeps finished work; a second one ends everything at once, and so
    does the death of this process.
    """
    leave_none(f"{RUN}={os.getpid()}")
    running = subprocess.Popen(program, start_new_session=True, pass_fds=[lock.fileno()])
    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        if asked:
            os._exit(130)
        asked = True
        print("synthgain: stopping; what is finished is kept, the same command goes on from there", file=sys.stderr)
        running.terminate()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return running.wait()


@contextmanager
def stage(paths: Paths) -> Iterator[None]:
    """Run a stage in this process: part of a run, or on its own; it dies with whoever started it."""
    run = os.environ.get(RUN)
    alone = run is None
    if not forked.warm:
        die_with([*ancestors_up_to(forked.DVC), *([] if run is None else [int(run)])])
    lock = _locked(paths) if alone else None
    with open(_state_file(paths, "stages"), "a") as shared:
        fcntl.flock(shared, fcntl.LOCK_SH)
        yield
    if lock is not None:
        lock.close()


def _locked(paths: Paths) -> IO[str]:
    lock = open(_state_file(paths, "lock"), "a+")  # noqa: SIM115 - held until the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise SynthgainError(
            f"{paths.root}: this workspace is in use by {_holder(lock.read())}; wait for it or stop it"
        ) from None
    lock.truncate(0)
    command = " ".join(["synthgain", *sys.argv[1:]])
    lock.write(json.dumps({"pid": os.getpid(), "command": command}))
    lock.flush()
    return lock


def command(paths: Paths) -> str:
    """The command that holds or last held the workspace."""
    return str(json.loads(Path(_state_file(paths, "lock")).read_text())["command"])


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} ({holder['command']})"
    except (ValueError, KeyError):
        return "another process"


def _await_orphans(paths: Paths, patience: float = 20.0) -> None:
    """Wait until stages of a run that was killed have noticed it and died."""
    with open(_state_file(paths, "stages"), "a") as shared:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SynthgainError(f"{paths.root}: a stage of an earlier run is still alive; stop it") from None
                time.sleep(0.1)


def _state_file(paths: Paths, name: str) -> str:
    paths.state.mkdir(exist_ok=True)
    return str(paths.state / name)
