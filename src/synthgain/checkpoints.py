"""Resumable checkpoints on disk: whole or not at all, each beside its hash, and without code inside."""

import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO

from synthgain import artifact, failpoint
from synthgain.errors import SynthgainError

_KEPT = 2


class Checkpoints(CheckpointIO):
    """Lightning checkpoints that appear whole or not at all, each beside its SHA-256; the last two are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.ckpt"

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Raises `SynthgainError` where the disk is full; the earlier checkpoints stay."""
        path = Path(path)
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        content = buffer.getbuffer()
        free = shutil.disk_usage(self.folder).free
        if free < 1.1 * len(content):
            raise SynthgainError(
                f"{self.folder}: a checkpoint needs {len(content) / 2**20:.0f} MiB, {free / 2**20:.0f} MiB are free; "
                "make room and run again: it resumes"
            )
        failpoint.reached("checkpoint.before_write")
        try:
            artifact.replace_bytes(_sidecar(path), hashlib.sha256(content).hexdigest().encode())
            self._replace(path, content)
        except OSError as error:
            raise SynthgainError(
                f"{path}: cannot write: {error.strerror}; mend that and run again: it resumes"
            ) from None
        for old in self._all()[:-_KEPT]:
            self.remove_checkpoint(old)

    def _replace(self, path: Path, content: memoryview) -> None:
        partial = path.with_name(f".{path.name}.partial")
        try:
            with open(partial, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            failpoint.reached("checkpoint.after_write")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        artifact.sync(self.folder)
        failpoint.reached("checkpoint.after_rename")

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Tensors and plain values only: a checkpoint cannot carry code."""
        loaded: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
        return loaded

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)
        _sidecar(Path(path)).unlink(missing_ok=True)

    def newest(self) -> Path | None:
        """The newest checkpoint whose bytes have their recorded SHA-256; a damaged one is named and passed over."""
        for path in reversed(self._all()):
            sidecar = _sidecar(path)
            if sidecar.is_file() and sidecar.read_text() == artifact.file_sha256(path):
                return path
            print(f"WARNING: {path} is damaged (its SHA-256 differs from the recorded one); falling back", flush=True)
            self.remove_checkpoint(path)
        return None

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.ckpt"))


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".sha256")
