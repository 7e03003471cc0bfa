"""Compare all arms on the validation split and declare what will be confirmed. No test image is predicted."""

import numpy as np

from synthgain import artifact, dataset
from synthgain.arms import plan, trial, tuning
from synthgain.arms.arm import Arm, candidates, is_control
from synthgain.arms.stream import lacks
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/screen``: ``screening.parquet``, ``tuning.csv``, its best rows as ``scores.csv``, ``plan.json``."""
    arms, left_out = _trainable(cfg, paths)
    seeds = [derive(cfg.seed, "screen", index) for index in range(cfg.screening.seeds)]
    tried = tuning.settings(cfg.screening.tuning, cfg.seed)
    trials = [
        trial.Trial(arm, index, seed, ("val",), setting)
        for setting in tried for arm in arms for index, seed in enumerate(seeds)
    ]  # fmt: skip
    checked = artifact.read(paths.out("validate"))
    bench = trial.bench(paths, cfg, arms)
    results = trial.run_all(bench, trials, "screening")
    predictions = trial.collect(trials, results, trial.PREDICTIONS)
    predictions.insert(1, "setting", np.repeat(np.arange(len(tried)), len(predictions) // len(tried)))
    tuned = plan.scores(predictions, dataset.read(paths.out("ingest")).classes)
    scores = plan.best_settings(tuned, cfg.claim.metric)
    declared = plan.choose(scores, cfg, [each.described() for each in tried], left_out)
    settings = {"classifier": cfg.classifier, "arms": cfg.arms, "screening": cfg.screening, "claim": cfg.claim}
    with artifact.writing(
        paths.out("screen"), stage="screen",
        config={name: value.model_dump(mode="json") for name, value in settings.items()},
        inputs=bench.inputs | {"validate": checked.sha256}, seeds={"screen": seeds},
    ) as draft:  # fmt: skip
        predictions.to_parquet(draft.path / "screening.parquet", index=False)
        tuned.to_csv(draft.path / "tuning.csv", index=False)
        scores.to_csv(draft.path / "scores.csv", index=False)
        (draft.path / "plan.json").write_bytes(artifact.canonical(declared))
        draft.counts.update(arms=len(arms), settings=len(tried), trials=len(trials))
    headline = declared["headline"]
    print(
        f"declared: {headline['candidate']} against {headline['baseline']}; confirming {len(declared['confirm'])} arms"
    )


def _trainable(cfg: Config, paths: Paths) -> tuple[list[Arm], list[str]]:
    """The candidates whose synthetic part has every class, and why the others were left out."""
    real, arms, left_out = dataset.read(paths.out("ingest")), [], []
    pools = {name: dataset.read(paths.out("synthesize", name)) for name in cfg.generators}
    facts = (artifact.read(paths.out("synthesize", name)).manifest["facts"] for name in cfg.generators)
    left_out += [each["collapsed"] for each in facts if "collapsed" in each]
    for arm in candidates(cfg):
        drawn = [pools[name] for name in cfg.trainings(arm.generator)] if arm.generator else []
        fault = next(filter(None, (lacks(arm, pool, len(real.rows("train"))) for pool in drawn)), None)
        if fault is None:
            arms.append(arm)
        else:
            print(f"left out: {fault}", flush=True)
            left_out.append(f"left out: {fault}")
    trained = {name for name, generator in cfg.generators.items() if not is_control(generator)}
    if trained and not any(arm.generator in trained for arm in arms):
        raise SynthgainError("no synthetic arm can be trained\n" + "\n".join(left_out))
    return arms, left_out
