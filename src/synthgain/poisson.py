"""The sampling that differential privacy is accounted for."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from synthgain.seeding import rng
from synthgain.train_split import TrainSplit


class PoissonSplit(TrainSplit):
    """A train split of which every unit is in a batch with the same probability, on its own.

    Parameters
    ----------
    split: the images.
    units: whom each of its images belongs to, ``(n,)``; a batch holds one image, drawn at random, of each unit in it.
    seed: of the sampling.
    """

    def __init__(self, split: TrainSplit, units: npt.NDArray[np.integer], seed: int) -> None:
        self.images, self.rows, self.labels, self.seed = split.images, split.rows, split.labels, seed
        self.order = np.argsort(units, kind="stable")
        _, self.starts, self.sizes = np.unique(units[self.order], return_index=True, return_counts=True)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """The batch of a step: uint8 ``(B, C, H, W)`` and int64 ``(B,)``; B is random with mean ``size``."""
        random = rng(self.seed, "poisson", step)
        inside = random.random(len(self.starts)) < size / len(self.starts)
        place = (random.random(len(self.starts)) * self.sizes).astype(np.int64)
        return self._take(self.order[(self.starts + place)[inside]])
