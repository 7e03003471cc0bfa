"""The stream of training batches of an arm: a pure function of (arm, sets, seed, step)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


def stream(
    arm: Arm, real: ImageSet, pool: ImageSet | None, *, seed: int, batch_size: int, steps: int
) -> Callable[[int], Batch]:
    """What ``arm`` trains on for ``steps`` steps.

    Real slots hold the train split of ``real``, in an order that depends on ``seed`` only; synthetic slots hold the
    arm's part of ``pool``, class by class. Of the first n slots of the training, floor(share x n) are synthetic.

    Returns
    -------
    A function of the step, counted from 0: uint8 images ``(batch_size, C, ...)``, int64 labels ``(batch_size,)``.

    Raises
    ------
    SynthgainError
        Classes take turns, and one of them has no image.
    """
    train = real.rows("train")
    where = "train split" if arm.balanced else None
    real_deck = _Deck(real.images, real.labels, _dealt(real.labels, real.classes, train, where), seed, "real")
    if arm.generator is None or pool is None:
        return lambda step: real_deck.take(step * batch_size, (step + 1) * batch_size)
    rows = pool_rows(arm, pool, len(train))
    labels = _shuffled(pool.labels, rows, seed) if arm.shuffled else pool.labels
    parts = _dealt(labels, pool.classes, rows, _describe(arm, pool, rows))
    synthetic_deck = _Deck(pool.images, labels, parts, seed, "synthetic")
    pretrained = arm.pretraining(steps) if arm.pretrained else steps

    def batch(step: int) -> Batch:
        if step >= pretrained:
            return real_deck.take((step - pretrained) * batch_size, (step - pretrained + 1) * batch_size)
        start, stop = step * batch_size, (step + 1) * batch_size
        first, last = floor(arm.synthetic_share * start), floor(arm.synthetic_share * stop)
        real_images, real_labels = real_deck.take(start - first, stop - last)
        images, labels = synthetic_deck.take(first, last)
        return np.concatenate([real_images, images]), np.concatenate([real_labels, labels])

    return batch


def lacks(arm: Arm, pool: ImageSet, train: int) -> str | None:
    """Why ``arm`` cannot be trained, in words: its part of the pool lacks a class. None: it can."""
    rows = pool_rows(arm, pool, train)
    try:
        _dealt(pool.labels, pool.classes, rows, _describe(arm, pool, rows))
    except SynthgainError as error:
        return str(error)
    return None


def pool_rows(arm: Arm, pool: ImageSet, train: int) -> Rows:
    """Rows of the drawn pool that ``arm`` uses: the first ratio x ``train`` images, of the kept ones if filtered.

    All of them where it uses the whole pool.
    """
    usable = pool.rows("train")
    if arm.filtered:
        usable = usable[pool.table["kept"].to_numpy(bool)[usable]]
    return usable if arm.whole else usable[: round(arm.ratio * train)]


def class_weights(images: ImageSet) -> npt.NDArray[np.float32]:
    """``n / (K n_k)`` of the train split, ``(K,)``: in the loss every class weighs the same, an image 1 on average."""
    counts = np.bincount(images.labels[images.rows("train")], minlength=len(images.classes))
    return (counts.sum() / (len(counts) * np.maximum(counts, 1))).astype(np.float32)


def _shuffled(labels: npt.NDArray[np.int64], rows: Rows, seed: int) -> npt.NDArray[np.int64]:
    mixed = labels.copy()
    mixed[rows] = rng(seed, "shuffled labels").permutation(labels[rows])
    return mixed


@dataclass(frozen=True)
class _Deck:
    """An endless sequence of images: the parts take turns, and each is shuffled anew for every pass through it."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    parts: list[Rows]
    seed: int
    name: str

    def take(self, start: int, stop: int) -> Batch:
        """Images and labels at the positions ``start`` up to ``stop`` of the sequence."""
        slots = np.arange(start, stop)
        rows = np.empty(len(slots), np.intp)
        for index, part in enumerate(self.parts):
            mine = slots % len(self.parts) == index
            rows[mine] = self._shuffled(index, part, slots[mine] // len(self.parts))
        return self.images[rows], self.labels[rows]

    def _shuffled(self, index: int, part: Rows, positions: npt.NDArray[Any]) -> Rows:
        passes, places = np.divmod(positions, len(part))
        rows = np.empty(len(positions), np.intp)
        for number in np.unique(passes):
            order = rng(self.seed, self.name, index, int(number)).permutation(part)
            rows[passes == number] = order[places[passes == number]]
        return rows


def _dealt(labels: npt.NDArray[np.int64], classes: Sequence[str], rows: Rows, where: str | None) -> list[Rows]:
    """``rows`` class by class; in one part where no ``where`` says what is to be blamed for a missing class."""
    if where is None:
        return [rows]
    parts = {name: rows[labels[rows] == index] for index, name in enumerate(classes)}
    missing = [name for name, part in parts.items() if not len(part)]
    if missing:
        counts = ", ".join(f"{name} {len(part)}" for name, part in parts.items())
        raise SynthgainError(f"{where}: no image of class {', '.join(missing)} (images: {counts})")
    return list(parts.values())


def _describe(arm: Arm, pool: ImageSet, rows: Rows) -> str:
    kept = f" kept by the filter, of {len(pool)} drawn" if arm.filtered else f" of {len(pool)} drawn"
    return f"arm '{arm.name}', generator '{arm.generator}': {len(rows)} images{kept}"
