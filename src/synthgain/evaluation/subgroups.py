"""Is the gain shared by all: the claimed measure by subgroup, what synthetic images do to each, and to the gap.

**Rule.** A subgroup is judged by the interval of its paired difference, candidate minus baseline, against the margin:
it *loses* where the whole interval lies below minus the margin (proof), *probably loses* where the difference itself
does, *may lose* where only the lower limit does, and *holds* where the whole interval is above. Limits are not
corrected for the number of subgroups, because a correction would hide harm; the bootstrap's p-values for 'no difference
at all' are, over the subgroups of all attributes (Holm). With fewer test patients than asked for, without a test image
of some class, or where too many bootstrap replicates lack a class, a subgroup is *insufficient n*: no number is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation import parity
from synthgain.evaluation.attributes import UNKNOWN, Attribute
from synthgain.evaluation.descriptive import MOST_LOST
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.resampling import COUNTED, PAIRED, Replicates, Resampling, paired_replicates, replicate
from synthgain.evaluation.statistics import bootstrap_p, holm, interval, two_level
from synthgain.schema import Fairness

Array = npt.NDArray[np.float64]
LOSES, PROBABLY, MAY, HOLDS, INSUFFICIENT = "loses", "probably loses", "may lose", "holds", "insufficient n"
WORDS = (LOSES, PROBABLY, MAY, INSUFFICIENT, HOLDS)
"""From the worst to the best."""
WIDER, NARROWER, WITHIN, OPEN = "wider", "narrower", "within the margin", "open"
_NUMBERS = ("value", "low", "high", "p", "p_holm")


@dataclass(frozen=True)
class Study:
    """What the subgroups of every attribute are judged by: the declared contrast, and one set of draws for all."""

    predictions: Predictions
    candidate: str
    baseline: str
    metric: str
    level: float
    fairness: Fairness
    resampling: Resampling

    @property
    def pair(self) -> tuple[int, int]:
        """Places of candidate and baseline among the arms."""
        return self.predictions.arms.index(self.candidate), self.predictions.arms.index(self.baseline)

    @property
    def fitted(self) -> int:
        """Means that the measure estimates from the patients: one per class."""
        return len(self.predictions.classes)


def evaluate(
    predictions: Predictions, headline: Mapping[str, Any], attributes: Sequence[Attribute],
    left_out: Mapping[str, str], fairness: Fairness, *, replicates: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """The content of ``subgroups.json``.

    Parameters
    ----------
    predictions: of the test split, every confirmed arm and seed.
    headline: the declared contrast: candidate, baseline, metric, level.
    attributes, left_out: from `attributes.find`.
    replicates, seed: of the bootstrap; the same ones draw the same patients as the declared contrast's.

    Returns
    -------
    The contrast, the rule's numbers, ``word`` (the worst of all subgroups; None without one), and for every attribute
    its subgroups, gaps and the change of the gap. What is not estimable is None with the reason in ``why``.
    """
    many = replicates if headline["metric"] in COUNTED else paired_replicates(predictions, replicates)
    study = Study(
        predictions, headline["candidate"], headline["baseline"], headline["metric"], headline["level"], fairness,
        Resampling(predictions.n_groups, len(predictions.seeds), many, seed),
    )  # fmt: skip
    found = {attribute.name: _attribute(study, attribute) for attribute in attributes}
    differences = [each["difference"] for one in found.values() for each in one["subgroups"]]
    _correct([each for each in differences if each["p"] is not None])
    words = {each["word"] for each in differences}
    return {
        **{key: getattr(study, key) for key in ("candidate", "baseline", "metric", "level")},
        "margin": fairness.margin, "min_patients": fairness.min_patients, "replicates": many,
        "word": next((word for word in WORDS if word in words), None),
        "attributes": found, "left_out": dict(left_out),
    }  # fmt: skip


def metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """``found`` as flat numbers for tracking; what is not estimable is left out."""
    flat = {}
    for name, one in found["attributes"].items():
        key = "".join(letter if letter.isalnum() or letter in "_- " else "_" for letter in name)[:100]
        flat[f"gap_change/{key}"] = one["gap_change"]["value"]
        values = [each["difference"]["value"] for each in one["subgroups"]]
        flat[f"worst_subgroup/{key}"] = min((value for value in values if value is not None), default=None)
    return {key: value for key, value in flat.items() if value is not None}


def _attribute(study: Study, attribute: Attribute) -> dict[str, Any]:
    p = study.predictions
    parts = {name: _part(p, attribute.member == index) for index, name in enumerate(attribute.values)}
    refused = {name: _too_few(part, study.fairness) for name, part in parts.items()}
    prepare = {**COUNTED, **PAIRED}[study.metric]
    measures = {name: prepare(part) for name, part in parts.items() if refused[name] is None}
    drawn = replicate(measures, study.resampling, study.resampling.replicates)
    for name, found in drawn.items():
        lost = float(1 - np.isfinite(found.values).all(axis=(1, 2)).mean())
        if lost > MOST_LOST:
            refused[name] = NotEstimable(
                f"{INSUFFICIENT}: {100 * lost:.0f} % of the bootstrap replicates lack a class in this subgroup"
            )
    sound = {name: found for name, found in drawn.items() if refused[name] is None}
    patients = {name: len(np.unique(part.groups)) for name, part in parts.items()}
    unknown = attribute.member == UNKNOWN
    return {
        "edges": None if attribute.edges is None else list(attribute.edges),
        "unknown": {"images": int(unknown.sum()), "patients": len(np.unique(p.groups[unknown]))},
        "subgroups": [
            {
                "name": name, "images": len(part.labels), "patients": patients[name],
                **_subgroup(study, sound.get(name), refused[name], patients[name]),
            }
            for name, part in parts.items()
        ],
        **_gaps(study, sound, patients),
        "parity": parity.table(p, (study.candidate, study.baseline), attribute, list(sound)),
    }  # fmt: skip


def _part(p: Predictions, member: npt.NDArray[np.bool_]) -> Predictions:
    """The predictions of some images; patients keep their numbers, so that every subgroup meets the same draws."""
    return replace(
        p, labels=p.labels[member], groups=p.groups[member], probabilities=p.probabilities[:, :, member],
        image_ids=p.image_ids[member],
    )  # fmt: skip


def _too_few(part: Predictions, fairness: Fairness) -> NotEstimable | None:
    patients = len(np.unique(part.groups))
    if patients < fairness.min_patients:
        return NotEstimable(f"{INSUFFICIENT}: {patients} test patients or groups, {fairness.min_patients} needed")
    if part.absent:
        return NotEstimable(f"{INSUFFICIENT}: no test image of class {', '.join(part.absent)} in this subgroup")
    return None


def _subgroup(study: Study, found: Replicates | None, refused: NotEstimable | None, patients: int) -> dict[str, Any]:
    arms = study.predictions.arms
    if found is None:
        why = "" if refused is None else refused.why
        nothing = {"mean": None, "low": None, "high": None, "why": why}
        difference = dict.fromkeys(_NUMBERS) | {"word": INSUFFICIENT, "why": why}
        return {"arms": {arm: dict(nothing) for arm in arms}, "difference": difference}
    a, b = study.pair
    scores = {}
    for at, arm in enumerate(arms):
        low, high = interval(_two_level(study, found.point[at], found.values[:, at], patients), study.level)
        scores[arm] = {"mean": float(found.point[at].mean()), "low": max(low, 0.0), "high": min(high, 1.0)}
    per_seed = found.point[a] - found.point[b]
    drawn = _two_level(study, per_seed, found.values[:, a] - found.values[:, b], patients)
    low, high = interval(drawn, study.level)
    value = float(per_seed.mean())
    difference = {
        "value": value, "low": low, "high": high, "p": bootstrap_p(drawn), "p_holm": None,
        "word": judge(value, low, high, study.fairness.margin),
    }  # fmt: skip
    return {"arms": scores, "difference": difference}


def judge(value: float, low: float, high: float, margin: float) -> str:
    """The word for a subgroup's difference (candidate minus baseline) and its interval; shares, like the margin.

    The interval is a two-sided non-inferiority test against ``-margin`` (Piaggio et al. 2012, JAMA 308:2594), at
    every subgroup by itself. With a wide interval nearly everything *may lose*: that is no finding, but no
    clearance either. Nothing is refused here: too few patients are *insufficient n* before.
    """
    if high < -margin:
        return LOSES
    if value < -margin:
        return PROBABLY
    return MAY if low < -margin else HOLDS


def _two_level(study: Study, point: Array, values: npt.NDArray[np.floating], patients: int) -> Array:
    drawn, _ = two_level(
        point, values, study.resampling.seed_weights(), level=study.level, n_groups=patients, fitted=study.fitted
    )
    return drawn


def _correct(differences: Sequence[dict[str, Any]]) -> None:
    for each, p in zip(differences, holm([each["p"] for each in differences]), strict=True):
        each["p_holm"] = p


def _gaps(study: Study, sound: Mapping[str, Replicates], patients: Mapping[str, int]) -> dict[str, Any]:
    """For each arm the best minus the worst subgroup, beside what chance makes of equal subgroups; and its change."""
    arms = study.predictions.arms
    if len(sound) < 2:
        why = f"{INSUFFICIENT}: {len(sound)} subgroup{'s' * (len(sound) != 1)} with enough patients, a gap needs two"
        nothing: dict[str, Any] = {"value": None, "why": why}
        change = nothing | {"low": None, "high": None, "word": INSUFFICIENT}
        return {"gaps": {arm: dict(nothing) for arm in arms}, "gap_change": change}
    names = list(sound)
    point = np.stack([sound[name].point for name in names])  # (subgroups, arms, seeds)
    values = np.stack([sound[name].values.mean(-1, dtype=np.float64) for name in names])  # (subgroups, R, arms)
    values = values[:, np.isfinite(values).all(axis=(0, 2))]
    means = point.mean(-1)
    by_chance = np.ptp(values - means[:, None], axis=0).mean(0)
    gaps = {
        arm: {
            "value": float(np.ptp(means[:, at])), "best": names[int(means[:, at].argmax())],
            "worst": names[int(means[:, at].argmin())], "by_chance": float(by_chance[at]),
        }
        for at, arm in enumerate(arms)
    }  # fmt: skip
    return {"gaps": gaps, "gap_change": _change(study, sound, gaps, min(patients[name] for name in names))}


def _change(
    study: Study, sound: Mapping[str, Replicates], gaps: Mapping[str, Mapping[str, Any]], patients: int
) -> dict[str, Any]:
    """Gap of the candidate minus that of the baseline, with its two-level interval.

    The best and the worst subgroup of each arm are held as they were observed, so that the change is a mean over seeds
    like every other difference. Where the subgroups are alike, which one is best is chance, and the interval is rather
    too wide than too narrow.
    """
    a, b = study.pair
    best, worst = ([sound[gaps[arm][end]] for arm in (study.candidate, study.baseline)] for end in ("best", "worst"))
    per_seed = (best[0].point[a] - worst[0].point[a]) - (best[1].point[b] - worst[1].point[b])
    values = (best[0].values[:, a] - worst[0].values[:, a]) - (best[1].values[:, b] - worst[1].values[:, b])
    low, high = interval(_two_level(study, per_seed, values, patients), study.level)
    margin = study.fairness.margin
    word = WIDER if low > 0 else NARROWER if high < 0 else WITHIN if -margin <= low and high <= margin else OPEN
    return {"value": float(per_seed.mean()), "low": low, "high": high, "word": word}
