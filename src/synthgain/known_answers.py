"""The instrument, trained for real where the answer is known: the phantom with controls in place of generators.

Fresh true images (`oracle`) must be a gain; real images once more (`duplicate`), noise, and true images under the
labels of one another (`shuffled`) must never be one.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from synthgain import artifact, stages
from synthgain.arms import trial
from synthgain.arms.arm import parse
from synthgain.compose import compose
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.evaluation import gain
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.paths import Paths
from synthgain.seeding import derive

BASELINE, STRONGER = "classic", "oracle"
SHUFFLED = "shuffled-oracle-r2"
EXPECTED = {STRONGER: "gain", "duplicate": "no gain", "noise": "no gain", SHUFFLED: "no gain"}
TRAININGS = 32
"""Of each arm in the pool."""
_STUDY = (
    "generator=[]", "control=[copies,noise,oracle]", "screening.seeds=1", "arms.ratios=[2.0]", "curve.seeds=0",
    f"arms.baselines=[{BASELINE}]", f"arms.always=[{BASELINE},duplicate,noise,{SHUFFLED},{STRONGER}]",
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


def rows(cfg: Config, paths: Paths) -> list[dict[str, Any]]:
    """A row per arm with a known answer: arm, expected, word, difference to `BASELINE`.

    The baseline is fixed, because a screening may choose `duplicate`, which then would not be compared with anything.

    Raises
    ------
    SynthgainError
        One of the arms was not confirmed.
    """
    confirmed = artifact.read(paths.out("confirm"))
    table = pd.read_parquet(confirmed.file("predictions.parquet"))
    predictions = from_table(table, confirmed.json("models/config.json")["classes"])
    for arm in EXPECTED:
        if arm not in predictions.arms:
            raise SynthgainError(
                f"known answers: arm '{arm}' was not confirmed, so it cannot be compared (there are: "
                f"{', '.join(predictions.arms)}); data/screen/plan.json says why"
            )
    claim = {"candidate": STRONGER, "baseline": BASELINE, **cfg.claim.model_dump()}
    gains = gain.evaluate(predictions, claim, cfg.evaluation, derive(cfg.seed, "known answers"))
    found = {contrast["candidate"]: contrast for contrast in (gains["headline"], *gains["secondary"])}
    return [
        {"arm": arm, "expected": expected, "word": found[arm]["word"], "difference": found[arm]["difference"]}
        for arm, expected in EXPECTED.items()
    ]


def pool(cfg: Config, paths: Paths, trainings: int = TRAININGS) -> Predictions:
    """What ``trainings`` trainings each of `STRONGER` and of `BASELINE`, with seeds of their own, predict on test."""
    arms = [parse(STRONGER).at(cfg.arms.ratios[0]), parse(BASELINE)]
    trials = [
        trial.Trial(arm, index, derive(cfg.seed, "pool", index), ("test",))
        for arm in arms for index in range(trainings)
    ]  # fmt: skip
    results = trial.run_all(trial.bench(paths, cfg, arms), trials, "training the pool")
    classes = artifact.read(paths.out("confirm")).json("models/config.json")["classes"]
    return from_table(trial.collect(trials, results, trial.PREDICTIONS), classes)
