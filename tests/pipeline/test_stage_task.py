"""Which stages take turns on the GPU, and which failures are worth another attempt."""

import ast
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synthgain.paths import STAGES, Paths

ASKS = {"device", "bench"}
"""Functions that choose the device: `compute.device`, and `trial.bench`, whose trainings call it."""


def called(path: Path) -> set[str]:
    """The names of the functions that a source file calls."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {each.attr if isinstance(each, ast.Attribute) else each.id for each in calls if hasattr(each, "ctx")}


def gpu_stages(root: Path) -> set[str]:
    assigned = [node for node in ast.parse((root / "flows" / "stage_task.py").read_text()).body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "GPU_STAGES"]  # fmt: skip
    return set(ast.literal_eval(assigned[0].value))


def test_every_stage_that_uses_the_device_takes_turns_on_the_gpu(root: Path) -> None:
    asking = {path.stem for path in (root / "src" / "synthgain" / "stages").glob("*.py") if called(path) & ASKS}
    assert {"audit", "confirm", "encode", "synthesize"} <= asking
    assert asking - gpu_stages(root) == set()
    assert gpu_stages(root) <= set(STAGES)


@pytest.mark.parametrize(
    ("ends", "again"),
    [
        ("kill -9 $$", True),
        ("echo 'ERROR: failed to reproduce: command exited with 137'; exit 255", True),
        ("echo 'synthgain: 137 images lack a label'; exit 255", False),
        ("exit 3", False),
    ],
)
def test_only_a_stage_that_was_killed_is_worth_a_second_attempt(
    ends: str, again: bool, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(root / "flows")
    import stage_task

    told: list[str] = []
    watch: Any = SimpleNamespace(failed=lambda stage, message: told.append(message))
    monkeypatch.setattr(stage_task, "get_run_logger", lambda: logging.getLogger("stage"))
    monkeypatch.setattr(stage_task, "command", lambda *_: ["bash", "-c", ends])
    state = stage_task._reproduced(Paths(tmp_path), "audit@edm", watch)
    assert stage_task.run_stage.retry_condition_fn(stage_task.run_stage, None, state) == again
    assert stage_task.run_stage.retries == 1
    assert told[0].startswith("stage audit@edm failed\n")
    assert state.message == told[0]
