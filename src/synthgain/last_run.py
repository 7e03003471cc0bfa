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


def record(paths: Paths, command: str, seconds: float) -> None:
    """Note a finished run beside the locks."""
    facts = {"command": command, "commit": commit(paths), "hardware": hardware(), "wall_seconds": round(seconds)}
    replace_bytes(paths.state / "last_run.json", json.dumps(facts).encode())


def read(paths: Paths) -> dict[str, Any]:
    """What `record` noted; raises `SynthgainError` where nothing has run yet."""
    path = paths.state / "last_run.json"
    if not path.is_file():
        raise SynthgainError(f"{path}: no finished run here yet; run 'synthgain run' first")
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


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
    return f"{processor}, {os.cpu_count()} cores, {_gpu() or 'no GPU'}; Python {sys.version.partition(' ')[0]}"


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
