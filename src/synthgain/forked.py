"""A stage, or DVC, done by a process forked from one that has imported the libraries (``flows/stage_server.py``).

As a program it is DVC: ``python -m synthgain.forked <arguments of dvc>``.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from synthgain.lifeline import ancestors_up_to, die_with

ADDRESS = "SYNTHGAIN_STAGES"
"""Environment variable with the socket at which a run forks DVC and its stages."""
DVC = "dvc"
warm = False
"""Whether this process is one of those: the libraries are imported, no other Python thread runs, its parent ends it."""


def ask(program: str, arguments: Sequence[str]) -> int | None:
    """Let ``<program> <arguments>`` be run with this process's output, folder and environment, and no input.

    ``program``: ``synthgain`` or ``dvc``. Signals are passed on; it dies with this process, and this one with the DVC
    that started it.

    Returns
    -------
    The exit status, 128 and the signal's number where a signal ended it. None: nobody is there (yet) to be asked.
    """
    address = os.environ.get(ADDRESS)
    if address is None or warm:
        return None
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(address)
        except OSError:
            return None
        die_with(ancestors_up_to(DVC))

        def pass_on(number: int, _: object) -> None:
            with suppress(OSError):
                asked.sendall(bytes([number]))

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        request = {
            "program": program, "arguments": list(arguments), "folder": os.getcwd(), "environment": dict(os.environ),
        }  # fmt: skip
        answer = b""
        with suppress(OSError):  # who was asked is gone
            socket.send_fds(asked, [b"\n"], [1, 2])
            asked.sendall(json.dumps(request).encode() + b"\n")
            answer = asked.recv(1)
    return answer[0] if answer else 128 + signal.SIGKILL


def main() -> None:
    """DVC with this process's arguments: where nobody can be asked, in this process's place."""
    status = ask(DVC, sys.argv[1:])
    if status is None:
        os.execv(sys.executable, [sys.executable, "-m", DVC, *sys.argv[1:]])
    sys.exit(status)


if __name__ == "__main__":
    main()
