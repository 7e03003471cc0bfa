"""How far synthetic images are from real ones, beside how far real ones are from each other at the same N."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.errors import SynthgainError
from synthgain.fidelity.c2st import accuracy, c2st, fewest_groups
from synthgain.fidelity.fid import IMAGES_PER_FEATURE, fid, fid_infinity
from synthgain.fidelity.kid import kid, kid_interval
from synthgain.fidelity.prdc import prdc

Features = npt.NDArray[np.floating]
Groups = npt.NDArray[np.integer]
Rows = npt.NDArray[np.intp]
LEAST = 10
"""Fewer images than this on a side are 'insufficient n'."""
HALVINGS = 10
LEVEL = 0.95
AT_EQUAL_N = ("fid", "fid_infinity", "precision", "recall", "density", "coverage")
"""Measures that depend on the number of images: compared at that of their real-versus-real value."""
MEASURES = tuple(f"{name}{null}" for name in ("kid", "c2st", *AT_EQUAL_N) for null in ("", "_null"))
"""Keys of a record of `distances` that hold a measure."""


@dataclass(frozen=True)
class Sample:
    """Features ``(N, F)`` with class indices ``(N,)`` and groups (patients) ``(N,)``."""

    features: Features
    labels: npt.NDArray[np.int64]
    groups: Groups

    def rows(self, rows: npt.NDArray[Any]) -> "Sample":
        """The sample restricted to ``rows``, row numbers or a mask."""
        return Sample(self.features[rows], self.labels[rows], self.groups[rows])

    def of_class(self, label: int) -> "Sample":
        return self.rows(self.labels == label)


def compare(synthetic: Sample, real: Sample, classes: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    """``synthetic`` against ``real``, pooled and per class: a record of `distances` for each.

    Classes are asked for, not found, by a generator: pooled, as many synthetic images of each class are compared as
    give them the shares that the classes have among the real ones.
    """
    return {
        "pooled": distances(in_shares_of(synthetic, real, rng), real, rng),
        "per_class": {
            name: distances(synthetic.of_class(k), real.of_class(k), rng) for k, name in enumerate(classes)
        },
    }  # fmt: skip


def in_shares_of(synthetic: Sample, real: Sample, rng: np.random.Generator) -> Sample:
    """As many of the synthetic images as can have the classes' real shares, to an image; which of them, at random.

    A class without a synthetic image stays without one.
    """
    shares = np.bincount(real.labels) / max(len(real.labels), 1)
    there = np.bincount(synthetic.labels, minlength=len(shares))
    both = np.flatnonzero((shares > 0) & (there[: len(shares)] > 0))
    if not len(both):
        return synthetic
    mine = shares[both] / shares[both].sum()
    if (np.abs(there[both] - len(synthetic.labels) * mine) < 1).all():
        return synthetic
    wanted = np.zeros_like(there)
    wanted[both] = np.round((there[both] / mine).min() * mine).astype(np.int64)
    chosen = [rng.permutation(np.flatnonzero(synthetic.labels == k))[:count] for k, count in enumerate(wanted)]
    return synthetic.rows(np.sort(np.concatenate(chosen)))


def distances(synthetic: Sample, real: Sample, rng: np.random.Generator) -> dict[str, Any]:
    """Every measure on features, with its real-versus-real value (``..._null``).

    ``kid`` and ``c2st`` use all images: for one distribution they are 0 and 0.5 on average at any N. The interval of
    ``kid`` is one over random half samples of images and patients, that of ``c2st`` a bootstrap of patients.

    For all others, and for every null, the real patients are halved at random `HALVINGS` times. The null is one half
    against the other; the comparison at the same N is as many synthetic images against that other half. Given are the
    mean, and as ``low`` and ``high`` the least and the greatest value over the halvings; a bootstrap would put equal
    images into sets, which none of these measures bears.

    Returns
    -------
    kid {value, low, high}, c2st {value, low, high, p}; kid_null, c2st_null, and each of `AT_EQUAL_N` with its null
    {mean, low, high, n: images a side}; n_synthetic, n_real. What cannot be estimated is None, and ``why`` says so:
    where a side has fewer than `LEAST` images, all real images have equal features, there are too few patients, or,
    for ``fid_infinity``, too few images per feature.

    Raises
    ------
    SynthgainError
        A feature is not finite.
    """
    for name, sample in (("synthetic", synthetic), ("real", real)):
        if not np.isfinite(sample.features).all():
            raise SynthgainError(f"fidelity: features of {name} images are not finite; the extractor has failed")
    counts = {"n_synthetic": len(synthetic.features), "n_real": len(real.features)}
    short = [f"{count} {name[2:]} images" for name, count in counts.items() if count < LEAST]
    if short:
        return counts | _nothing(f"insufficient n: {' and '.join(short)}, {LEAST} needed")
    if not np.ptp(real.features, axis=0).any():
        return counts | _nothing("the features of all real images are equal")
    sides, groups = (synthetic.features, real.features), (synthetic.groups, real.groups)
    kid_of_all: dict[str, float | str | None]
    if min(len(np.unique(each)) for each in groups) < 4:  # half of the groups have to hold two
        kid_of_all = {"value": None, "low": None, "high": None, "why": "insufficient n: fewer than 4 patients"}
    else:
        low, high = kid_interval(*sides, groups, level=LEVEL, rng=rng)
        kid_of_all = {"value": kid(*sides, groups), "low": low, "high": high}
    return counts | {"kid": kid_of_all, "c2st": _separation(synthetic, real, rng), **_beside_null(synthetic, real, rng)}


def _nothing(why: str) -> dict[str, Any]:
    means = {name: _no_mean(why) for name in MEASURES if name not in ("kid", "c2st")}
    return {"kid": {"value": None, "low": None, "high": None, "why": why}, "c2st": _no_separation(why), **means}


def _no_separation(why: str) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "p": None, "why": why}


def _no_mean(why: str) -> dict[str, Any]:
    return {"mean": None, "low": None, "high": None, "n": None, "why": why}


def _separation(synthetic: Sample, real: Sample, rng: np.random.Generator) -> dict[str, Any]:
    if fewest_groups(synthetic.groups, real.groups) < 2:
        return _no_separation("insufficient n: one patient")
    sides = synthetic.features, real.features
    found = c2st(*sides, (synthetic.groups, real.groups), level=LEVEL, rng=rng)
    return {"value": found.accuracy, "low": found.low, "high": found.high, "p": found.p}


def _beside_null(synthetic: Sample, real: Sample, rng: np.random.Generator) -> dict[str, Any]:
    """Means over halvings; a measure that one of them cannot give is given by none."""
    found: dict[str, list[float]] = {}
    refused: dict[str, str] = {}
    sizes = []
    for _ in range(HALVINGS):
        one, other = halves(real.groups, rng)
        n = min(len(one), len(other), len(synthetic.features))
        sizes.append(n)
        if n < LEAST:
            continue
        left, right = (real.rows(rows[:n]) for rows in (one, other))
        drawn = synthetic.rows(rng.permutation(len(synthetic.features))[:n])
        values = _at_equal_n(drawn, right) | {f"{name}_null": value for name, value in _at_equal_n(left, right).items()}
        values |= _null_by_groups(left, right, rng)
        for name, value in values.items():
            if isinstance(value, str):
                refused[name] = value
            else:
                found.setdefault(name, []).append(value)
    n, most = int(np.median(sizes)), max(sizes)
    if most < LEAST:
        why = f"insufficient n: half of the real groups hold {most} images, {LEAST} needed"
        return {name: record for name, record in _nothing(why).items() if "mean" in record}
    means = {
        name: {"mean": float(np.mean(values)), "low": min(values), "high": max(values), "n": n}
        for name, values in found.items()
    }
    return means | {name: _no_mean(why) for name, why in refused.items()}


def _at_equal_n(synthetic: Sample, real: Sample) -> dict[str, float | str]:
    """The measures that depend on N; a sentence where one has too few images."""
    first, second = synthetic.features, real.features
    needed = IMAGES_PER_FEATURE * second.shape[1]
    few = f"insufficient n: {len(second)} images a side, {needed} needed for {second.shape[1]} features"
    return {
        "fid": fid(first, second),
        "fid_infinity": few if len(second) < needed else fid_infinity(first, second),
        **prdc(first, second)._asdict(),
    }


def _null_by_groups(left: Sample, right: Sample, rng: np.random.Generator) -> dict[str, float | str]:
    """The null of the measures that need two groups on a side; a sentence where there are fewer."""
    groups = left.groups, right.groups
    if fewest_groups(*groups) < 2:
        return dict.fromkeys(("kid_null", "c2st_null"), "insufficient n: half of the real groups are a single one")
    sides = left.features, right.features
    return {"kid_null": kid(*sides, groups), "c2st_null": accuracy(*sides, groups, rng=rng)}


def halves(groups: Groups, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Row numbers of two random halves that share no group, each in random order, group after group."""
    numbers, members = np.unique(groups, return_inverse=True)
    place = rng.permutation(len(numbers))[members]
    order = np.lexsort((rng.random(len(groups)), place))
    inside = place[order] < len(numbers) // 2
    return order[inside], order[~inside]


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
