"""Studies drawn from a pool of real trainings, whose true gain is known because the pool is all there is.

A study draws its trainings of either arm and its test patients from the pool, all independently and with replacement.
The expected difference between its arms is then that between their means over the pool: exactly where patients have
equal numbers of images, and nearly where they do not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain import progress
from synthgain.calibration.rates import RULE, Columns, Judged, columns, detectable, record, verdicts
from synthgain.calibration.run import check, in_order
from synthgain.compute import side_by_side
from synthgain.evaluation.predictions import Predictions
from synthgain.seeding import derive, rng

SEEDS = 8
_METRIC = "balanced_accuracy"
_AT_ONCE = 25
_PILOT = 200
_TURNS = 3


@dataclass(frozen=True)
class Batch:
    """Studies that are drawn from the same pool, of the arms candidate and baseline, one after another."""

    pool: Predictions
    name: str
    number: int
    studies: int
    seed: int


def run(pool: Predictions, studies: int, seed: int, workers: int) -> dict[str, Any]:
    """Judge ``studies`` studies of the weaker arm against itself (A/A), and as many with a planted gain of what such
    studies print as detectable, and of the margin.

    Parameters
    ----------
    pool: of two arms, the stronger first, with all trainings that there are.

    Returns
    -------
    As `rates.record`, with the names of the ``arms``, the numbers of trainings, seeds and patients, and the true gains
    that were planted, ``truth_at_mdg`` and ``truth_at_margin``.

    Raises
    ------
    SynthgainError
        Fewer than two studies, or no process to judge them.
    """
    check(studies, workers)
    pilot = min(_PILOT, studies)
    with progress.bar("calibrate on trainings", 3 * studies + _TURNS * pilot) as bar:

        def judged(planted: Predictions, name: str, count: int) -> Columns:
            found: dict[int, list[Judged]] = {}
            for batch, rows in side_by_side(judge_batch, _batches(planted, name, count, seed), workers):
                found[batch.number] = rows
                bar.advance(batch.studies, name)
            return columns(in_order(found))

        none = judged(plant(pool, 0.0, seed), "no gain", studies)
        printed = detectable(none)["median"]
        for turn in range(_TURNS):  # what is printed depends on how the gain is spread over the patients
            printed = detectable(judged(plant(pool, printed, seed), f"pilot {turn}", pilot))["median"]
        with_mdg, with_margin = (plant(pool, gain, seed) for gain in (printed, RULE.margin))
        at_mdg = judged(with_mdg, "detectable gain", studies)
        at_margin = judged(with_margin, "margin", studies)
    return {
        "name": "real trainings", "arms": list(pool.arms), "trainings": len(pool.seeds), "seeds": SEEDS,
        "patients": pool.n_groups,
        "truth_at_mdg": truth(with_mdg), "truth_at_margin": truth(with_margin),
        "minimum_detectable_gain": detectable(at_mdg), **record(none, at_mdg, at_margin, bound=True),
    }  # fmt: skip


def plant(pool: Predictions, gain: float, seed: int) -> Predictions:
    """The weaker arm as baseline; and as candidate, the same trainings, except that they predict some patients as the
    stronger arm does: so many, in a random order, that the true gain comes as near to ``gain`` as it can."""
    stronger, weaker = pool.probabilities
    order = rng(seed, "plant").permutation(pool.n_groups)
    reached = np.cumsum([0.0, *_worth(pool)[order]])
    moved = np.isin(pool.groups, order[: int(np.abs(reached - gain).argmin())])
    candidate = np.where(moved[:, None], stronger, weaker)
    return replace(pool, arms=("candidate", "baseline"), probabilities=np.stack([candidate, weaker]))


def truth(pool: Predictions) -> float:
    """By how much the first arm exceeds the second, over all trainings and patients."""
    return float(_worth(pool).sum())


def draw(pool: Predictions, seeds: int, random: np.random.Generator) -> Predictions:
    """A study of both arms of the pool: ``seeds`` trainings of each, and as many patients as the pool has; a patient
    who is drawn twice counts as two."""
    members = [np.flatnonzero(pool.groups == group) for group in range(pool.n_groups)]
    chosen = [members[group] for group in random.integers(pool.n_groups, size=pool.n_groups)]
    trainings = random.integers(len(pool.seeds), size=(len(pool.arms), seeds))
    drawn = pool.probabilities[np.arange(len(pool.arms))[:, None], trainings]
    rows, groups = np.concatenate(chosen), np.repeat(np.arange(len(chosen)), [len(each) for each in chosen])
    return Predictions(pool.arms, tuple(range(seeds)), pool.classes, pool.labels[rows], groups, drawn[:, :, rows])


def judge_batch(batch: Batch) -> list[Judged]:
    """Draw the studies of a batch and judge them."""
    known, found = np.array([truth(batch.pool)]), []
    for study in range(batch.studies):
        key = ("pool", batch.name, batch.number, study)
        drawn = draw(batch.pool, SEEDS, rng(batch.seed, "draw", *key))
        one = replace(drawn, arms=("candidate-0", "baseline-0"))
        found += verdicts(one, known, _METRIC, derive(batch.seed, "bootstrap", *key))
    return found


def _worth(pool: Predictions) -> npt.NDArray[np.float64]:
    """What each patient adds to the difference in balanced accuracy of the two arms: ``(G,)``."""
    right = (pool.probabilities.argmax(-1) == pool.labels).mean(1)
    share = 1 / (len(pool.classes) * np.bincount(pool.labels, minlength=len(pool.classes)))
    return np.asarray(np.bincount(pool.groups, (right[0] - right[1]) * share[pool.labels], pool.n_groups), np.float64)


def _batches(pool: Predictions, name: str, studies: int, seed: int) -> Iterable[Batch]:
    for number, start in enumerate(range(0, studies, _AT_ONCE)):
        yield Batch(pool, name, number, min(_AT_ONCE, studies - start), seed)
