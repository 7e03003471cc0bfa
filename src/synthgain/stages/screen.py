"""Compare all arms on the validation split and declare what will be confirmed. No test image is predicted."""

from synthgain import artifact, dataset
from synthgain.arms import plan, trial
from synthgain.arms.arm import candidates
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/screen``: ``screening.parquet``, ``scores.csv`` and ``plan.json``."""
    arms = candidates(cfg)
    seeds = [derive(cfg.seed, "screen", index) for index in range(cfg.screening.seeds)]
    trials = [trial.Trial(arm, index, seed, ("val",)) for arm in arms for index, seed in enumerate(seeds)]
    checked = artifact.read(paths.out("validate"))
    bench = trial.bench(paths, cfg.classifier, cfg.arms.augmentation, cfg.compute, arms)
    results = trial.run_all(bench, trials, "screening")
    predictions = trial.collect(trials, results, trial.PREDICTIONS)
    scores = plan.scores(predictions, dataset.read(paths.out("ingest")).classes)
    declared = plan.choose(scores, cfg)
    settings = {"classifier": cfg.classifier, "arms": cfg.arms, "screening": cfg.screening, "claim": cfg.claim}
    with artifact.writing(
        paths.out("screen"), stage="screen",
        config={name: value.model_dump(mode="json") for name, value in settings.items()},
        inputs=bench.inputs | {"validate": checked.sha256}, seeds={"screen": seeds},
    ) as draft:  # fmt: skip
        predictions.to_parquet(draft.path / "screening.parquet", index=False)
        scores.to_csv(draft.path / "scores.csv", index=False)
        (draft.path / "plan.json").write_bytes(artifact.canonical(declared))
        draft.counts.update(arms=len(arms), trials=len(trials))
    headline = declared["headline"]
    print(
        f"declared: {headline['candidate']} against {headline['baseline']}; confirming {len(declared['confirm'])} arms"
    )
