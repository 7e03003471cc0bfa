"""Toy workspaces for the stages that train classifiers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from synthgain.paths import Paths
from synthgain.stages import confirm, screen


@pytest.fixture(scope="session")
def bars() -> ModuleType:
    """The builder of the toy workspace, tests/arms/toy.py."""
    spec = importlib.util.spec_from_file_location("bars", Path(__file__).parents[1] / "arms" / "toy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def confirmed(bars: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A toy workspace up to the confirmation, of each test module's own."""
    cfg = bars.experiment(arms={"ratios": [1.0]})
    paths = bars.build(tmp_path_factory.mktemp("confirmed"), cfg)
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    return paths
