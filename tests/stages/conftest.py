"""Toy workspaces for the stages that train classifiers."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from synthgain.paths import Paths
from synthgain.stages import confirm, screen


@pytest.fixture(scope="session")
def bars(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The builder of the toy workspace, tests/arms/toy.py."""
    return module_at(Path(__file__).parents[1] / "arms" / "toy.py")


@pytest.fixture(scope="module")
def confirmed(bars: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A toy workspace up to the confirmation, of each test module's own."""
    cfg = bars.experiment(arms={"ratios": [1.0]})
    paths = bars.build(tmp_path_factory.mktemp("confirmed"), cfg)
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    return paths
