"""The stream of training batches of an arm: a pure function of (arm, sets, seed, step)."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.arms.arm import Arm
from synthgain.dataset import ImageSet
from synthgain.errors import SynthgainError
from synthgain.seeding import rng

Rows = npt.NDArray[np.intp]
Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def stream(arm: Arm, real: ImageSet, pool: ImageSet | None, *, seed: int, batch_size: int) -> Callable[[int], Batch]:
    """What ``arm`` trains on.

    Real slots hold the train split of ``real``, in an order that depends on ``seed`` only; synthetic slots hold the
    arm's part of ``pool``, class by class. The share of synthetic slots is exact over steps.

    Returns
    -------
    A function of the step, counted from 0: uint8 images ``(batch_size, C, ...)``, int64 labels ``(batch_size,)``.

    Raises
    ------
    SynthgainError
        The train split, or the arm's part of the pool, lacks a class.
    """
    labels = real.labels
    train = real.rows("train")
    by_class = _by_class(train, labels, real.classes, "train split") if arm.balanced else [train]
    share = arm.synthetic_share
    drawn: list[Rows] = []
    if pool is not None and share:
        rows = pool_rows(arm, pool, len(train))
        drawn = _by_class(rows, pool.labels, pool.classes, _describe(arm, pool, rows))
        drawn_labels = pool.labels

    def batch(step: int) -> Batch:
        before, after = (_synthetic_slots(share, at * batch_size) for at in (step, step + 1))
        slots = np.arange(step * batch_size - before, (step + 1) * batch_size - after)
        rows = in_turn(by_class, slots, seed, "real")
        if not drawn:
            return real.images[rows], labels[rows]
        chosen = in_turn(drawn, np.arange(before, after), seed, "synthetic")
        images = np.concatenate([real.images[rows], pool.images[chosen]])
        return images, np.concatenate([labels[rows], drawn_labels[chosen]])

    return batch


def pool_rows(arm: Arm, pool: ImageSet, train: int) -> Rows:
    """The rows of the drawn pool that ``arm`` uses: the first ratio x ``train`` images, of the kept ones if filtered."""
    usable = pool.rows("train")
    if arm.filtered:
        usable = usable[pool.table["kept"].to_numpy(bool)[usable]]
    return usable[: round(arm.ratio * train)]


def in_turn(by_class: Sequence[Rows], slots: npt.NDArray[Any], seed: int, name: str) -> Rows:
    """Rows for the slots ``(n,)`` of an endless sequence: classes take turns, and each is reshuffled after each pass."""
    rows = np.empty(len(slots), np.intp)
    for index, members in enumerate(by_class):
        mine = slots % len(by_class) == index
        passes, places = np.divmod(slots[mine] // len(by_class), len(members))
        chosen = np.empty(len(places), np.intp)
        for number in np.unique(passes):
            order = rng(seed, name, index, int(number)).permutation(members)
            chosen[passes == number] = order[places[passes == number]]
        rows[mine] = chosen
    return rows


def _synthetic_slots(share: Fraction, slots: int) -> int:
    """How many of the first ``slots`` slots are synthetic."""
    return floor(share * slots)


def _by_class(rows: Rows, labels: npt.NDArray[np.int64], classes: Sequence[str], where: str) -> list[Rows]:
    parts = [rows[labels[rows] == index] for index in range(len(classes))]
    missing = [name for name, part in zip(classes, parts, strict=True) if not len(part)]
    if missing:
        counts = ", ".join(f"{name} {len(part)}" for name, part in zip(classes, parts, strict=True))
        raise SynthgainError(f"{where}: no image of class {', '.join(missing)} ({counts})")
    return parts


def _describe(arm: Arm, pool: ImageSet, rows: Rows) -> str:
    kept = "kept by the filter, " if arm.filtered else ""
    return (
        f"arm '{arm.name}', generator '{arm.generator}': {len(rows)} images used of {len(pool)} drawn ({kept}ratio "
        f"{arm.ratio:g}); train it longer, loosen synthesis.confidence or draw more (synthesis.oversample)"
    )
