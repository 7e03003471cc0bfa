"""The instrument, trained for real where the answer is known: the phantom with controls in place of generators.

Fresh true images (`oracle`) must be a gain; real images once more (`duplicate`), noise, and true images under the
labels of one another (`shuffled`) must never be one.
"""

from pathlib import Path
from typing import Any

from synthgain import artifact, stages
from synthgain.compose import compose
from synthgain.config import Config
from synthgain.paths import Paths

SHUFFLED = "shuffled-oracle-r1"
EXPECTED = {"oracle": "gain", "duplicate": "no gain", "noise": "no gain", SHUFFLED: "no gain"}
_STUDY = (
    "generator=[]", "control=[copies,noise,oracle]", "screening.seeds=1", "arms.ratios=[1.0]", "curve.seeds=0",
    "arms.baselines=[classic]", f"arms.always=[classic,duplicate,noise,{SHUFFLED},oracle]",
)  # fmt: skip


def study(workspace: Path, folder: Path, *overrides: str) -> tuple[Config, Paths]:
    """Run the study in the empty ``folder`` with the configuration and source of ``workspace``, up to the verdict."""
    for name in ("conf", "src"):
        (folder / name).symlink_to(workspace / name)
    paths = Paths(folder)
    cfg = compose(paths, [*_STUDY, *overrides])
    for stage in ("ingest", "validate", "encode"):
        stages.run(stage, cfg, paths)
    for stage, generators in cfg.per_generator.items():
        for generator in generators:
            stages.run(stage, cfg, paths, generator)
    for stage in ("screen", "confirm", "learning_curve", "evaluate"):
        stages.run(stage, cfg, paths)
    return cfg, paths


def rows(paths: Paths) -> list[dict[str, Any]]:
    """A row per arm with a known answer: arm, expected, word, difference to the baseline."""
    gains = artifact.read(paths.out("evaluate")).json("gains.json")
    found = {contrast["candidate"]: contrast for contrast in (gains["headline"], *gains["secondary"])}
    return [
        {"arm": arm, "expected": expected, "word": found[arm]["word"], "difference": found[arm]["difference"]}
        for arm, expected in EXPECTED.items()
        if arm in found
    ]
