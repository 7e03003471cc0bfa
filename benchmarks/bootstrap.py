"""Statistics: bootstrap of a whole study, vectorised, against a plain loop over replicates.

Run: python benchmarks/bootstrap.py        (about a minute on 2 cores; draws its inputs)
Writes: benchmarks/results/bootstrap.json

The study: 10 arms, 8 seeds, 3,000 test images of 4 classes, 10,000 replicates of the patients (fewer for AUROC). The
plain loop gathers the images of the drawn patients and calls the metric for each arm and seed; it is timed for a few
replicates and multiplied. Ratios are of processor seconds.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import METRICS
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.resampling import COUNTED, PAIRED, Resampling, paired_replicates, replicate
from synthgain.evaluation.statistics import Components

RESULTS = Path(__file__).parent / "results" / "bootstrap.json"
ARMS, SEEDS, IMAGES, CLASSES, REPLICATES = 10, 8, 3000, 4, 10_000


def study(images_per_patient: int) -> Predictions:
    """Probabilities that recognise about two images of three."""
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(IMAGES // images_per_patient), images_per_patient)
    labels = patients % CLASSES
    scores = random.normal(0, 1, (ARMS, SEEDS, IMAGES, CLASSES))
    scores[:, :, np.arange(IMAGES), labels] += 1.2
    chances = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    names = tuple(f"arm{a}" for a in range(ARMS)), tuple(range(SEEDS)), tuple("abcd")
    return Predictions(*names, labels, patients, chances.astype(np.float32))


def plain_loop(predictions: Predictions, metric: str, replicates: int) -> None:
    random = np.random.default_rng(0)
    members = [np.flatnonzero(predictions.groups == g) for g in range(predictions.n_groups)]
    for _ in range(replicates):
        drawn = np.concatenate([members[g] for g in random.integers(predictions.n_groups, size=predictions.n_groups)])
        for arm in predictions.probabilities:
            for seed in arm:
                METRICS[metric](predictions.labels[drawn], seed[drawn])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def measure(metric: str, images_per_patient: int, loops: int) -> dict[str, object]:
    predictions = study(images_per_patient)
    count = REPLICATES if metric in COUNTED else paired_replicates(predictions, REPLICATES)
    resampling = Resampling(predictions.n_groups, SEEDS, count, 0)
    prepare = (COUNTED | PAIRED)[metric]
    wall, processor = timed(lambda: replicate({metric: prepare(predictions)}, resampling, count))
    plain_loop(predictions, metric, 1)  # imports are not what is measured
    _, plain = timed(lambda: plain_loop(predictions, metric, loops))
    return {
        "metric": metric, "patients": predictions.n_groups, "replicates": count, "seconds": round(wall, 2),
        "cpu_seconds": round(processor, 2), "plain_loop_cpu_seconds": round(plain * count / loops, 1),
        "plain_loop_replicates_timed": loops, "ratio": round(plain * count / loops / processor, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=3, help="replicates of the plain loop that are timed")
    loops = parser.parse_args().loops
    rows = [
        measure(metric, per_patient, loops)
        for metric in ("balanced_accuracy", "macro_f1", "macro_auroc")
        for per_patient in (4, 1)
    ]
    components = Components(0.01**2, 0.02**2, 160, SEEDS, CLASSES)
    minimum_detectable_gain(components, 0.95)
    detectable = timed(lambda: minimum_detectable_gain(components, 0.95))[1]
    for row in rows:
        print(
            "{metric:18} {patients:5} patients, {replicates:6} replicates: {seconds:7.2f} s ({cpu_seconds} s of "
            "processor), plain loop {plain_loop_cpu_seconds} s (from {plain_loop_replicates_timed}), "
            "{ratio} times as fast".format(**row)
        )
    print(f"minimum detectable gain: {detectable:.3f} s of processor")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {
        "machine": {"cpu_count": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
        "study": {"arms": ARMS, "seeds": SEEDS, "images": IMAGES, "classes": CLASSES},
        "bootstrap": rows, "minimum_detectable_gain_cpu_seconds": round(detectable, 3), "peak_MiB": round(peak, 1),
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
