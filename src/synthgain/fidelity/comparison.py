"""How far synthetic images are from real ones, beside how far real ones are from each other at the same N."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.fidelity.fid import fid
from synthgain.fidelity.kid import kid, kid_interval

Features = npt.NDArray[np.floating]
Groups = npt.NDArray[np.integer]
Rows = npt.NDArray[np.intp]
LEAST = 10
"""Fewer images than this on a side are 'insufficient n'."""
HALVINGS = 10
LEVEL = 0.95


@dataclass(frozen=True)
class Sample:
    """Features ``(N, F)`` with class indices ``(N,)`` and groups (patients) ``(N,)``."""

    features: Features
    labels: npt.NDArray[np.int64]
    groups: Groups

    def of_class(self, label: int) -> "Sample":
        rows = self.labels == label
        return Sample(self.features[rows], self.labels[rows], self.groups[rows])


def compare(synthetic: Sample, real: Sample, classes: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    """KID and FID of ``synthetic`` against ``real``, pooled and per class: a record of `distances` for each."""
    return {
        "pooled": distances(synthetic, real, rng),
        "per_class": {
            name: distances(synthetic.of_class(k), real.of_class(k), rng) for k, name in enumerate(classes)
        },
    }  # fmt: skip


def distances(synthetic: Sample, real: Sample, rng: np.random.Generator) -> dict[str, Any]:
    """KID and FID with their real-versus-real values.

    ``kid`` uses all images (it is unbiased at any N), with an interval over images and patients. For the others the
    real groups are halved at random several times: the null is one half against the other, the comparison at the same
    N is as many synthetic images against that other half. Images of one patient resemble each other, so that the null
    of KID lies above 0 where patients have several.

    Returns
    -------
    kid {value, low, high}, kid_null, fid, fid_null {mean, low, high: least and greatest over halvings, n: images a
    side}, n_synthetic, n_real. Where a side has fewer than `LEAST` images, values are None and ``why`` says so.
    """
    counts = {"n_synthetic": len(synthetic.features), "n_real": len(real.features)}
    record: dict[str, Any] = dict(counts)
    short = [f"{count} {name[2:]} images" for name, count in counts.items() if count < LEAST]
    if short:
        why = f"insufficient n: {' and '.join(short)}, {LEAST} needed"
        empty = {"value": None, "low": None, "high": None, "why": why}
        return record | {"kid": empty} | {name: _refused(why) for name in ("kid_null", "fid", "fid_null")}
    low, high = kid_interval(synthetic.features, real.features, real.groups, level=LEVEL, rng=rng)
    record["kid"] = {"value": kid(synthetic.features, real.features), "low": low, "high": high}
    return record | _beside_null(synthetic, real, rng)


def _beside_null(synthetic: Sample, real: Sample, rng: np.random.Generator) -> dict[str, Any]:
    found: dict[str, list[float]] = {"kid_null": [], "fid": [], "fid_null": []}
    sizes = []
    for _ in range(HALVINGS):
        one, other = halves(real.groups, rng)
        n = min(len(one), len(other), len(synthetic.features))
        sizes.append(n)
        if n < LEAST:
            continue
        left, right = (real.features[rng.permutation(rows)[:n]] for rows in (one, other))
        drawn = synthetic.features[rng.permutation(len(synthetic.features))[:n]]
        found["kid_null"].append(kid(left, right))
        found["fid_null"].append(fid(left, right))
        found["fid"].append(fid(drawn, right))
    if not found["fid"]:
        why = f"insufficient n: half of the real groups hold {max(sizes)} images, {LEAST} needed"
        return {name: _refused(why) for name in found}
    n = int(np.median(sizes))
    return {
        name: {"mean": float(np.mean(values)), "low": min(values), "high": max(values), "n": n}
        for name, values in found.items()
    }


def halves(groups: Groups, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Row numbers of two random halves that share no group."""
    numbers = rng.permutation(np.unique(groups))
    inside = np.isin(groups, numbers[: len(numbers) // 2])
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def recognition(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Share of images whose (intended) class the encoder recognises, pooled and per class; None without an image."""
    right = probabilities.argmax(1) == labels if len(labels) else np.zeros(0, bool)

    def share(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        if not rows.any():
            return {"share": None, "n": 0, "why": "insufficient n: no image"}
        return {"share": float(right[rows].mean()), "n": int(rows.sum())}

    everything = np.ones(len(labels), bool)
    return {**share(everything), "per_class": {name: share(labels == k) for k, name in enumerate(classes)}}


def _refused(why: str) -> dict[str, Any]:
    return {"mean": None, "low": None, "high": None, "n": None, "why": why}
