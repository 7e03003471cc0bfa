"""One function per stage: read inputs, call the components, write outputs."""

import importlib

from synthgain import compute
from synthgain.config import Config
from synthgain.paths import POOLING, Paths

_AT_ONCE = (*POOLING, "ingest")
"""Stages that go through the cells themselves; ingest reads the raw data once for all of them."""

_SIDE_BY_SIDE = ("screen", "confirm", "learning_curve")
"""Stages whose trainings run in processes of their own."""


def run(name: str, cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Run the stage ``name`` (for its ``item``, where it has one per generator), in each cell of the study."""
    if name in _SIDE_BY_SIDE and cfg.compute.workers > 1:
        compute.begin_importing("synthgain.arms.trial", "pytorch_lightning")  # beside what this process imports itself
    module = importlib.import_module(f"synthgain.stages.{name}")
    if name in _AT_ONCE:
        module.run(cfg, paths, item)
        return
    for cell in cfg.cells:
        if len(cfg.cells) > 1:
            print(str(cell), flush=True)
        module.run(cfg, paths.at(cell), item)
