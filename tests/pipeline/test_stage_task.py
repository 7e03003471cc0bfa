"""Which stages take turns on the GPU."""

import ast
from pathlib import Path

from synthgain.paths import STAGES

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
