"""Do the maps find the lesion? Measures against lesion masks, with intervals over patients."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.statistics import expansion, interval
from synthgain.explain.attribution import Maps
from synthgain.seeding import rng

Masks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
REPLICATES = 2000
LEAST_PATIENTS = 10
"""With fewer patients there is no interval."""
LEVEL = 0.95


def pointing(maps: Maps, masks: Masks) -> Floats:
    """Whether the map's maximum lies on the lesion, ``(N,)``: the pointing game (Zhang et al., ECCV 2016, section 4).

    Without their tolerance around the mask. Of several equal maxima, the share that do: a flat map hits by chance.
    """
    highest = maps == maps.max((1, 2), keepdims=True)
    return np.asarray((highest & masks).sum((1, 2)) / highest.sum((1, 2)))


def energy(maps: Maps, masks: Masks) -> Floats:
    """Share of the positive saliency that lies on the lesion, ``(N,)`` (Wang et al., CVPR Workshops 2020, equation 6).

    Of a map without any, the lesion's share of the image, which an even map has.
    """
    positive = np.clip(maps, 0, None).astype(np.float64)
    total = positive.sum((1, 2))
    return np.divide((positive * masks).sum((1, 2)), total, out=masks.mean((1, 2)), where=total > 0)


MEASURES = {"pointing": pointing, "energy": energy}


def localise(
    maps: Mapping[str, Mapping[str, Maps]], masks: Masks, groups: npt.NDArray[np.str_], seed: int
) -> dict[str, Any]:
    """Each measure of each method for candidate and baseline, and their paired difference.

    Parameters
    ----------
    maps: role, then method, to maps ``(N, H, W)`` of images with a lesion.
    masks: where the lesions are, ``(N, H, W)``.
    groups: patient (or group) of each image, ``(N,)``; they are what the bootstrap draws.

    Returns
    -------
    ``images``, ``patients``, ``chance`` (the lesions' mean share of the image) and ``methods``: method, then measure,
    to ``candidate``, ``baseline`` and ``difference``, each ``{value, low, high}``, ``why`` where limits are None.
    """
    found = {
        method: {name: _both(measure, maps, method, masks, groups, seed) for name, measure in MEASURES.items()}
        for method in maps["candidate"]
    }
    return {
        "images": len(masks), "patients": len(np.unique(groups)), "chance": float(masks.mean()), "level": LEVEL,
        "methods": found,
    }  # fmt: skip


def _both(
    measure: Any, maps: Mapping[str, Mapping[str, Maps]], method: str, masks: Masks, groups: Any, seed: int
) -> dict[str, Any]:
    candidate, baseline = (measure(maps[role][method], masks) for role in ("candidate", "baseline"))
    values = {"candidate": candidate, "baseline": baseline, "difference": candidate - baseline}
    return {name: _mean(value, groups, seed, least=-1 if name == "difference" else 0) for name, value in values.items()}


def _mean(values: Floats, groups: npt.NDArray[np.str_], seed: int, least: float) -> dict[str, Any]:
    """Mean over images with its expanded percentile interval from drawing patients; equal draws for every measure.

    ``least``: the smallest value that there is; the largest is 1.
    """
    patients, members = np.unique(groups, return_inverse=True)
    if len(patients) < LEAST_PATIENTS:
        why = f"insufficient n: {len(patients)} patients or groups with a lesion, {LEAST_PATIENTS} needed"
        return {"value": float(values.mean()), "low": None, "high": None, "low_why": why}
    sums, counts = np.bincount(members, values), np.bincount(members)
    random = rng(seed, "explain", "bootstrap")
    weights = random.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), REPLICATES)
    mean = float(values.mean())
    drawn = mean + expansion(len(patients), 1, LEVEL) * (weights @ sums / (weights @ counts) - mean)
    low, high = interval(drawn.clip(least, 1), LEVEL)
    return {"value": mean, "low": low, "high": high}
