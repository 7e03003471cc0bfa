"""A toy workspace with all artifacts that the report reads, and its rendered page."""

from types import ModuleType

import pytest

from synthgain.paths import Paths
from synthgain.report import material, page


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
