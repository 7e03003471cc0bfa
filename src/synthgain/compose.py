"""From ``conf/`` and the words on the command line to ``params.yaml``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from synthgain import strict_yaml
from synthgain.artifact import replace_bytes
from synthgain.config import FOR_DVC, Config, draws, kinds, learns, load
from synthgain.errors import SynthgainError, nearest
from synthgain.paths import Paths
from synthgain.variants import expand

DATASETS = "SYNTHGAIN_DATASETS"
"""Environment variable with the folder of the studies' data sets."""
_PATHS = ("path", "file")
"""Keys whose values are paths, whatever they belong to."""
_EACH = "each_generator"


def compose(paths: Paths, overrides: Sequence[str]) -> Config:
    """The experiment that ``conf/`` and Hydra ``overrides`` describe, typed.

    Three keys of the YAML files are instructions to this function and never reach the result: ``full`` holds what an
    experiment, or a generator, changes at ``+size=gpu``, which says ``full_size``; ``each_generator`` is merged into
    every generator that is trained.

    Raises
    ------
    SynthgainError
        A file has duplicate keys, a key or choice is unknown, a value does not fit, the raw data cannot be where
        ``dataset.path`` says, or a control needs another source.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    conf = paths.root / "conf"
    words = _words(conf, overrides)
    composed = _hydra(conf, words)
    try:
        full = composed.pop("full", None)
        each = composed.pop(_EACH, None)
        at_full_size = composed.pop("full_size", False)
        own = {name: generator.pop("full", {}) for name, generator in _generators(composed).items()}
        if full is not None and at_full_size:
            each = OmegaConf.merge(each or {}, full.pop(_EACH, {}))
            composed = OmegaConf.merge(composed, full)
        learning = _learning(composed)
        for name, generator in _generators(composed).items():
            if "weights" not in generator:
                changes = [own[name] if at_full_size else {}, each if each and name in learning else {}]
                composed.generators[name] = OmegaConf.merge(generator, *changes)
        _again(composed, words, conf)
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise SynthgainError(f"configuration: {_first_line(error)}") from None
    config = load(_with_raw(expand(cast(dict[str, Any], values)), paths))
    _check_controls(config)
    return config


def write_params(paths: Paths, config: Config) -> bool:
    """Write ``params.yaml`` if it would differ; returns whether it did."""
    head = "# The resolved experiment, written by `synthgain`. Edit conf/ or give overrides instead.\n"
    text = head + yaml.safe_dump(config.model_dump(mode="json") | {FOR_DVC: config.for_dvc}, sort_keys=False, width=100)
    if paths.params.is_file() and paths.params.read_text() == text:
        return False
    replace_bytes(paths.params, text.encode())
    return True


def _words(conf: Path, overrides: Sequence[str]) -> list[str]:
    """The overrides as Hydra wants them.

    ``key=value`` may set a key whose default stands in the types, not in the YAML; the types know all valid ones. A
    group without a default takes its choice with or without a plus; ``group=null`` leaves a group empty. What a path
    holds, such as brackets and commas, has no other meaning.
    """
    for path in sorted(conf.rglob("*.yaml")):
        strict_yaml.read(path)
    defaults = [entry for entry in strict_yaml.read(conf / "config.yaml")["defaults"] if isinstance(entry, dict)]
    words = []
    for word in overrides:
        key, _, value = word.partition("=")
        if {key.removeprefix("+"): None} in defaults:
            key, word = key.removeprefix("+"), word.removeprefix("+")
        if (conf / key).is_dir():
            words.append(f"{key}=[]" if value == "null" else word)
            continue
        if key.rpartition(".")[2] in _PATHS and value[:1] not in ("", "'", '"') and value != "null":
            escaped = value.replace("'", "\\'")
            word = f"{key}='{escaped}'"
        words.append(word if key.startswith(("+", "~")) else f"++{word}")
    return words


def _hydra(conf: Path, words: Sequence[str]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            composed = hydra_compose("config", overrides=list(words))
    except (HydraException, ValueError) as error:
        raise SynthgainError(f"configuration: {_unknown_choice(conf, words) or _first_line(error)}") from None
    OmegaConf.set_struct(composed, False)
    return composed


def _generators(composed: Any) -> dict[str, Any]:
    """The generators' sections by name; raises `SynthgainError` where one is something else."""
    from omegaconf import OmegaConf

    if (found := composed.get("generators")) is None:
        return {}
    named = {f"generators.{name}": found[name] for name in found} if OmegaConf.is_dict(found) else {"generators": found}
    for key, value in named.items():
        if not OmegaConf.is_dict(value):
            raise SynthgainError(f"{key}: expected keys with values, got {value!r}")
    return dict(found)


