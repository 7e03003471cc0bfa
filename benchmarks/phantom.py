"""The embedded default as a standard: is it neither trivial nor hopeless, and do the shipped generators learn it?

Run: python benchmarks/phantom.py            (about six minutes on 2 cores)
Writes: benchmarks/results/phantom.json

Learning curve: balanced accuracy of the arm `classic` on 256 test patients, as the number of training patients grows;
with enough steps for the most of them, which are more than the default's 150.
Generators: trained and sampled at their shipped sizes; how often a classifier trained on the real images recognises the
class, and the Kernel Inception Distance as a share of that of the control `noise`; of all images that were drawn,
before any is filtered out by that classifier.
"""

import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain import artifact, dataset, stages
from synthgain.arms.arm import parse
from synthgain.arms.trial import predict, train
from synthgain.classifiers import encoder
from synthgain.classifiers.scores import balanced_accuracy
from synthgain.compose import compose
from synthgain.compute import device, side_by_side
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.fidelity.comparison import recognition
from synthgain.fidelity.kid import kid
from synthgain.paths import Paths
from synthgain.seeding import derive

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "phantom.json"
GENERATORS, CONTROLS = ("dcgan", "vae", "edm"), ("copies", "noise", "oracle")
PATIENTS = (2, 4, 8, 16, 32)
"""Training patients of each class; the default has 8, and as many for validation, and 64 for the test."""
SEEDS = 8
STEPS = 400
"""Of each training on the learning curve."""


def workspace(folder: Path, overrides: Sequence[str]) -> tuple[Config, Paths]:
    """An empty workspace that reads the project's own configuration and source."""
    folder.mkdir()
    for name in ("conf", "src", "dvc.yaml"):
        (folder / name).symlink_to(ROOT / name)
    paths = Paths(folder)
    return compose(paths, overrides), paths


def classic(cfg: Config, paths: Paths, index: int) -> tuple[ImageSet, npt.NDArray[np.float64]]:
    """The images, and what one training of the arm `classic` says of those of the test split, ``(N, K)``."""
    images = dataset.read(paths.out("ingest"))
    seed = derive(cfg.seed, "benchmark", index)
    network, _ = train(
        parse("classic"), images, None, cfg.classifier, cfg.arms.augmentation, seed=seed, on=device(cfg.compute)
    )
    predicted = predict(network, images, ["test"])
    return images, predicted[[f"p{k}" for k in range(len(images.classes))]].to_numpy()


def score(case: tuple[Config, Paths, int]) -> float:
    """Balanced accuracy of `classic`."""
    images, predicted = classic(*case)
    return balanced_accuracy(predicted, images.labels[images.rows("test")])


def learning_curve(folder: Path) -> list[dict[str, Any]]:
    points = []
    for count in PATIENTS:
        total = count + 8 + 64
        words = [
            f"dataset.source.patients={total}", f"dataset.split.fractions=[{8 / total},{64 / total}]",
            f"classifier.training.steps={STEPS}",
        ]  # fmt: skip
        cfg, paths = workspace(folder / f"curve-{count}", words)
        stages.run("ingest", cfg, paths)
        cases = [(cfg, paths, index) for index in range(SEEDS)]
        scores = [found for _, found in side_by_side(score, cases, 2)]
        points.append({"train_patients_per_class": count, "mean": round(float(np.mean(scores)), 4),
                       "sd_over_seeds": round(float(np.std(scores, ddof=1)), 4)})  # fmt: skip
        said = (
            "{train_patients_per_class:>3} patients per class: classic {mean:.1%} (SD over seeds {sd_over_seeds:.1%})"
        )
        print(said.format(**points[-1]))
    return points


def one_generator(case: tuple[Config, Paths, str]) -> dict[str, float]:
    cfg, paths, name = case
    seconds = {}
    for stage in ("train_generator", "synthesize"):
        start = time.perf_counter()
        stages.run(stage, cfg, paths, name)
        seconds[stage] = round(time.perf_counter() - start, 1)
    return seconds


def measured(paths: Paths, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Of all images drawn by each generator: the share whose class is recognised, and KID to the real ones."""
    own = encoder.load(artifact.read(paths.out("encode")))
    images = dataset.read(paths.out("ingest"))
    real = images.part(np.concatenate([images.rows("train"), images.rows("val")]))
    seen, found = own.features(real.images), {}
    for name in names:
        drawn = dataset.read(paths.out("synthesize", name))
        recognised = recognition(own.probabilities(drawn.images), drawn.labels, real.classes)["share"]
        groups = tuple(np.unique(part.table["group"], return_inverse=True)[1] for part in (drawn, real))
        found[name] = (recognised, kid(own.features(drawn.images), seen, groups))
    return found


def generators(folder: Path) -> dict[str, dict[str, Any]]:
    words = [f"generator=[{','.join(GENERATORS)}]", f"control=[{','.join(CONTROLS)}]"]
    cfg, paths = workspace(folder / "generators", words)
    for stage in ("ingest", "validate", "encode"):
        stages.run(stage, cfg, paths)
    cases = [(cfg, paths, name) for name in (*GENERATORS, *CONTROLS)]
    seconds = {case[2]: took for case, took in side_by_side(one_generator, cases, 2)}
    found = measured(paths, (*GENERATORS, *CONTROLS))
    classes, (_, noise) = len(dataset.read(paths.out("ingest")).classes), found["noise"]
    rows = {}
    for name, (recognised, distance) in found.items():
        rows[name] = {
            "recognised": round(recognised, 4), "times_chance": round(recognised * classes, 2),
            "kid": round(distance, 3), "kid_over_noise": round(distance / noise, 3), "seconds": seconds[name],
        }  # fmt: skip
        print(
            "{:8} recognised {recognised:6.1%} = {times_chance:.2f} x chance, KID {kid:8.2f} = {kid_over_noise:.3f} of "
            "noise's".format(name, **rows[name])
        )
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        found = {
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
            "learning_curve": learning_curve(Path(temporary)), "generators": generators(Path(temporary)),
        }  # fmt: skip
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
