"""One trial: train one arm with one seed, predict. Finished trials are kept, so that none is trained twice.

A trial lies in ``.synthgain/trials/<key>``, where the key is a digest of all that determines its result: the arm, the
seed, the classifier, the data, and the code that trains. A new generator therefore trains only its own arms, and after
a crash the finished trials are found. They stay until the folder is deleted, which is safe when nothing runs; a trial
holds predictions and a learning curve, and weights only where the test split was predicted.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from synthgain import artifact, dataset, failpoint, progress
from synthgain.arms.arm import Arm
from synthgain.arms.labelled import copied, with_labels
from synthgain.arms.stream import class_weights, stream
from synthgain.arms.tuning import DEFAULT, Setting
from synthgain.artifact import Artifact, ArtifactError
from synthgain.classifiers.fit import Look, fit
from synthgain.classifiers.inference import probabilities
from synthgain.classifiers.weights import write_weights
from synthgain.compute import device, side_by_side
from synthgain.config import Config, component
from synthgain.dataset import ImageSet
from synthgain.paths import Paths
from synthgain.schema import Augmentation, ClassifierConfig, Compute
from synthgain.seeding import derive

PREDICTIONS = "predictions.parquet"
HISTORY = "history.csv"
WEIGHTS = "weights.safetensors"
_CODE = ("arms/stream.py", "arms/trial.py", "arms/tuning.py", "classifiers/augment.py", "classifiers/fit.py",
         "classifiers/inference.py", "classifiers/layers.py", "classifiers/scores.py", "compute.py", "dataset.py",
         "seeding.py")  # fmt: skip
"""What a trial's result depends on besides its settings and the classifier's own file."""


@dataclass(frozen=True)
class Trial:
    arm: Arm
    index: int
    """Small number of the seed: what tables call ``seed``."""
    seed: int
    splits: tuple[str, ...]
    """Splits that are predicted."""
    setting: Setting = DEFAULT
    """Of the classifier, as tuning left it."""
    labels: float = 1.0
    """Share of the labelled training images; see `with_labels`."""


@dataclass(frozen=True)
class Bench:
    """What the trials of a stage share: the sets they may read, the classifier, and where they are kept."""

    paths: Paths
    classifier: ClassifierConfig
    augmentation: Augmentation
    compute: Compute
    seed: int
    """Of the study; decides which images a share of the labels holds."""
    dataset: str
    """SHA-256 of the real set."""
    synthetic: Mapping[str, str]
    """SHA-256 of the synthetic set of each generator."""

    @property
    def inputs(self) -> dict[str, str]:
        """What a stage that runs these trials reads."""
        return {"ingest": self.dataset} | {f"synthesize/{name}": sha256 for name, sha256 in self.synthetic.items()}

    def spec(self, trial: Trial) -> dict[str, Any]:
        """All that determines the trial's result, as JSON-ready values."""
        arm = {key: value for key, value in asdict(trial.arm).items() if key not in ("name", "generator")}
        return {
            "arm": arm, "seed": trial.seed, "splits": list(trial.splits),
            "classifier": trial.setting.classifier(self.classifier).model_dump(mode="json"),
            "augmentation": (
                trial.setting.augmented(self.augmentation).model_dump(mode="json") if trial.arm.augment else None
            ),
            "dataset": self.dataset, "labels": None if trial.labels == 1 else [trial.labels, self.seed],
            "synthetic": self.synthetic[trial.arm.generator] if trial.arm.generator else None,
            "code": _code(self.classifier.kind, other_labels=trial.labels != 1),
        }  # fmt: skip

    def key(self, trial: Trial) -> str:
        return artifact.digest(self.spec(trial))

    def folder(self, trial: Trial) -> Path:
        return self.paths.state / "trials" / self.key(trial)[:24]

    def finished(self, trial: Trial) -> Artifact | None:
        """The trial's result if it was finished before and is unharmed."""
        folder = self.folder(trial)
        if not folder.is_dir():
            return None
        try:
            found = artifact.read(folder)
            for name in found.manifest["files"]:
                found.file(name)
        except ArtifactError as error:
            print(f"finished trial not used, trained again: {error}")
            return None
        return found


def bench(paths: Paths, cfg: Config, arms: Iterable[Arm]) -> Bench:
    """A bench for trials of ``arms``; the synthetic sets that these use must be finished."""
    generators = sorted({arm.generator for arm in arms if arm.generator})
    identities = {name: artifact.read(paths.out("synthesize", name)).sha256 for name in generators}
    dataset = artifact.read(paths.out("ingest")).sha256
    return Bench(paths, cfg.classifier, cfg.arms.augmentation, cfg.compute, cfg.seed, dataset, identities)


