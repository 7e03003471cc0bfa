"""A toy workspace with all artifacts that the report reads, and its rendered page."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from synthgain.paths import Paths
from synthgain.report import material, page


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The builder of the toy workspace, tests/report/toy.py."""
    spec = importlib.util.spec_from_file_location("report_toy", Path(__file__).with_name("toy.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def workspace(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return toy.build(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="session")
def gathered(toy: ModuleType, workspace: Paths) -> material.Material:
    return material.gather(toy.config(), workspace)


@pytest.fixture(scope="session")
def drawn(gathered: material.Material) -> dict[str, page.Drawn]:
    return page.draw(gathered)


@pytest.fixture(scope="session")
def rendered(gathered: material.Material) -> page.Page:
    """Drawn anew, so that it shows whether figures are the same each time."""
    return page.render(gathered)
