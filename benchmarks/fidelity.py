"""Fidelity: all measures of one audit, and each against a plain implementation.

Run: python benchmarks/fidelity.py        (under two minutes on 2 cores; draws its inputs)
Writes: benchmarks/results/fidelity.json

5,000 synthetic and 5,000 real images (two per patient) in 512 features: one record with every measure, its interval
and its real-versus-real value. Then each measure once: KID against scikit-learn's kernels, FID against SciPy's matrix
square root, precision to coverage against the ``prdc`` package, C2ST against scikit-learn's logistic regression, timed
for one division and multiplied, MS-SSIM of 64 x 64 pixels against MONAI's, pair by pair, for some pairs and multiplied.
Ratios are of processor seconds.
"""

import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from synthgain.fidelity import c2st, comparison, fid, kid, ms_ssim, prdc
from synthgain.fidelity.comparison import Sample

RESULTS = Path(__file__).parent / "results" / "fidelity.json"
IMAGES, FEATURES, PAIRS, PAIRS_TIMED = 5000, 512, 500, 20


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def plain_kid(first: np.ndarray, second: np.ndarray) -> float:
    from sklearn.metrics.pairwise import polynomial_kernel

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return polynomial_kernel(x.astype(np.float64), y.astype(np.float64), degree=3, coef0=1)

    own = [kernel(x, x)[~np.eye(len(x), dtype=bool)].mean() for x in (first, second)]
    return float(sum(own) - 2 * kernel(first, second).mean())


def plain_fid(first: np.ndarray, second: np.ndarray) -> float:
    from scipy.linalg import sqrtm

    covariances = [np.cov(side.T.astype(np.float64)) for side in (first, second)]
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    apart = np.square(first.mean(0) - second.mean(0)).sum()
    return float(apart + np.trace(covariances[0] + covariances[1] - 2 * root))


def plain_prdc(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    from prdc import compute_prdc

    found: dict[str, float] = compute_prdc(second, first, nearest_k=prdc.NEIGHBOURS)
    return found


def plain_c2st(first: np.ndarray, second: np.ndarray) -> None:
    """One division into sides."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, sides = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=1 / c2st.PENALTY, max_iter=500))
    cross_val_predict(classifier, features, np.random.default_rng(0).permutation(sides), cv=c2st.FOLDS)


def plain_ms_ssim(first: np.ndarray, second: np.ndarray) -> None:
    from monai.metrics.regression import MultiScaleSSIMMetric

    count = ms_ssim.scales(first.shape[-1])
    weights = [weight / sum(ms_ssim.WEIGHTS[:count]) for weight in ms_ssim.WEIGHTS[:count]]
    metric = MultiScaleSSIMMetric(2, data_range=255, weights=weights)
    for one, other in zip(first, second, strict=True):
        metric(torch.from_numpy(one[None]).float(), torch.from_numpy(other[None]).float())


def compare(name: str, ours: Callable[[], object], plain: Callable[[], object], factor: float = 1) -> dict[str, object]:
    """Processor seconds of both; the plain one would have to do ``factor`` times what it is timed for."""
    seconds, slow = timed(ours)[1], timed(plain)[1] * factor
    row = {
        "measure": name, "cpu_seconds": round(seconds, 2), "plain_cpu_seconds": round(slow, 2),
        "ratio": round(slow / seconds, 1),
    }  # fmt: skip
    print("{measure:8} {cpu_seconds:7.2f} s, plain {plain_cpu_seconds:8.2f} s, ratio {ratio}".format(**row), flush=True)
    return row


def main() -> None:
    random = np.random.default_rng(0)
    first, second = (random.normal(size=(IMAGES, FEATURES)).astype(np.float32) for _ in range(2))
    numbers, labels = np.arange(IMAGES), np.zeros(IMAGES, np.int64)
    samples = Sample(first, labels, IMAGES + numbers), Sample(second, labels, numbers // 2)
    pictures = random.integers(0, 256, (2, PAIRS, 1, 64, 64), dtype=np.uint8)
    plain_prdc(first[:20], second[:20])  # imports are not what is measured
    plain_c2st(first[:20], second[:20])
    plain_ms_ssim(pictures[0, :1], pictures[1, :1])
    plain_fid(first[:20, :4], second[:20, :4])
    groups = samples[0].groups, samples[1].groups

    seconds, processor = timed(lambda: comparison.distances(*samples, np.random.default_rng(0)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"all, with intervals and real-versus-real values: {seconds:.1f} s ({processor:.1f} s of processor)", flush=True
    )
    rows = [
        compare("KID", lambda: kid.kid(first, second), lambda: plain_kid(first, second)),
        compare("FID", lambda: fid.fid(first, second), lambda: plain_fid(first, second)),
        compare("PRDC", lambda: prdc.prdc(first, second), lambda: plain_prdc(first, second)),
        compare(
            "C2ST", lambda: c2st.c2st(first, second, groups, level=0.95, rng=np.random.default_rng(0)),
            lambda: plain_c2st(first, second), 1 + c2st.PERMUTATIONS,
        ),
        compare(
            "MS-SSIM", lambda: ms_ssim.ms_ssim(*pictures), lambda: plain_ms_ssim(*pictures[:, :PAIRS_TIMED]),
            PAIRS / PAIRS_TIMED,
        ),
    ]  # fmt: skip
    result = {
        "machine": {
            "cpu_count": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0],
            "blas_threads": os.environ.get("OMP_NUM_THREADS", "all"),
        },
        "images": IMAGES, "features": FEATURES, "pairs": PAIRS, "all_seconds": round(seconds, 1),
        "all_cpu_seconds": round(processor, 1), "target_seconds": 60, "peak_MiB": round(peak), "measures": rows,
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