def run_all(bench: Bench, trials: Sequence[Trial], label: str) -> list[Artifact]:
    """The results of ``trials``, in their order; those that were finished before are not trained again.

    Each holds ``predictions.parquet`` (split, image_id, group, label, p0...), ``history.csv`` and, where the test split
    was predicted, ``weights.safetensors``.
    """
    results = {trial: bench.finished(trial) for trial in trials}
    missing = [trial for trial, found in results.items() if found is None]
    with progress.bar(label, len(trials)) as bar:
        if len(missing) < len(trials):
            bar.advance(len(trials) - len(missing), "finished before")
        for trial, _ in _side_by_side(bench, missing):
            results[trial] = artifact.read(bench.folder(trial))
            bar.advance(note=f"{trial.arm.name}, seed {trial.index}")
    return [found for trial in trials if (found := results[trial]) is not None]


def _side_by_side(bench: Bench, trials: Sequence[Trial]) -> Iterator[tuple[Trial, None]]:
    if trials:
        yield from side_by_side(
            _work, trials, bench.compute.workers, prepare=_prepare, given=(bench,), preload=["pytorch_lightning"]
        )


def train(
    arm: Arm,
    real: ImageSet,
    pool: ImageSet | None,
    classifier: ClassifierConfig,
    augmentation: Augmentation,
    *,
    seed: int,
    on: torch.device,
) -> tuple[nn.Module, list[Look]]:
    """Train a classifier on what ``arm`` makes of the sets; the seed alone decides its initial weights.

    Returns
    -------
    The network at its best look, on the CPU, and all looks at the validation split.
    """
    val = real.rows("val")
    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, "initial weights"))
        network = component("classifiers", classifier.kind).build(classifier, real.shape[0], len(real.classes), 2)
    training = classifier.training
    looks = fit(
        network, stream(arm, real, pool, seed=seed, batch_size=training.batch_size, steps=training.steps),
        (real.images[val], real.labels[val]), training,
        augmentation=augmentation if arm.augment else None, mixup=arm.mixup,
        class_weights=class_weights(real) if arm.weighted else None, after=arm.pretraining(training.steps), seed=seed,
        on=on,
    )  # fmt: skip
    return network, looks


def predict(network: nn.Module, images: ImageSet, splits: Sequence[str]) -> pd.DataFrame:
    """A row per image of ``splits``: split, image_id, group, label, and softmax p0... in the order of the classes."""
    tables = []
    for split in splits:
        part = images.part(images.rows(split))
        predicted = probabilities(network, part.images)
        table = part.table[["split", "image_id", "group", "label"]]
        tables.append(table.assign(**{f"p{k}": predicted[:, k] for k in range(predicted.shape[1])}))
    return pd.concat(tables, ignore_index=True)


@functools.cache
def _code(kind: str, other_labels: bool) -> str:
    others = ["arms/labelled.py"] if other_labels else []
    return artifact.digest(artifact.code(*_CODE, f"classifiers/{kind}.py", *others))


def collect(trials: Sequence[Trial], results: Sequence[Artifact], name: str) -> pd.DataFrame:
    """The table ``name`` of all trials, in their order, with the columns arm and seed before its own."""
    tables = []
    for trial, found in zip(trials, results, strict=True):
        path = found.file(name)
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        table.insert(0, "arm", trial.arm.name)
        table.insert(1, "seed", trial.index)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


_here: dict[str, Any] = {}
"""The bench of this process and the sets that it has opened."""


def _prepare(bench: Bench) -> None:
    _here.clear()
    _here.update(bench=bench, device=device(bench.compute), real=dataset.read(bench.paths.out("ingest")))


def _pool(generator: str | None) -> ImageSet | None:
    if generator is None:
        return None
    if generator not in _here:
        _here[generator] = dataset.read(_here["bench"].paths.out("synthesize", generator))
    return _here[generator]


def _sets(trial: Trial, real: ImageSet, seed: int) -> tuple[ImageSet, ImageSet | None]:
    """What the trial trains on; with another share of the labels, only copies can be drawn anew to go with them."""
    if trial.labels == 1:
        return real, _pool(trial.arm.generator)
    labelled = with_labels(real, trial.labels, seed)
    if trial.arm.generator is None:
        return labelled, None
    if trial.arm.control != "duplicate":
        raise ValueError(f"arm '{trial.arm.name}': its synthetic images were made from all labels, not {trial.labels}")
    return labelled, copied(labelled, trial.arm.ratio, seed)


def _work(trial: Trial) -> None:
    bench: Bench = _here["bench"]
    real, pool = _sets(trial, _here["real"], bench.seed)
    setting = trial.setting
    network, looks = train(
        trial.arm, real, pool, setting.classifier(bench.classifier), setting.augmented(bench.augmentation),
        seed=trial.seed, on=_here["device"],
    )  # fmt: skip
    folder = bench.folder(trial)
    with artifact.writing(folder, stage="trial", config=bench.spec(trial), inputs={}) as draft:
        predict(network, real, trial.splits).to_parquet(draft.path / PREDICTIONS, index=False)
        pd.DataFrame(looks).to_csv(draft.path / HISTORY, index=False)
        if "test" in trial.splits:
            write_weights(network, draft.path / WEIGHTS)
    failpoint.reached("trial.after_save")
