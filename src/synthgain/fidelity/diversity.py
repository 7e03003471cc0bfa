"""Do synthetic images of a class differ as much from one another as real ones of different patients do?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.dataset import Images
from synthgain.fidelity.bootstrap import REPLICATES, multiplicities
from synthgain.fidelity.ms_ssim import ms_ssim, scales

Floats = npt.NDArray[np.float64]
PAIRS = 500
"""Most pairs of images that are compared in a class."""
DRAWN = 400
"""Most images of a class from which pairs are formed."""
LEAST = 10
"""Fewer images than this in a class are 'insufficient n'."""


def intra_class(
    synthetic: Images, real: Images, classes: Sequence[str], *, level: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Mean MS-SSIM of pairs of images of a class (Odena et al. 2017, section 4.2), synthetic and real.

    Pairs are drawn at random, of real images from different patients only. Higher than the real value: the class has
    collapsed. A mean over pairs needs no correction for the number of images. Its interval is a bootstrap of patients
    (of single images where they are synthetic), in which a pair weighs as often as both of its patients were drawn.

    Returns
    -------
    scales: how many of MS-SSIM's five scales fit the images. pooled, per_class: ``ms_ssim`` and ``ms_ssim_null`` (the
    real value) ``{value, low, high, pairs}``; pooled is the mean over those classes in which both are known. Where a
    side has fewer than `LEAST` images in a class or a single patient, values are None and ``why`` says so.
    """
    sides = {"ms_ssim": synthetic, "ms_ssim_null": real}
    found = {key: [_of_class(side, k, rng) for k in range(len(classes))] for key, side in sides.items()}
    known = [k for k in range(len(classes)) if all(not isinstance(each[k], str) for each in found.values())]
    return {
        "scales": scales(min(real.pixels.shape[-2:])),
        "pooled": {key: _pooled([each[k] for k in known], level) for key, each in found.items()},
        "per_class": {
            name: {key: _record(each[k], level) for key, each in found.items()} for k, name in enumerate(classes)
        },
    }


@dataclass(frozen=True)
class _Mean:
    value: float
    replicates: Floats
    pairs: int


def _of_class(pictures: Images, label: int, rng: np.random.Generator) -> _Mean | str:
    """The mean over pairs, or why there is none."""
    rows = np.flatnonzero(pictures.labels == label)
    if len(rows) < LEAST:
        return f"insufficient n: {len(rows)} images, {LEAST} needed"
    rows = rng.permutation(rows)[:DRAWN]
    numbers, members = np.unique(pictures.groups[rows], return_inverse=True)
    first, second = np.triu_indices(len(rows), 1)
    apart = np.flatnonzero(members[first] != members[second])
    if not len(apart):
        return "insufficient n: all images are of one patient"
    chosen = rng.permutation(apart)[:PAIRS]
    first, second = first[chosen], second[chosen]
    values = ms_ssim(pictures.pixels[rows[first]], pictures.pixels[rows[second]])
    drawn = multiplicities(len(numbers), rng)
    weights = drawn[:, members[first]] * drawn[:, members[second]]
    total = weights.sum(1)
    replicates = np.where(total > 0, weights @ values / np.maximum(total, 1), values.mean())
    return _Mean(float(values.mean()), replicates, len(values))


def _pooled(found: Sequence[Any], level: float) -> dict[str, Any]:
    if not found:
        return _record("insufficient n: no class has enough synthetic and real images", level)
    replicates = np.mean([each.replicates for each in found], axis=0).reshape(REPLICATES)
    value = float(np.mean([each.value for each in found]))
    return _record(_Mean(value, replicates, sum(each.pairs for each in found)), level)


def _record(found: _Mean | str, level: float) -> dict[str, Any]:
    if isinstance(found, str):
        return {"value": None, "low": None, "high": None, "pairs": 0, "why": found}
    low, high = np.quantile(found.replicates, [(1 - level) / 2, (1 + level) / 2])
    return {"value": found.value, "low": float(low), "high": float(high), "pairs": found.pairs}
