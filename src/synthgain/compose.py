"""From ``conf/`` and the words on the command line to ``params.yaml``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from synthgain import strict_yaml
from synthgain.artifact import replace_bytes
from synthgain.config import FOR_DVC, Config, learns, load
from synthgain.errors import SynthgainError, nearest
from synthgain.paths import Paths
from synthgain.variants import expand


def compose(paths: Paths, overrides: Sequence[str]) -> Config:
    """The experiment that ``conf/`` and Hydra ``overrides`` describe, typed.

    Two keys of the YAML files are instructions to this function and never reach the result: ``full`` holds what an
    experiment, or a generator, changes at ``+size=gpu``; ``each_generator`` is merged into every generator that is
    trained.

    Raises
    ------
    SynthgainError
        A file has duplicate keys, a key or choice is unknown, a value does not fit.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    composed = _hydra(paths.root / "conf", overrides)
    try:
        full = composed.pop("full", None)
        each = composed.pop("each_generator", None)
        at_full_size = "size=gpu" in {word.lstrip("+") for word in overrides}
        own = {name: generator.pop("full", {}) for name, generator in composed.get("generators", {}).items()}
        if full is not None and at_full_size:
            each = OmegaConf.merge(each or {}, full.pop("each_generator", {}))
            composed = OmegaConf.merge(composed, full)
        for name, generator in composed.get("generators", {}).items():
            if "weights" in generator:
                continue
            changes = [own[name] if at_full_size else {}, each if each and learns(generator.kind) else {}]
            composed.generators[name] = OmegaConf.merge(generator, *changes)
        _again(composed, overrides, paths.root / "conf")
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise SynthgainError(f"configuration: {_first_line(error)}") from None
    return load(_with_raw(expand(cast(dict[str, Any], values)), paths))


def write_params(paths: Paths, config: Config) -> bool:
    """Write ``params.yaml`` if it would differ; returns whether it did."""
    head = "# The resolved experiment, written by `synthgain`. Edit conf/ or give overrides instead.\n"
    text = head + yaml.safe_dump(config.model_dump(mode="json") | {FOR_DVC: config.weights}, sort_keys=False, width=100)
    if paths.params.is_file() and paths.params.read_text() == text:
        return False
    replace_bytes(paths.params, text.encode())
    return True


def _hydra(conf: Path, overrides: Sequence[str]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for path in sorted(conf.rglob("*.yaml")):
        strict_yaml.read(path)
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            composed = hydra_compose("config", overrides=[_forced(conf, word) for word in overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise SynthgainError(f"configuration: {_unknown_choice(conf, overrides) or _first_line(error)}") from None
    OmegaConf.set_struct(composed, False)
    return composed


def _again(composed: Any, overrides: Sequence[str], conf: Path) -> None:
    """Give the command line the last word over what was merged after Hydra composed."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    for override in OverridesParser.create().parse_overrides([_forced(conf, word) for word in overrides]):
        if not (conf / override.key_or_group).is_dir() and not override.is_delete():
            OmegaConf.update(composed, override.key_or_group, override.value(), force_add=True)


def _forced(conf: Path, word: str) -> str:
    """Let ``key=value`` set a key whose default stands in the types, not in the YAML; the types know all valid ones."""
    key = word.partition("=")[0]
    return word if key.startswith(("+", "~")) or (conf / key).is_dir() else f"++{word}"


def _unknown_choice(conf: Path, overrides: Sequence[str]) -> str | None:
    for word in overrides:
        group, _, value = word.lstrip("+").partition("=")
        if not (conf / group).is_dir():
            continue
        choices = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        for choice in (part.strip() for part in value.strip("[]").split(",")):
            if choice not in choices:
                return f"{group}: no choice '{choice}'{nearest(choice, choices)}"
    return None


def _first_line(error: Exception) -> str:
    key = getattr(error, "full_key", None)
    if type(error).__name__ == "MissingMandatoryValue":
        return f"{key}: a value is needed: {key}=..."
    return str(error).strip().partition("\n")[0]


def _with_raw(values: dict[str, Any], paths: Paths) -> dict[str, Any]:
    """Fill in ``dataset.raw``: where the raw data stand in the workspace once DVC has them."""
    dataset = values.get("dataset")
    if not isinstance(dataset, dict) or not isinstance(dataset.get("source"), dict):
        return values
    given = dataset.get("path")
    if not given:
        dataset["raw"] = f"src/synthgain/sources/{dataset['source'].get('kind')}.py"
        return values
    path = Path(given).expanduser()
    path = path if path.is_absolute() else paths.root / path
    if not path.exists():
        raise SynthgainError(f"dataset.path: {given}: no such file or folder")
    if path.suffix.lower() == ".csv":
        dataset["source"].setdefault("manifests", [{"file": path.name}])
        path = path.parent
    dataset["path"] = str(path)
    if path.resolve().is_relative_to(paths.root.resolve()):
        dataset["raw"] = path.resolve().relative_to(paths.root.resolve()).as_posix()
    else:
        dataset["raw"] = f"data/raw/{dataset.get('name')}" + (path.suffix if path.is_file() else "")
    return values
