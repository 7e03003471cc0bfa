"""Stage outputs: a directory with its payload and a deterministic ``manifest.json``.

The manifest holds the hashes of the inputs, the stage's own configuration, the SHA-256 of each payload file, counts and
seeds; no time, host, run id or absolute path. The SHA-256 of the manifest is the artifact's identity. A directory is
written under a temporary name, synced, and renamed; the manifest is written last, so a directory that has one is whole.
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgain import failpoint
from synthgain.errors import SynthgainError

MANIFEST = "manifest.json"


class ArtifactError(SynthgainError):
    """An artifact is missing, incomplete or altered."""


def canonical(value: Any) -> bytes:
    """``value`` as JSON bytes with one spelling: sorted keys, no NaN, a final newline."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``: the key under which unfinished work is kept."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code(*patterns: str) -> dict[str, str]:
    """SHA-256 of the package's files like ``generators/**/*.py``; work of another version of them does not go on."""
    package = Path(__file__).parent
    files = sorted({path for pattern in patterns for path in package.glob(pattern)})
    return {path.relative_to(package).as_posix(): file_sha256(path) for path in files}


@functools.lru_cache(maxsize=4096)
def _known_sha256(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)


@dataclass(frozen=True)
class Artifact:
    """A finished stage output. ``file`` hands out a path only after its bytes were verified."""

    path: Path
    manifest: Mapping[str, Any]
    sha256: str

    def file(self, name: str) -> Path:
        """The path of payload file ``name``, verified against the manifest.

        Raises
        ------
        ArtifactError
            The file is not in the manifest, is missing, or its SHA-256 differs.
        """
        expected = self.manifest["files"].get(name)
        path = self.path / name
        if expected is None or not path.is_file():
            raise ArtifactError(f"{path}: no such file in this artifact")
        stat = path.stat()
        if _known_sha256(path, stat.st_size, stat.st_mtime_ns) != expected:
            raise ArtifactError(
                f"{path}: content does not match its recorded SHA-256; delete {self.path} and run again"
            )
        return path

    def json(self, name: str) -> Any:
        return json.loads(self.file(name).read_text())


def read(path: Path) -> Artifact:
    """Open the artifact in directory ``path``; raises `ArtifactError` where there is no finished one."""
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise ArtifactError(f"{path}: no finished stage output here (no {MANIFEST}); run 'synthgain run'")
    content = manifest.read_bytes()
    return Artifact(path, json.loads(content), hashlib.sha256(content).hexdigest())


@dataclass
class Draft:
    """An artifact being written: put files under ``path``, facts into ``counts`` and ``facts``."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def writing(
    target: Path, *, stage: str, config: Any, inputs: Mapping[str, str], seeds: Mapping[str, Any] | None = None
) -> Iterator[Draft]:
    """Write the artifact ``target`` atomically: it appears whole when the block ends, or not at all.

    Parameters
    ----------
    stage: the stage's name.
    config: what the stage was told, as JSON-ready values.
    inputs: name to SHA-256 of each artifact or file that was read.
    seeds: the seeds that the stage used.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    draft = Draft(partial)
    try:
        yield draft
        files = {}
        for path in sorted(p for p in partial.rglob("*") if p.is_file()):
            sync(path)
            files[path.relative_to(partial).as_posix()] = file_sha256(path)
        failpoint.reached("artifact.before_manifest")
        manifest = {
            "stage": stage, "config": config, "inputs": dict(inputs), "seeds": dict(seeds or {}),
            "counts": draft.counts, "facts": draft.facts, "files": files,
        }  # fmt: skip
        replace_bytes(partial / MANIFEST, canonical(manifest))
        sync(partial)
        failpoint.reached("artifact.before_rename")
        _put(partial, target)
        failpoint.reached("artifact.after_rename")
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def copy(source: Path, target: Path) -> None:
    """Copy the artifact ``source`` to ``target``, verified and whole; raises `ArtifactError` where it is damaged."""
    found = read(source)
    for name in found.manifest["files"]:
        found.file(name)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    _put(partial, target)


def _put(partial: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    os.rename(partial, target)
    sync(target.parent)


def replace_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old bytes or the new ones, never a part."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def sync(path: Path) -> None:
    """Force a file or directory to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
