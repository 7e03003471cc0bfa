"""From a trained generator to images on disk: shards that survive a crash, and a check that they differ at all."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from synthgain import artifact, failpoint, progress
from synthgain.dataset import to_uint8
from synthgain.errors import SynthgainError
from synthgain.generators.contract import Generator
from synthgain.seeding import derive

Images = npt.NDArray[np.uint8]


def pool_labels(needed: int, oversample: float, classes: int) -> npt.NDArray[np.int64]:
    """Labels of the pool: ``needed * oversample``, rounded up to a multiple of ``classes``, cycling over them."""
    rounds = int(np.ceil(np.ceil(round(needed * oversample, 6)) / classes))
    return np.tile(np.arange(classes), rounds)


def draw(
    generator: Generator, labels: npt.NDArray[np.int64], *, seed: int, name: str, shard: int, work: Path
) -> Iterator[Images]:
    """Draw the pool shard by shard, uint8 ``(n, C, H, W)`` each; whole shards found in ``work`` are not drawn again.

    Parameters
    ----------
    labels: of the pool, ``(N,)``.
    seed, name: with the shard's number, they determine its images.
    shard: images per shard; the last one may have fewer.
    work: where shards are kept, each beside its SHA-256.

    Raises
    ------
    SynthgainError
        The generator gives values that are not finite.
    """
    with progress.bar(f"draw {name}", len(labels)) as shown:
        for number, start in enumerate(range(0, len(labels), shard)):
            chosen = labels[start : start + shard]
            path = work / f"shard-{number:06d}.npy"
            images = _finished(path)
            if images is None:
                drawn = generator.sample(torch.from_numpy(chosen), seed=derive(seed, "synthesize", name, number))
                images = _quantised(drawn, name)
                _keep(path, images)
                failpoint.reached("synthesize.after_shard")
            shown.advance(len(chosen))
            yield images


def _quantised(drawn: torch.Tensor, name: str) -> Images:
    if not bool(torch.isfinite(drawn).all()):
        raise SynthgainError(
            f"generator '{name}' draws values that are not finite: its training failed. "
            "Lower its learning rate or train it longer"
        )
    quantised: Images = to_uint8(drawn).numpy()
    return quantised


def _keep(path: Path, images: Images) -> None:
    stream = io.BytesIO()
    np.save(stream, images, allow_pickle=False)
    content = stream.getvalue()
    artifact.replace_bytes(path.with_suffix(".sha256"), hashlib.sha256(content).hexdigest().encode())
    artifact.replace_bytes(path, content)


def _finished(path: Path) -> Images | None:
    if not path.is_file():
        return None
    recorded = path.with_suffix(".sha256")
    if not recorded.is_file() or recorded.read_text() != artifact.file_sha256(path):
        print(f"WARNING: {path} is damaged (its SHA-256 differs from the recorded one); drawn again", flush=True)
        return None
    images: Images = np.load(path, allow_pickle=False)
    return images


class Variation:
    """How much the images of each class differ, gathered batch by batch."""

    def __init__(self, classes: int) -> None:
        self._count, self._total, self._square = np.zeros((classes, 1)), np.zeros(1), np.zeros(1)

    def add(self, images: Images, labels: npt.NDArray[np.int64]) -> None:
        """Take account of images ``(n, C, H, W)`` with class indices ``(n,)``."""
        member = (labels == np.arange(len(self._count))[:, None]).astype(np.float64)
        flat = images.reshape(len(images), -1).astype(np.float64)
        self._count = self._count + member.sum(1, keepdims=True)
        self._total, self._square = self._total + member @ flat, self._square + member @ flat**2

    def deviation(self) -> npt.NDArray[np.float64]:
        """Standard deviation across a class's images, mean over pixels, in grey levels ``(K,)``; NaN for one image."""
        count = np.where(self._count > 1, self._count, np.nan)
        variance = self._square / count - (self._total / count) ** 2
        spread: npt.NDArray[np.float64] = np.sqrt(np.clip(variance, 0, None)).mean(1)
        return spread


def collapse(drawn: Variation, real: Variation, classes: Sequence[str], name: str, below: float) -> str | None:
    """In words, that the drawn images of a class hardly vary beside the real ones; None: they do."""
    for label, ours, theirs in zip(classes, drawn.deviation(), real.deviation(), strict=True):
        if ours < below * theirs:
            return (
                f"generator '{name}' has collapsed: its images of class '{label}' are all but identical (standard "
                f"deviation {ours:.2f} of 255 grey levels, real ones {theirs:.2f}). Train it longer, on more images or "
                "with stronger augmentation"
            )
    return None
