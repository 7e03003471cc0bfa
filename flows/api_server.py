"""Prefect's API for one run, where no server is configured: it starts while the flow is imported.

Prefect would start one itself, but only once the flow begins, and after it has imported the server here as well.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from synthgain.errors import SynthgainError
from synthgain.lifeline import die_with_parent

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
_PATIENCE = 120
"""Seconds that the server may take to come up, the making of its database included."""


@contextmanager
def api() -> Iterator[Callable[[], None]]:
    """Let Prefect find an API inside the block: the configured one, or one that ends with this process.

    Yields
    ------
    Waits until that API answers; raises `SynthgainError` where it does not.
    """
    if os.environ.get("PREFECT_API_URL"):
        yield _check_configured
        return
    with socket.socket() as listening:
        # Whoever connects before the server has come up waits in this socket's queue.
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        command = [sys.executable, __file__, str(listening.fileno())]
        # Ended while it starts, it complains; that is shown only where it is the reason of something.
        words = tempfile.TemporaryFile()  # noqa: SIM115 - the server writes to it until it ends
        server = subprocess.Popen(
            command, pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL, stderr=words, start_new_session=True
        )
    atexit.register(_end, server)  # Prefect sends its last logs and events as the threads end, which is before that
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    if PREFECT_API_URL.value():  # in a file; the server finds it too, and ends by itself
        yield _check_configured
        return
    with temporary_settings({PREFECT_API_URL: address, PREFECT_UI_URL: ""}):  # no pages: no links to them
        yield partial(_wait_for, address, words)


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(5)  # what it has been told is written
    except subprocess.TimeoutExpired:
        server.kill()


def _wait_for(address: str, words: IO[bytes]) -> None:
    from prefect.settings import PREFECT_HOME

    try:
        directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        directly.open(f"{address}/health", timeout=_PATIENCE).close()
    except OSError as error:
        words.seek(0)
        print(words.read().decode(errors="replace"), file=sys.stderr, flush=True)
        raise SynthgainError(
            f"Prefect's own server did not start ({error}); its own words are above. Its database is in "
            f"{PREFECT_HOME.value()}; the environment variable PREFECT_HOME names another folder"
        ) from None


def _check_configured() -> None:
    from prefect import get_client
    from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with (
        temporary_settings({PREFECT_API_REQUEST_TIMEOUT: 20, PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True) as client,
    ):
        failure = client.api_healthcheck()
    if failure is not None:
        address = client.api_url.copy_with(userinfo=b"")  # and of the failure its name: its words may hold a password
        raise SynthgainError(
            f"Prefect's server at {address} does not answer ({type(failure).__name__}); start it, or take "
            "PREFECT_API_URL out of the environment or Prefect's profile"
        )


def main(descriptor: int) -> None:
    """Serve at the listening socket; nothing where a server is configured."""
    die_with_parent()
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
