"""Simulated studies for the statistics."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def simulated() -> ModuleType:
    """The builder of predictions tables beside this file."""
    spec = importlib.util.spec_from_file_location("simulated", Path(__file__).with_name("simulated.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
