"""What all tests share: one CPU thread, no telemetry, where the public data sets are."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

for name, value in {
    "MLFLOW_DISABLE_TELEMETRY": "true", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1",
}.items():  # fmt: skip
    os.environ.setdefault(name, value)

ROOT = Path(__file__).resolve().parents[1]
_BESIDE = ROOT.parent / "shared" / "datasets"
if "SYNTHGAIN_DATASETS" not in os.environ and _BESIDE.is_dir():
    os.environ["SYNTHGAIN_DATASETS"] = str(_BESIDE)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder with the public data sets of docs/datasets.md; tests that need it are skipped without it."""
    folder = os.environ.get("SYNTHGAIN_DATASETS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SYNTHGAIN_DATASETS is not set: see docs/datasets.md")
    return Path(folder)


@pytest.fixture(scope="session")
def module_at() -> Callable[[Path], ModuleType]:
    """Loads a file of helpers, which several folders have under the same name."""

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def toy(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The builder of a finished toy workspace, tests/report/toy.py; tests/arms has one of its own."""
    return module_at(ROOT / "tests" / "report" / "toy.py")
