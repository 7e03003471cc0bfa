"""The self-calibration: how often the rule says *gain* without one, covers the truth, and finds what it promised."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain import progress
from synthgain.calibration import simulate
from synthgain.calibration.scenarios import SCENARIOS, Scenario
from synthgain.compute import side_by_side
from synthgain.errors import SynthgainError
from synthgain.evaluation import gain
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.verdict import GAIN, LOSS, NO_DIFFERENCE, Rule, judge
from synthgain.seeding import derive, rng

RULE = Rule(level=0.95, margin=0.02, min_seeds=6, min_groups=20)
REPLICATES = 1_000
TARGETS = {
    "false_gain_rate": {"at_most": 0.035}, "coverage": {"at_least": 0.93, "at_most": 0.99},
    "power_at_mdg": {"at_least": 0.75}, "no_difference_at_margin": {"at_most": 0.05},
}  # fmt: skip
_SIDE_BY_SIDE = 50
"""Most studies that share their patients' layout and bootstrap draws."""
_CELLS = 8_000_000
"""Probabilities that are held at once."""


@dataclass(frozen=True)
class Batch:
    """Studies of one scenario and one true gain that are simulated together."""

    scenario: Scenario
    gain: float
    number: int
    studies: int
    seed: int


def run(studies: int, seed: int, workers: int, scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, Any]:
    """Simulate ``studies`` studies per scenario without a gain, and as many at the minimum detectable gain that those
    print (their median) and at the margin.

    Returns
    -------
    settings, targets, scenarios (see `_record`). Every rate is ``{count, studies, rate, low, high}`` with the 95 %
    interval of Clopper & Pearson.

    Raises
    ------
    SynthgainError
        Fewer than two studies, or no process to simulate them.
    """
    if studies < 2:
        raise SynthgainError(f"--studies {studies}: rates need at least two")
    if workers < 1:
        raise SynthgainError(f"--workers {workers}: at least one process must work")
    with progress.bar("calibrate", 3 * studies * len(scenarios)) as bar:

        def judged(gains: Sequence[float]) -> list[dict[str, npt.NDArray[Any]]]:
            batches = [
                batch for scenario, true in zip(scenarios, gains, strict=True)
                for batch in _batches(scenario, true, studies, seed)
            ]  # fmt: skip
            found: dict[str, dict[int, list[Any]]] = defaultdict(dict)
            for batch, rows in side_by_side(judge_batch, batches, workers, preload=["scipy.stats"]):
                found[batch.scenario.name][batch.number] = rows
                bar.advance(batch.studies, batch.scenario.name)
            return [_columns(found[scenario.name]) for scenario in scenarios]

        none = judged([0.0] * len(scenarios))
        printed = [_printed(columns) for columns in none]
        at_mdg = judged(printed)
        at_margin = judged([RULE.margin] * len(scenarios))
    return {
        "settings": {
            "studies": studies, "seed": seed, "replicates": REPLICATES, **asdict(RULE),
            "accuracy": simulate.ACCURACY, "auroc": simulate.AUROC,
        },
        "targets": TARGETS,
        "scenarios": [
            _record(*each) for each in zip(scenarios, none, at_mdg, at_margin, strict=True)
        ],
    }  # fmt: skip


def judge_batch(batch: Batch) -> list[tuple[str | float, ...]]:
    """For each study: the word, the interval's and the accelerated interval's limits, the printed detectable gain.

    What is not estimable is NaN here, and counted as such.
    """
    scenario = batch.scenario
    key = (scenario.name, f"{batch.gain:.9f}", batch.number)
    p = simulate.predictions(scenario, batch.gain, batch.studies, rng(batch.seed, "calibrate", *key))
    draws = derive(batch.seed, "calibrate", "bootstrap", *key)
    resampled = Resampled(p, REPLICATES, draws, RULE.level, only=[scenario.metric])
    rows: list[tuple[str | float, ...]] = []
    for study in range(batch.studies):
        found = gain.find(resampled, gain.Pair(f"candidate-{study}", f"baseline-{study}", scenario.metric), RULE)
        if isinstance(found, NotEstimable):
            rows.append(("not estimable", *[float("nan")] * 5))
            continue
        known = found.evidence
        accelerated = (float("nan"),) * 2 if isinstance(found.bca, NotEstimable) else found.bca
        detectable = float("nan") if isinstance(known.detectable, NotEstimable) else known.detectable
        rows.append((judge(known, RULE)[0], known.low, known.high, *accelerated, detectable))
    return rows


