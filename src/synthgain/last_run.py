"""Facts about the latest run that no stage output may hold: command, commit, hardware, seconds."""

import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from synthgain.artifact import file_sha256, replace_bytes
from synthgain.errors import SynthgainError
from synthgain.paths import Paths

_VECTORS = {"avx512_bf16": " (AVX-512, bf16)", "avx512f": " (AVX-512)", "avx2": " (AVX2)"}
"""Flag of the processor to its name here: the last bits of what is trained depend on it."""
_NOTED_EVERY = 10.0


@contextmanager
def timed(paths: Paths) -> Iterator[Callable[[], float]]:
    """Seconds spent on the experiment of ``params.yaml``: by this run and those before it that did not end.

    The time is noted every 10 s, so that a killed run costs what it took.
    """
    path, params, began, ended = _spent(paths), file_sha256(paths.params), time.monotonic(), threading.Event()
    noted = json.loads(path.read_text()) if path.is_file() else {}
    before = noted["seconds"] if noted.get("params") == params else 0.0

    def spent() -> float:
        return float(before + time.monotonic() - began)

    def note() -> None:
        with suppress(OSError):  # on a full disk the stages have more to say
            replace_bytes(path, json.dumps({"params": params, "seconds": spent()}).encode())

    def keep() -> None:
        while not ended.wait(_NOTED_EVERY):
            note()

    keeper = threading.Thread(target=keep, name="time spent", daemon=True)
    keeper.start()
    try:
        yield spent
    finally:
        ended.set()
        keeper.join()
        note()


def record(paths: Paths, command: str, seconds: float, result: str) -> None:
    """Note a finished run beside the locks; ``result`` is the SHA-256 of what it led to, ``seconds`` from `timed`.

    The run that did the work counts: a later one, which found the same result in DVC's cache, does not replace it.
    """
    path = _path(paths)
    _spent(paths).unlink(missing_ok=True)
    known = json.loads(path.read_text()) if path.is_file() else {}
    if known.get("result") == result and known["wall_seconds"] > seconds:
        return
    facts = {"command": command, "commit": commit(paths), "hardware": hardware(), "wall_seconds": round(seconds)}
    replace_bytes(path, json.dumps(facts | {"result": result}).encode())


def read(paths: Paths) -> dict[str, Any]:
    """What `record` noted; raises `SynthgainError` where nothing has run yet."""
    path = _path(paths)
    if not path.is_file():
        raise SynthgainError(f"{path}: no finished run here yet; run 'synthgain run' first")
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def noted_commit(paths: Paths) -> str | None:
    """The commit that led to the latest result; None where no finished run is noted."""
    return str(read(paths)["commit"]) if _path(paths).is_file() else None


def _path(paths: Paths) -> Path:
    return paths.state / "last_run.json"


def _spent(paths: Paths) -> Path:
    return paths.state / "spent.json"


def commit(paths: Paths) -> str:
    """The commit that ran, with ``+changes`` where the code, the flows or the configuration differ from it."""
    asked = [["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "src", "flows", "conf", "dvc.yaml"]]
    head, changes = (
        subprocess.run(["git", *words], cwd=paths.root, capture_output=True, text=True).stdout.strip()
        for words in asked
    )
    return (head or "unversioned") + ("+changes" if changes else "")


def hardware() -> str:
    """Processor, cores and GPU, in words."""
    found = re.search(r"^model name\s*: (.*)$", _text("/proc/cpuinfo"), re.MULTILINE)
    processor = found[1] if found else platform.machine()
    flags = set(_text("/proc/cpuinfo").partition("\nflags")[2].partition("\n")[0].split())
    vectors = next((name for flag, name in _VECTORS.items() if flag in flags), "")
    return f"{processor}{vectors}, {os.cpu_count()} cores, {_gpu() or 'no GPU'}; Python {sys.version.partition(' ')[0]}"


def _gpu() -> str:
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True).stdout.strip().replace("\n", ", ")
    except OSError:
        return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
