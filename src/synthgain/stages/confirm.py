"""Train the declared arms with fresh seeds, and predict the test split once with each."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from synthgain import artifact, dataset
from synthgain.arms import plan, trial
from synthgain.arms.arm import Arm
from synthgain.arms.ledger import record_test_use
from synthgain.arms.tuning import Setting
from synthgain.artifact import Artifact
from synthgain.classifiers.scores import balanced_accuracy, log_loss
from synthgain.config import Config
from synthgain.dataset import ImageSet, label_indices
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/confirm``: ``predictions.parquet``, ``history.csv`` and the best classifier of each arm in ``models``."""
    screened = artifact.read(paths.out("screen"))
    images = dataset.read(paths.out("ingest"))
    declared = screened.json("plan.json")
    arms = plan.declared_arms(declared)
    seeds = [derive(cfg.seed, "confirm", index) for index in range(cfg.seeds)]
    settings = {name: Setting(**values) for name, values in declared["settings"].items()}
    trials = [
        trial.Trial(_drawn_for(cfg, arm, index), index, seed, ("val", "test"), settings[arm.name])
        for arm in arms for index, seed in enumerate(seeds)
    ]  # fmt: skip
    bench = trial.bench(paths, cfg, [each.arm for each in trials])
    uses = record_test_use(paths, images, artifact.digest([declared["declared"], *map(bench.key, trials)]))
    print(f"test split predicted {uses} time{'s' if uses > 1 else ''} with this data", flush=True)
    results = trial.run_all(bench, trials, "confirmation")
    predictions = trial.collect(trials, results, trial.PREDICTIONS)
    trainings = {arm.name: len(cfg.trainings(arm.generator)) if arm.generator else 1 for arm in arms}
    predictions.insert(2, "generator_seed", predictions["seed"] % predictions["arm"].map(trainings))
    predictions.insert(3, "fraction", 1.0)
    shared = {"classifier": cfg.classifier, "augmentation": cfg.arms.augmentation}
    with artifact.writing(
        paths.out("confirm"), stage="confirm",
        config={name: value.model_dump(mode="json") for name, value in shared.items()},
        inputs=bench.inputs | {"screen": screened.sha256}, seeds={"confirm": seeds},
    ) as draft:  # fmt: skip
        predictions.to_parquet(draft.path / "predictions.parquet", index=False)
        trial.collect(trials, results, trial.HISTORY).to_csv(draft.path / "history.csv", index=False)
        _write_models(draft.path / "models", cfg, images, trials, results)
        draft.counts.update(arms=len(arms), trials=len(trials), test=len(images.rows("test")))


def _drawn_for(cfg: Config, arm: Arm, index: int) -> Arm:
    """``arm`` with the training of its generator for a confirmation seed: the only one, or one of its own."""
    if arm.generator is None:
        return arm
    trainings = cfg.trainings(arm.generator)
    return replace(arm, generator=trainings[index % len(trainings)])


def _write_models(
    folder: Path, cfg: Config, images: ImageSet, trials: Sequence[trial.Trial], results: Sequence[Artifact]
) -> None:
    """Of each arm, the weights of the seed that did best on validation."""
    folder.mkdir()
    best: dict[str, tuple[tuple[float, float], int, Artifact]] = {}
    for each, found in zip(trials, results, strict=True):
        rank = _validation_rank(pd.read_parquet(found.file(trial.PREDICTIONS)), images.classes)
        if each.arm.name not in best or rank > best[each.arm.name][0]:
            best[each.arm.name] = rank, each.index, found
    for arm, (_, _, found) in best.items():
        shutil.copyfile(found.file(trial.WEIGHTS), folder / f"{arm}.safetensors")
    channels, size, _ = images.shape
    facts = {
        "classifier": cfg.classifier.model_dump(mode="json"), "channels": channels, "size": size,
        "classes": list(images.classes),
        "arms": {arm: {"seed": seed, "val_balanced_accuracy": rank[0]} for arm, (rank, seed, _) in best.items()},
    }  # fmt: skip
    (folder / "config.json").write_bytes(artifact.canonical(facts))


def _validation_rank(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[float, float]:
    """Greater is better: balanced accuracy first, then log loss."""
    val = predictions[predictions["split"] == "val"]
    predicted = val[[f"p{k}" for k in range(len(classes))]].to_numpy()
    labels = label_indices(val["label"], classes)
    return balanced_accuracy(predicted, labels), -log_loss(predicted, labels)