def _batches(scenario: Scenario, true: float, studies: int, seed: int) -> Iterable[Batch]:
    cells = 2 * scenario.seeds * scenario.patients * scenario.images * len(scenario.shares)
    size = max(1, min(_SIDE_BY_SIDE, _CELLS // cells))
    for number, start in enumerate(range(0, studies, size)):
        yield Batch(scenario, true, number, min(size, studies - start), seed)


def _columns(batches: dict[int, list[Any]]) -> dict[str, npt.NDArray[Any]]:
    rows = [row for number in sorted(batches) for row in batches[number]]
    names = ("word", "low", "high", "bca_low", "bca_high", "detectable")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _record(
    scenario: Scenario, none: dict[str, Any], at_mdg: dict[str, Any], at_margin: dict[str, Any]
) -> dict[str, Any]:
    """The JSON-ready record of a scenario. Coverage is that of studies without a gain; the others stand beside it."""
    printed = _printed(none)
    rates = {
        "false_gain_rate": _rate(none["word"] == GAIN),
        "false_loss_rate": _rate(none["word"] == LOSS),
        "coverage": _rate(_covers(none, 0.0)),
        "coverage_at_mdg": _rate(_covers(at_mdg, printed)),
        "coverage_bca": _rate(_covers(none, 0.0, "bca_")),
        "coverage_bca_at_mdg": _rate(_covers(at_mdg, printed, "bca_")),
        "power_at_mdg": _rate(at_mdg["word"] == GAIN),
        "no_difference_at_margin": _rate(at_margin["word"] == NO_DIFFERENCE),
    }
    return {
        "name": scenario.name, "about": scenario.about, "bound": scenario.bound, "design": asdict(scenario),
        "studies": len(none["word"]), **rates,
        "not_estimable": int((none["word"] == "not estimable").sum()),
        "minimum_detectable_gain": {
            name: float(np.nanquantile(none["detectable"], share))
            for name, share in (("low", 0.05), ("median", 0.5), ("high", 0.95))
        },
        "met": {
            name: all(_within(rates[rate], bounds) for rate in (name, f"{name}_at_mdg") if rate in rates)
            for name, bounds in TARGETS.items()
        } if scenario.bound else None,
    }  # fmt: skip


def _printed(columns: dict[str, Any]) -> float:
    """The minimum detectable gain that is planted: the median of the printed ones."""
    return float(np.nanmedian(columns["detectable"]))


def _covers(columns: dict[str, Any], true: float, kind: str = "") -> npt.NDArray[np.bool_]:
    known = np.isfinite(columns[f"{kind}low"])
    low, high = columns[f"{kind}low"][known], columns[f"{kind}high"][known]
    return np.asarray((low <= true) & (true <= high))


def _within(rate: dict[str, Any], bounds: dict[str, float]) -> bool:
    return bool(bounds.get("at_least", 0.0) <= rate["rate"] <= bounds.get("at_most", 1.0))


def _rate(hits: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A share with its exact interval (Clopper & Pearson 1934)."""
    from scipy.stats import binomtest

    count, total = int(hits.sum()), len(hits)
    limits = binomtest(count, total).proportion_ci(0.95, method="exact")
    return {
        "count": count, "studies": total, "rate": count / total, "low": float(limits.low), "high": float(limits.high),
    }  # fmt: skip
