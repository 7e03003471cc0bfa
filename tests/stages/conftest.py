"""Toy workspaces for the stages that train classifiers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def bars() -> ModuleType:
    """The builder of the toy workspace, tests/arms/toy.py."""
    spec = importlib.util.spec_from_file_location("bars", Path(__file__).parents[1] / "arms" / "toy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
