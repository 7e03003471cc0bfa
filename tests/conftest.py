"""What all tests share: one CPU thread, no telemetry, where the public data sets are."""

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

for name, value in {
    "MLFLOW_DISABLE_TELEMETRY": "true", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1",
}.items():  # fmt: skip
    os.environ.setdefault(name, value)

ROOT = Path(__file__).resolve().parents[1]
_ONE_WORKSPACE = tuple(f"tests/pipeline/test_{name}.py" for name in ("chain", "crash", "services"))
"""Files whose tests follow one another in a workspace in which the main job has run."""
_ALSO_LONG = ("tests/pipeline/test_experiments.py", "tests/pipeline/test_own_data.py", "tests/test_known_answers.py")

_BESIDE = ROOT.parent / "shared" / "datasets"
if "SYNTHGAIN_DATASETS" not in os.environ and _BESIDE.is_dir():
    os.environ["SYNTHGAIN_DATASETS"] = str(_BESIDE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(_ONE_WORKSPACE + _ALSO_LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a file, and those of all files with one workspace, run in one process, one after the other."""
    from xdist.scheduler import LoadFileScheduling

    class ByWorkspace(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return _ONE_WORKSPACE[0] if file in _ONE_WORKSPACE else file

    config.option.loadscopereorder = False
    return ByWorkspace(config, log)


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
def soon() -> Callable[..., bool]:
    """Whether something comes to hold within some seconds."""

    def soon(holds: Callable[[], bool], seconds: float = 20) -> bool:
        deadline = time.monotonic() + seconds
        while not (held := holds()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return held

    return soon


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
