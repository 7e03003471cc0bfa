"""The project's own feature extractor: a classifier trained on the train split, cut before its last layer."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from synthgain.artifact import Artifact
from synthgain.classifiers import inference
from synthgain.classifiers.weights import rebuild, write_weights
from synthgain.dataset import ImageSet
from synthgain.schema import ClassifierConfig

WEIGHTS = "encoder.safetensors"
CONFIG = "config.json"


@dataclass(frozen=True)
class Encoder:
    """A trained classifier as a measuring device; ``sha256`` names it in every result that rests on it."""

    network: nn.Module
    shape: tuple[int, int, int]
    """``(C, H, W)`` of the images that it takes."""
    classes: tuple[str, ...]
    dim: int
    """Number of features."""
    sha256: str

    def features(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """What enters the last layer: uint8 ``(N, C, H, W)`` -> float32 ``(N, dim)``."""
        return inference.features(self.network, self._fitting(images))

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Softmax: uint8 ``(N, C, H, W)`` -> float32 ``(N, K)``."""
        return inference.probabilities(self.network, self._fitting(images))

    def _fitting(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if images.dtype != np.uint8 or images.shape[1:] != self.shape:
            raise ValueError(f"expected uint8 (N, {self.shape}), got {images.dtype} {images.shape}")
        return images


def load(artifact: Artifact) -> Encoder:
    """The encoder in the output of the encode stage, verified, in evaluation mode on the CPU."""
    facts = artifact.json(CONFIG)
    shape = (facts["channels"], facts["size"], facts["size"])
    network = rebuild(facts, artifact.file(WEIGHTS))
    return Encoder(network, shape, tuple(facts["classes"]), facts["features"], artifact.sha256)


def save(folder: Path, network: nn.Module, cfg: ClassifierConfig, images: ImageSet) -> None:
    """Write into ``folder`` what `load` reads: ``network``, which was trained on ``images``."""
    channels, size, _ = images.shape
    write_weights(network, folder / WEIGHTS)
    facts = {
        "classifier": cfg.model_dump(mode="json"), "channels": channels, "size": size, "classes": list(images.classes),
        "features": inference.last_linear(network).in_features,
    }  # fmt: skip
    (folder / CONFIG).write_text(json.dumps(facts, indent=1) + "\n")
