"""The project's own feature extractor: a classifier trained on the train split, cut before its last layer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from synthgain.artifact import Artifact
from synthgain.classifiers import inference
from synthgain.config import ClassifierConfig, component
from synthgain.errors import SynthgainError

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
    kind = component("classifiers", facts["classifier"]["kind"])
    shape = (facts["channels"], facts["size"], facts["size"])
    network = kind.build(kind.Config(**facts["classifier"]), facts["channels"], len(facts["classes"]), 2)
    read_weights(network, artifact.file(WEIGHTS))
    return Encoder(network.eval(), shape, tuple(facts["classes"]), facts["features"], artifact.sha256)


def save(folder: Path, network: nn.Module, cfg: ClassifierConfig, shape: tuple[int, ...], classes: tuple[str, ...]) -> None:
    """Write what `load` reads into ``folder``, for images of ``shape`` ``(C, H, W)``."""
    write_weights(network, folder / WEIGHTS)
    facts = {
        "classifier": cfg.model_dump(mode="json"), "channels": shape[0], "size": shape[-1], "classes": list(classes),
        "features": inference.last_linear(network).in_features,
    }  # fmt: skip
    (folder / CONFIG).write_text(json.dumps(facts, indent=1) + "\n")


def write_weights(network: nn.Module, path: Path) -> None:
    """The network's state as safetensors, which cannot carry code."""
    from safetensors.torch import save_file

    save_file({name: value.cpu().contiguous() for name, value in network.state_dict().items()}, path)


def read_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` from safetensors; raises `SynthgainError` unless names, shapes and numbers fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Any] = load_file(path)
        network.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise SynthgainError(f"{path}: not the weights of this network: {error}") from None
    broken = [name for name, value in state.items() if not bool(value.isfinite().all())]
    if broken:
        raise SynthgainError(f"{path}: not finite: {', '.join(broken[:3])}")
