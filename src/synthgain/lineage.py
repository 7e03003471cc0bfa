"""All that ``src/`` knows of DVC: bringing raw data under version, and asking what has changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths


def dvc(paths: Paths, *arguments: str) -> str:
    """Run ``dvc`` in the workspace; returns its standard output, raises `SynthgainError` with its last words."""
    done = subprocess.run(command(*arguments), cwd=paths.root, env=environment(), capture_output=True, text=True)
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or done.stderr.splitlines()
        raise SynthgainError(f"dvc {' '.join(arguments)}: {' '.join(words)[:2000]}")
    return done.stdout


def command(*arguments: str) -> list[str]:
    """This interpreter's DVC; without the option it gives up where another one holds the repository for 3 seconds."""
    return [sys.executable, "-m", "synthgain.forked", "--wait-for-lock", *arguments]


def environment() -> dict[str, str]:
    """The environment for DVC and the stages: no analytics, the ``synthgain`` of this interpreter first on the path.

    Arrow takes its memory from the system: its own allocator keeps what is freed, and grew with the number of images.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    fixed = {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return {**os.environ, "PATH": path, **fixed}


def track_raw(paths: Paths, config: Config) -> None:
    """Bring the raw data under DVC: ``dvc add`` inside the workspace, ``dvc import-url`` (a copy) from outside.

    A changed original becomes a new version, with a new hash that everything downstream carries.
    """
    if config.dataset.path is None:
        return
    raw, pointer = paths.root / config.dataset.raw, paths.root / f"{config.dataset.raw}.dvc"
    original = Path(config.dataset.path)
    if original.resolve() == raw.resolve():
        dvc(paths, "add", config.dataset.raw)
    elif _origin(pointer) == str(original):
        dvc(paths, "update", f"{config.dataset.raw}.dvc")
    else:
        raw.parent.mkdir(parents=True, exist_ok=True)
        dvc(paths, "import-url", "--force", str(original), config.dataset.raw)


def begin(paths: Paths) -> None:
    """Make the workspace one that DVC accepts, also where it was copied without its repository."""
    if not (paths.root / ".dvc").is_dir():
        dvc(paths, "init", *([] if (paths.root / ".git").exists() else ["--no-scm"]))


def raw_is_tracked(paths: Paths, config: Config) -> bool:
    """Whether the raw data of this experiment are under DVC already (the phantom's always are)."""
    original = config.dataset.path
    pointer = paths.root / f"{config.dataset.raw}.dvc"
    return original is None or (pointer.is_file() and _origin(pointer) in (None, original))


def changed(paths: Paths) -> list[str]:
    """Stages and raw data that DVC finds changed; empty: nothing to do."""
    return sorted(json.loads(dvc(paths, "status", "--json") or "{}"))


def prune(paths: Paths, config: Config) -> None:
    """Remove outputs of generators that are not in this experiment; DVC's cache keeps them."""
    for stage, generators in config.per_generator.items():
        folder = paths.out(stage)
        for old in folder.iterdir() if folder.is_dir() else ():
            if old.is_dir() and old.name not in generators:
                shutil.rmtree(old)


def _origin(pointer: Path) -> str | None:
    import yaml

    if not pointer.is_file():
        return None
    content: dict[str, Any] = yaml.safe_load(pointer.read_text()) or {}
    return next((dep.get("path") for dep in content.get("deps", [])), None)
