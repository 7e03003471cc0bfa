"""A toy workspace with all artifacts that the report reads, and its rendered page."""

from types import ModuleType
from typing import Any

import pytest

from synthgain.paths import Paths
from synthgain.report import material, page
from synthgain.report.results_page import results_json


@pytest.fixture(scope="session")
def workspace(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return toy.build(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="session")
def gathered(toy: ModuleType, workspace: Paths) -> material.Material:
    return material.gather(toy.config(), workspace)


@pytest.fixture(scope="session")
def results(gathered: material.Material) -> dict[str, Any]:
    """The numbers of the result page, after a run of some facts."""
    facts = {"command": "synthgain run", "commit": "0123abc", "hardware": "2 CPU cores", "wall_seconds": 240.0}
    return results_json(gathered, "phantom", facts | {"test_uses": 3})


@pytest.fixture(scope="session")
def drawn(gathered: material.Material) -> dict[str, page.Drawn]:
    return page.draw(gathered)


@pytest.fixture(scope="session")
def rendered(gathered: material.Material) -> page.Page:
    """Drawn anew, so that it shows whether figures are the same each time."""
    return page.render(gathered)
