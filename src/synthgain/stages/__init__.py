"""One function per stage: read inputs, call the components, write outputs."""

import importlib

from synthgain.config import Config
from synthgain.paths import POOLING, Paths


def run(name: str, cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Run the stage ``name`` (for its ``item``, where it has one per generator), in a cross-validation fold by fold."""
    module = importlib.import_module(f"synthgain.stages.{name}")
    for fold in (None,) if name in POOLING else cfg.folds:
        if fold is not None:
            print(f"fold {fold + 1} of {len(cfg.folds)}", flush=True)
        module.run(cfg, paths.at(fold), item)
