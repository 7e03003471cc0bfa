"""Weights on disk: safetensors, read only into a network that they fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from synthgain.config import component
from synthgain.errors import SynthgainError


def write_weights(network: nn.Module, path: Path) -> None:
    """The network's state as safetensors, which cannot carry code."""
    from safetensors.torch import save_file

    save_file({name: value.cpu().contiguous() for name, value in network.state_dict().items()}, path)


def rebuild(facts: Mapping[str, Any], path: Path) -> nn.Module:
    """The trained classifier in ``path``, in evaluation mode; ``facts``: classifier, channels, classes."""
    kind = component("classifiers", facts["classifier"]["kind"])
    network: nn.Module = kind.build(kind.Config(**facts["classifier"]), facts["channels"], len(facts["classes"]), 2)
    read_weights(network, path)
    return network.eval()


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
