"""Trained generators on disk: safetensors beside the configuration that they need to be built again."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthgain import artifact
from synthgain.artifact import Artifact
from synthgain.config import Config, component
from synthgain.errors import SynthgainError
from synthgain.generators.contract import Facts, Generator
from synthgain.paths import Paths
from synthgain.schema import GeneratorConfig

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"


def trained_part(cfg: GeneratorConfig) -> dict[str, Any]:
    """The settings that the weights depend on: all but those of sampling, which may change afterwards."""
    return cfg.model_dump(mode="json", exclude={"sampling", "weights", "repeats"})


def save(folder: Path, generator: Generator, cfg: GeneratorConfig, facts: Facts) -> None:
    """Write what `load` reads into ``folder``."""
    from safetensors.torch import save_file

    save_file({name: value.cpu().contiguous() for name, value in generator.state_dict().items()}, folder / WEIGHTS)
    about = {
        "generator": trained_part(cfg),
        "facts": {
            "channels": facts.channels, "size": facts.size, "classes": list(facts.classes),
            "source": facts.source.model_dump(mode="json"),
        },
    }  # fmt: skip
    (folder / CONFIG).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


def read(cfg: Config, paths: Paths, name: str) -> Artifact:
    """The ``train_generator`` output whose weights generator ``name`` draws from."""
    return artifact.read(paths.out("train_generator", cfg.generators[name].weights))


def load(trained: Artifact, cfg: GeneratorConfig | None = None) -> Generator:
    """The trained generator of a ``train_generator`` output, verified, on the CPU, in evaluation mode.

    Parameters
    ----------
    trained: the stage's output.
    cfg: gives the settings of sampling; default: the family's own.

    Raises
    ------
    SynthgainError
        ``cfg`` is not what the weights were trained with, or the file does not hold this model's weights.
    """
    about = trained.json(CONFIG)
    family = component("generators", about["generator"]["kind"])
    if cfg is None:
        cfg = family.Config(**about["generator"])
    elif trained_part(cfg) != about["generator"]:
        raise SynthgainError(f"{trained.path}: trained with other settings than asked for; run 'synthgain run'")
    generator = build(cfg, facts(about["facts"]))
    _fill(generator, trained.file(WEIGHTS))
    return generator.eval().requires_grad_(False)


def facts(values: dict[str, Any]) -> Facts:
    """`Facts` from their JSON form."""
    source = component("sources", values["source"]["kind"]).Config(**values["source"])
    return Facts(values["channels"], values["size"], tuple(values["classes"]), source)


def build(cfg: GeneratorConfig, facts: Facts) -> Generator:
    """An untrained generator of the family that ``cfg.kind`` names."""
    generator: Generator = component("generators", cfg.kind).build(cfg, facts)
    return generator


def _fill(generator: Generator, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except SafetensorError as error:
        raise SynthgainError(f"{path}: not a safetensors file: {error}") from None
    expected = generator.state_dict()
    wrong = [f"'{name}' is missing" for name in sorted(expected.keys() - state.keys())]
    wrong += [f"'{name}' is not part of the model" for name in sorted(state.keys() - expected.keys())]
    for name in sorted(expected.keys() & state.keys()):
        wrong += _misfits(name, expected[name], state[name])
    if wrong:
        raise SynthgainError(f"{path}: not the weights of this model: {'; '.join(wrong[:3])}")
    for name, buffer in generator.named_buffers():
        if _open(buffer):
            buffer.resize_(state[name].shape)
    generator.load_state_dict(state)


def _misfits(name: str, expected: Tensor, given: Tensor) -> list[str]:
    shapes = [tuple(tensor.shape)[1:] if _open(expected) else tuple(tensor.shape) for tensor in (expected, given)]
    if shapes[0] != shapes[1] or given.dtype != expected.dtype:
        return [f"'{name}' is {given.dtype} {tuple(given.shape)}, not {expected.dtype} {tuple(expected.shape)}"]
    return [] if bool(torch.isfinite(given).all()) else [f"'{name}' is not finite"]


def _open(buffer: Tensor) -> bool:
    """Whether this is a buffer that grows with the data it observed."""
    return buffer.dim() > 0 and len(buffer) == 0
