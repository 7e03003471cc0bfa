"""Facts about the latest run that no stage output may hold: command, commit, hardware, seconds."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from synthgain.artifact import replace_bytes
from synthgain.errors import SynthgainError
from synthgain.paths import Paths

_VECTORS = {"avx512_bf16": " (AVX-512, bf16)", "avx512f": " (AVX-512)", "avx2": " (AVX2)"}
"""Flag of the processor to its name here: the last bits of what is trained depend on it."""


def record(paths: Paths, command: str, seconds: float, result: str) -> None:
    """Note a finished run beside the locks; ``result`` is the SHA-256 of what it led to.

    The run that did the work counts: a later one, which found the same result in DVC's cache, does not replace it.
    """
    path = _path(paths)
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