def _again(composed: Any, words: Sequence[str], conf: Path) -> None:
    """Give the command line the last word over what was merged after Hydra composed."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    for override in OverridesParser.create().parse_overrides(list(words)):
        key = override.key_or_group
        if (conf / key).is_dir() or override.is_delete():
            continue
        keys = [key]
        if key.startswith(_EACH + "."):
            keys = [key.replace(_EACH, f"generators.{name}", 1) for name in _learning(composed)]
        for place in keys:
            OmegaConf.update(composed, place, override.value(), force_add=True)


def _learning(composed: Any) -> list[str]:
    """The generators that are trained."""
    own = {name: each for name, each in _generators(composed).items() if "weights" not in each and "kind" in each}
    return [name for name, each in own.items() if learns(each.kind)]


def _unknown_choice(conf: Path, words: Sequence[str]) -> str | None:
    for word in words:
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
    if unset := re.search(r"Environment variable '(\w+)' not found", str(error)):
        where = ": it names the folder of the studies' data sets (docs/datasets.md)" if unset[1] == DATASETS else ""
        return f"{key}: the environment variable {unset[1]} is not set{where}; set it, or give {key}=..."
    return str(error).strip().partition("\n")[0]


def _with_raw(values: dict[str, Any], paths: Paths) -> dict[str, Any]:
    """Fill in ``dataset.raw``: where the raw data stand in the workspace once DVC has them."""
    dataset = values.get("dataset")
    if not isinstance(dataset, dict) or not isinstance(dataset.get("source"), dict):
        return values
    given, kind = dataset.get("path"), str(dataset["source"].get("kind"))
    if draws(kind):
        if given:
            others = ", ".join(f"dataset={other}" for other in kinds("sources") if not draws(other))
            raise SynthgainError(
                f"dataset.path: {given}: the source '{kind}' draws its images and reads none; say how yours are laid "
                f"out: {others}"
            )
        dataset["raw"] = f"src/synthgain/sources/{kind}.py"
        return values
    if not given:
        raise SynthgainError("dataset.path: a value is needed: dataset.path=...")
    path = Path(str(given)).expanduser()
    path = path if path.is_absolute() else paths.root / path
    if not path.exists():
        raise SynthgainError(f"dataset.path: {given}: no such file or folder")
    if path.suffix.lower() == ".csv":
        dataset["source"].setdefault("manifests", [{"file": path.name}])
        path = path.parent
    _check_apart(given, path.resolve(), paths)
    dataset["path"] = str(path)
    if path.resolve().is_relative_to(paths.root.resolve()):
        dataset["raw"] = path.resolve().relative_to(paths.root.resolve()).as_posix()
    else:
        dataset["raw"] = f"data/raw/{dataset.get('name')}" + (path.suffix if path.is_file() else "")
    return values


def _check_apart(given: str, raw: Path, paths: Paths) -> None:
    """Raw data hold no workspace and no outputs, which each run would change, nor are they such an output."""
    data = paths.data.resolve()
    holds = any(own.is_relative_to(raw) for own in (paths.root.resolve(), data))
    if holds or (raw.is_relative_to(data) and not raw.is_relative_to(paths.raw.resolve())):
        raise SynthgainError(
            f"dataset.path: {given}: {raw} holds this workspace or its outputs; raw data need a folder of their own"
        )


def _check_controls(config: Config) -> None:
    for name, generator in config.generators.items():
        if generator.kind == "oracle" and not draws(config.dataset.source.kind):
            raise SynthgainError(
                f"generators.{name}: an oracle draws true images, which the source '{config.dataset.source.kind}' "
                "cannot; leave it out: control=copies"
            )
