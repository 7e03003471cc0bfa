"""A process that must not outlive another one."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_INTERVAL = 0.5


def die_with(ancestors: Sequence[int]) -> None:
    """Kill this process as soon as its parent or any of the processes ``ancestors`` is gone.

    Linux tells a child at once when its own parent dies; grandparents (DVC starts stages through a shell) are watched
    by a thread. A process id that was given to another process meanwhile is recognised by its start time.
    """
    die_with_parent()
    watched = {pid: _start_time(pid) for pid in {os.getppid(), *ancestors}}

    def watch() -> None:
        while all(_start_time(pid) == start and start is not None for pid, start in watched.items()):
            time.sleep(_INTERVAL)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def die_with_parent() -> None:
    """Let Linux kill this process as soon as its parent is gone; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def leave_none(marker: str) -> None:
    """Fork a watcher that outlives this process just long enough to kill what it leaves running.

    DVC knows nothing of `die_with` where it is not forked; every process of a run carries ``marker`` (``NAME=value``)
    in its environment, and is found by it.
    """
    parent = os.getpid()
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, 256)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start = _start_time(parent)
    while start is not None and _start_time(parent) == start:
        time.sleep(_INTERVAL)
    for pid, _ in marked(marker):
        _signal(pid, signal.SIGKILL)
    os._exit(0)


def stop_stages(marker: str) -> None:
    """Ask the stages that carry ``marker`` to finish: training writes a checkpoint first, DVC reports their end."""
    for pid, command in marked(marker):
        if "synthgain" in command and " stage " in command:
            _signal(pid, signal.SIGTERM)


def marked(marker: str) -> list[tuple[int, str]]:
    """Process id and command line of every other process with ``marker`` (``NAME=value``) in its environment."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [
        (pid, _read(pid, "cmdline").replace("\0", " "))
        for pid in pids if pid != os.getpid() and marker in _read(pid, "environ").split("\0")
    ]  # fmt: skip


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def be_known_as(word: str) -> None:
    """Let `ancestors_up_to` find this process, which has its command line from the one it was forked from."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, word.encode())


def ancestors_up_to(word: str) -> list[int]:
    """Process ids of the ancestors up to the nearest whose name, or command line, has the word; empty if none has."""
    chain: list[int] = []
    pid = os.getppid()
    while pid > 1:
        chain.append(pid)
        command = _read(pid, "cmdline").replace("\0", " ")
        if word in [_read(pid, "comm").strip(), *(Path(part).name for part in command.split()[:3])]:
            return chain
        pid = _parent(pid)
    return []


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    # The command name, in parentheses, may hold blanks; what follows it may not.
    return _read(pid, "stat").rpartition(")")[2].split()


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _start_time(pid: int) -> str | None:
    """Kernel start time of a live process; None for a missing one or a zombie. Without /proc: alive or not."""
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return "alive"
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else None
