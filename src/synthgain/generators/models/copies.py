"""Control: real training images of the requested class, drawn at random. What it gains, synthesis must beat."""

from collections.abc import Iterable

import torch
from torch import Tensor

from synthgain.dataset import to_float, to_uint8
from synthgain.errors import SynthgainError
from synthgain.generators.contract import Facts, Generator
from synthgain.seeding import derive


class Copies(Generator):
    """Holds the train split as uint8 ``(N, C, H, W)`` with its labels ``(N,)``."""

    control = True
    images: Tensor
    labels: Tensor

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.classes = facts.classes
        self.register_buffer("images", torch.empty(0, facts.channels, facts.size, facts.size, dtype=torch.uint8))
        self.register_buffer("labels", torch.empty(0, dtype=torch.int64))

    def observe(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        images, labels = zip(*((to_uint8(x), y) for x, y in batches), strict=True)
        self.images, self.labels = torch.cat(images), torch.cat(labels)

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        """Draw with replacement; raises `SynthgainError` where the train split has no image of a class."""
        rows = [self._row(int(label), derive(seed, i)) for i, label in enumerate(labels.tolist())]
        return to_float(self.images[rows].cpu())

    def _row(self, label: int, seed: int) -> int:
        of_class = torch.nonzero(self.labels == label).flatten()
        if not len(of_class):
            raise SynthgainError(f"copies: the train split has no image of class '{self.classes[label]}'")
        return int(of_class[seed % len(of_class)])
