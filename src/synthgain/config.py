"""What an experiment is: Hydra composes ``conf/``, frozen models type it, ``params.yaml`` holds the result.

Unknown keys are refused, by name, with the nearest valid one. Components (sources, generators, classifiers) bring their
own ``Config``; the file name is the registry.
"""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, SerializeAsAny, ValidationError, field_validator

from synthgain.cell import Cell
from synthgain.errors import SynthgainError, nearest
from synthgain.schema import (
    SECRET,
    Arms,
    Claim,
    ClassifierConfig,
    Compute,
    Curve,
    Dataset,
    Evaluation,
    Explain,
    Fairness,
    Fidelity,
    GeneratorConfig,
    Name,
    Positive,
    Privacy,
    Screening,
    Strict,
    Synthesis,
    Tracking,
)

FOR_DVC = "for_dvc"
"""Key of ``params.yaml`` that follows from the others: `Config.for_dvc`."""


class Config(Strict):
    seed: int = 0
    """Base of all randomness."""
    seeds: Positive = 8
    """Fresh confirmation seeds."""
    generator_seeds: Literal["one", "paired"] = "one"
    """Train each generator once, and claim something about this training; or once for each confirmation seed."""
    dataset: Dataset
    generators: dict[Name, SerializeAsAny[GeneratorConfig]] = Field(default_factory=dict)
    synthesis: Synthesis = Synthesis()
    classifier: SerializeAsAny[ClassifierConfig]
    arms: Arms = Arms()
    screening: Screening = Screening()
    curve: Curve = Curve()
    claim: Claim = Claim()
    evaluation: Evaluation = Evaluation()
    fidelity: Fidelity = Fidelity()
    fairness: Fairness = Fairness()
    privacy: Privacy = Privacy()
    explain: Explain = Explain()
    tracking: Tracking = Tracking()
    compute: Compute = Compute()

    @field_validator("generators")
    @classmethod
    def _own_weights(cls, generators: dict[str, GeneratorConfig]) -> dict[str, GeneratorConfig]:
        return {
            name: each if each.weights else each.model_copy(update={"weights": name})
            for name, each in generators.items()
        }

    @property
    def weights(self) -> tuple[str, ...]:
        """The generators that have weights of their own."""
        return tuple(name for name, each in self.generators.items() if each.weights == name)

    @property
    def for_dvc(self) -> dict[str, dict[str, dict[str, str]]]:
        """What ``dvc.yaml`` goes through: generators with weights of their own and all, with the files of their family.

        A family that has all in one file has no ``networks``; the package's own file stands in for them.
        """
        package, about = Path(__file__).parent, {}
        for name, each in self.generators.items():
            own = f"{each.kind}.py" if (package / f"generators/models/{each.kind}.py").is_file() else "__init__.py"
            networks = f"src/synthgain/generators/models/{own}"
            about[name] = {"kind": each.kind, "weights": str(each.weights), "networks": networks}
        return {"weights": {name: dict(about[name]) for name in self.weights}, "generators": about}

    @property
    def per_generator(self) -> dict[str, tuple[str, ...]]:
        """The stages that run once for each generator, and for which of them."""
        return {"train_generator": self.weights} | dict.fromkeys(("synthesize", "audit"), tuple(self.generators))

    @property
    def name(self) -> str:
        """What its runs are called: the generators, without those that follow from others, and the classifier."""
        own = (name for name, each in self.generators.items() if each.weights == name and each.repeats is None)
        return f"{'+'.join(own)} {self.classifier.kind}"

    def trainings(self, generator: str) -> tuple[str, ...]:
        """``generator`` and its further trainings: that of the first confirmation seed, of the second, ..."""
        return (generator, *(name for name, each in self.generators.items() if each.repeats == generator))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every nested study: for each level of labels, each test fold of a cross-validation."""
        levels = self.dataset.labels
        folds = range(self.dataset.split.folds) if self.dataset.split.folds else (None,)
        return tuple(Cell(None if levels == (1.0,) else labels, fold) for labels in levels for fold in folds)

    @property
    def claimed(self) -> tuple[Cell, ...]:
        """The cells that the claim is about: those at the first level of labels."""
        return tuple(cell for cell in self.cells if cell.labels == self.cells[0].labels)


def kinds(package: str) -> list[str]:
    """Names of the components in a package: its files that define a ``Config``."""
    folder = Path(__file__).parent / package
    return sorted(p.stem for p in folder.glob("*.py") if re.search(r"^class Config\b", p.read_text(), re.MULTILINE))


def component(package: str, kind: str) -> Any:
    """The module ``synthgain.<package>.<kind>``; raises `SynthgainError` with the nearest valid kind."""
    if kind not in kinds(package):
        raise SynthgainError(f"{package}: unknown kind '{kind}'{nearest(str(kind), kinds(package))}")
    return importlib.import_module(f"synthgain.{package}.{kind}")


def learns(kind: str) -> bool:
    """Whether generators of this kind are trained; controls are not."""
    return component("generators", kind).Config.model_fields["training"].default is not None


def draws(kind: str) -> bool:
    """Whether sources of this kind draw their images, as many as are wanted; such a source reads no raw data."""
    return hasattr(component("sources", kind), "draw")


def load(values: Mapping[str, Any]) -> Config:
    """Type plain values; raises `SynthgainError` naming every offending key."""
    values = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    dataset = values.get("dataset")
    if isinstance(dataset, dict) and "source" in dataset:
        dataset["source"] = _typed("sources", dataset["source"], "dataset.source")
    if isinstance(values.get("generators"), dict):
        values["generators"] = {
            name: _typed("generators", value, f"generators.{name}") for name, value in values["generators"].items()
        }
    if "classifier" in values:
        values["classifier"] = _typed("classifiers", values["classifier"], "classifier")
    return _validated(Config, values, "")


def read(path: Path) -> Config:
    """The configuration in ``params.yaml``."""
    from synthgain import strict_yaml

    if not path.is_file():
        raise SynthgainError(f"{path}: not found; 'synthgain run' or 'synthgain compose --write' creates it")
    values = strict_yaml.read(path)
    if not isinstance(values, Mapping):
        raise SynthgainError(f"{path}: expected a mapping, got {values!r}")
    return load({key: value for key, value in values.items() if key != FOR_DVC})


def _typed(package: str, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        raise SynthgainError(f"{where}: expected a mapping with a 'kind' ({', '.join(kinds(package))}), got {value!r}")
    if package == "generators" and value.get("training") is not None and not learns(value["kind"]):
        raise SynthgainError(f"{where}.training: the control '{value['kind']}' is not trained; leave it out")
    return _validated(component(package, value["kind"]).Config, value, where)


def _validated(model: type[Strict], values: Mapping[str, Any], where: str) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_explain(model, item, where) for item in error.errors()]
        raise SynthgainError("configuration refused:\n  " + "\n  ".join(lines)) from None


def _explain(model: type[Strict], item: Any, where: str) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(filter(None, [where, *location]))
    if item["type"] != "extra_forbidden":
        return f"{key}: {item['msg']}" + ("" if item["type"] in ("missing", SECRET) else f" (given: {item['input']!r})")
    owner = model
    for part in location[:-1]:
        field = owner.model_fields.get(part)
        owner = (field and _section(field.annotation)) or owner
    return f"{key}: unknown key{nearest(location[-1], owner.model_fields)}"


def _section(annotation: Any) -> type[Strict] | None:
    """The section that a field of this type holds, also where it is optional or one of several by name."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next(filter(None, map(_section, get_args(annotation))), None)
