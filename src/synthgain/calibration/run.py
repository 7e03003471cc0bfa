"""The self-calibration: how often the rule says *gain* without one, covers the truth, and finds what it promised."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synthgain import progress
from synthgain.calibration import simulate
from synthgain.calibration.rates import (
    REPLICATES,
    RULE,
    TARGETS,
    Columns,
    Judged,
    columns,
    detectable,
    record,
    verdicts,
)
from synthgain.calibration.scenarios import SCENARIOS, Scenario
from synthgain.compute import side_by_side
from synthgain.errors import SynthgainError
from synthgain.seeding import derive, rng

_SIDE_BY_SIDE = 50
"""Most studies that share their patients' layout and bootstrap draws."""
_CELLS = 8_000_000
"""Probabilities that are held at once."""


@dataclass(frozen=True)
class Batch:
    """Studies of one scenario that are simulated together; without a ``gain`` none is planted."""

    scenario: Scenario
    gain: float | None
    number: int
    studies: int
    seed: int


def run(studies: int, seed: int, workers: int, scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, Any]:
    """Simulate ``studies`` studies per scenario without a planted gain, and as many at the minimum detectable gain that
    those print (their median) and at the margin.

    Returns
    -------
    settings, targets, scenarios (see `rates.record`). Every rate is ``{count, studies, rate, low, high}`` with the 95 %
    interval of Clopper & Pearson.

    Raises
    ------
    SynthgainError
        Fewer than two studies, or no process to simulate them.
    """
    check(studies, workers)
    with progress.bar("calibrate", 3 * studies * len(scenarios)) as bar:

        def judged(gains: Sequence[float | None]) -> list[Columns]:
            batches = [
                batch for scenario, true in zip(scenarios, gains, strict=True)
                for batch in _batches(scenario, true, studies, seed)
            ]  # fmt: skip
            found: dict[str, dict[int, list[Judged]]] = defaultdict(dict)
            for batch, rows in side_by_side(judge_batch, batches, workers, preload=["scipy.stats"]):
                found[batch.scenario.name][batch.number] = rows
                bar.advance(batch.studies, batch.scenario.name)
            return [columns(in_order(found[scenario.name])) for scenario in scenarios]

        none = judged([None] * len(scenarios))
        at_mdg = judged([detectable(each)["median"] for each in none])
        at_margin = judged([RULE.margin] * len(scenarios))
    return {
        "settings": {
            "studies": studies, "seed": seed, "replicates": REPLICATES, **asdict(RULE),
            "accuracy": simulate.ACCURACY, "auroc": simulate.AUROC,
        },
        "targets": TARGETS,
        "scenarios": [
            {"name": each.name, "about": each.about, "design": asdict(each),
             "minimum_detectable_gain": detectable(unplanted)} | record(unplanted, *planted, bound=each.bound)
            for each, unplanted, planted in zip(scenarios, none, zip(at_mdg, at_margin, strict=True), strict=True)
        ],
    }  # fmt: skip


def check(studies: int, workers: int) -> None:
    """Refuse too few of either."""
    if studies < 2:
        raise SynthgainError(f"--studies {studies}: rates need at least two")
    if workers < 1:
        raise SynthgainError(f"--workers {workers}: at least one process must work")


def judge_batch(batch: Batch) -> list[Judged]:
    """Simulate the studies of a batch and judge them."""
    planted = "none" if batch.gain is None else f"{batch.gain:.9f}"
    key = (batch.scenario.name, planted, batch.number)
    found = simulate.studies(batch.scenario, batch.gain, batch.studies, rng(batch.seed, "calibrate", *key))
    draws = derive(batch.seed, "calibrate", "bootstrap", *key)
    return verdicts(found.predictions, found.truths, batch.scenario.metric, draws)


def in_order(batches: dict[int, list[Judged]]) -> Iterable[Judged]:
    """The rows of batches that finished in any order, by number."""
    return (row for number in sorted(batches) for row in batches[number])


def _batches(scenario: Scenario, true: float | None, studies: int, seed: int) -> Iterable[Batch]:
    cells = 2 * scenario.seeds * scenario.patients * scenario.images * len(scenario.shares)
    size = max(1, min(_SIDE_BY_SIDE, _CELLS // cells))
    for number, start in enumerate(range(0, studies, size)):
        yield Batch(scenario, true, number, min(size, studies - start), seed)
