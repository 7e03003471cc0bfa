"""The images that a generator learns from, batch by batch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthgain.dataset import to_float
from synthgain.seeding import rng

IN_MEMORY = 512 * 2**20
"""Bytes of images up to which the train split is kept in memory; a larger one is read row by row."""


class TrainSplit:
    """The images of the train split, uint8 ``(n, C, H, W)``, in an order that is a function of seed and step."""

    def __init__(
        self, images: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], labels: npt.NDArray[np.int64], seed: int
    ) -> None:
        fits = len(rows) * images[0].nbytes <= IN_MEMORY
        self.images, self.rows = (np.asarray(images[rows]), np.arange(len(rows))) if fits else (images, rows)
        self.labels, self.seed = labels[rows], seed

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """The batch of a step, counted from 0: uint8 ``(size, C, H, W)`` and int64 ``(size,)``.

        The batches of all steps, laid end to end, are one random permutation of the images after another.
        """
        places = np.arange(step * size, (step + 1) * size)
        epochs = np.unique(places // len(self))
        orders = {epoch: rng(self.seed, "epoch", int(epoch)).permutation(len(self)) for epoch in epochs}
        chosen = np.array([orders[place // len(self)][place % len(self)] for place in places])
        return self._take(chosen)

    def once(self, size: int = 256) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in order: float ``(B, C, H, W)`` in [-1, 1] and int64 ``(B,)``."""
        for start in range(0, len(self), size):
            images, labels = self._take(np.arange(start, min(start + size, len(self))))
            yield to_float(images), labels

    def _take(self, chosen: npt.NDArray[Any]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.images[self.rows[chosen]]), torch.from_numpy(self.labels[chosen])
