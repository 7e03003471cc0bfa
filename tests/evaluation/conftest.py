"""Simulated studies for the statistics."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def simulated(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The builder of predictions tables beside this file."""
    return module_at(Path(__file__).with_name("simulated.py"))
