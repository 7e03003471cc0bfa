"""A stage done by a process forked from one that has imported the libraries (``flows/stage_server.py``)."""

import json
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

from synthgain.lifeline import ancestors_up_to, die_with

ADDRESS = "SYNTHGAIN_STAGES"
"""Environment variable with the socket at which a run forks its stages."""
warm = False
"""Whether this process is such a stage: the libraries are imported, no other thread runs, its parent ends it."""


def ask(arguments: Sequence[str]) -> int | None:
    """Let ``synthgain <arguments>`` be run with this process's output, folder and environment, and no input.

    Signals are passed on; it dies with this process, and this one with DVC.

    Returns
    -------
    The exit status, 128 and the signal's number where a signal ended it. None: nobody is there (yet) to be asked.
    """
    environment = dict(os.environ)
    address = environment.pop(ADDRESS, None)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(address)
        except OSError:
            return None
        die_with(ancestors_up_to("dvc"))

        def pass_on(number: int, _: object) -> None:
            with suppress(OSError):
                asked.sendall(bytes([number]))

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        request = {"arguments": list(arguments), "folder": os.getcwd(), "environment": environment}
        socket.send_fds(asked, [b"\n"], [1, 2])
        asked.sendall(json.dumps(request).encode() + b"\n")
        answer = asked.recv(1)
    return answer[0] if answer else 128 + signal.SIGKILL
