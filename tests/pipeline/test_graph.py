"""dvc.yaml, the stage modules and paths.py say the same."""

import ast
from pathlib import Path

import pytest
import yaml

from synthgain import config
from synthgain.paths import STAGES, Paths
from synthgain.schema import ClassifierConfig, Dataset, GeneratorConfig, SourceConfig

CORE = {
    "artifact", "cell", "config", "errors", "failpoint", "forked", "lifeline", "paths", "progress", "schema",
    "strict_yaml",
}  # fmt: skip
"""Modules whose change alters no result: they are no dependency of any stage."""
MINIMAL = {"dataset": Dataset(name="x", source=SourceConfig(kind="folder")), "classifier": ClassifierConfig(kind="cnn")}


def stages(root: Path) -> dict[str, dict]:
    found = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return {name: entry.get("do", entry) for name, entry in found.items()}


def imported(root: Path, module: str, seen: set[str] | None = None) -> set[str]:
    """Names of the project's modules that ``module`` reaches through imports, itself included."""
    seen = set() if seen is None else seen
    path = root / "src" / (module.replace(".", "/") + ".py")
    if module in seen or not path.is_file():
        return seen
    seen.add(module)
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith("synthgain."):
                imported(root, name, seen)
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_a_module_an_entry_and_the_output_that_paths_says(root: Path, stage: str) -> None:
    entry = stages(root)[stage]
    assert (root / "src" / "synthgain" / "stages" / f"{stage}.py").is_file()
    per_item = "${key}" in entry["cmd"]
    assert entry["cmd"] == f"synthgain stage {stage}" + (" ${key}" if per_item else "")
    expected = Paths(root).out(stage, "${key}" if per_item else None).relative_to(root).as_posix()
    assert entry["outs"] == [expected]


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_a_stage_imports_is_among_its_dependencies(root: Path, stage: str) -> None:
    deps = [dep.removeprefix("src/") for dep in stages(root)[stage]["deps"]]
    covered = [dep.removesuffix(".py").replace("/", ".") for dep in deps]
    for module in imported(root, f"synthgain.stages.{stage}"):
        if module.split(".")[1] in CORE or module.endswith("__init__"):
            continue
        assert any(module == dep or module.startswith(dep + ".") for dep in covered), f"{stage} misses {module}"


@pytest.mark.parametrize("stage", ["train_generator", "synthesize", "audit"])
@pytest.mark.parametrize("kind", config.kinds("generators"))
def test_the_family_of_its_generator_is_too_with_all_that_it_imports(root: Path, stage: str, kind: str) -> None:
    cfg = config.Config(**MINIMAL, generators={"it": config.component("generators", kind).Config()})
    item = cfg.for_dvc["generators"]["it"]
    deps = [dep.replace("${item.networks}", item["networks"]) for dep in stages(root)[stage]["deps"]]
    deps = [dep.replace("${item.kind}", item["kind"]).removeprefix("src/") for dep in deps]
    covered = [dep.removesuffix(".py").replace("/", ".") for dep in deps]
    reached = {module for own in (kind, f"models.{kind}") for module in imported(root, f"synthgain.generators.{own}")}
    assert f"synthgain.generators.{kind}" in reached
    for module in reached:
        if module.split(".")[1] not in CORE and not module.endswith("__init__"):
            assert any(module == dep or module.startswith(dep + ".") for dep in covered), f"{stage} misses {module}"


def test_a_family_of_one_file_needs_no_other(root: Path) -> None:
    cfg = config.Config(**MINIMAL, generators={"it": GeneratorConfig(kind="mine")})
    networks = cfg.for_dvc["weights"]["it"]["networks"]
    assert (root / networks).is_file()
    assert networks.endswith("/models/__init__.py")


def test_no_stage_is_left_over(root: Path) -> None:
    assert set(stages(root)) == set(STAGES)
