"""Control: white Gaussian noise with each class's mean and variance of grey levels, and no anatomy at all."""

from collections.abc import Iterable

import torch
from torch import Tensor

from synthgain.generators.contract import Facts, Generator, image_noise, in_batches


class Noise(Generator):
    """Mean and standard deviation over all pixels of a class, ``(K, C)`` each."""

    control = True
    mean: Tensor
    deviation: Tensor

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.shape = (facts.channels, facts.size, facts.size)
        self.register_buffer("mean", torch.zeros(len(facts.classes), facts.channels))
        self.register_buffer("deviation", torch.ones(len(facts.classes), facts.channels))

    def observe(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        shape = (3, *self.mean.shape)
        moments = torch.zeros(shape, dtype=torch.float64)
        for images, labels in batches:
            pixels = images.double().flatten(2)
            powers = torch.stack([pixels**0, pixels, pixels**2]).sum(3)
            moments.index_add_(1, labels, powers)
        mean, square = moments[1:] / moments[0].clamp(min=1)
        self.mean.copy_(mean)
        self.deviation.copy_((square - mean**2).clamp(min=0).sqrt())

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        return in_batches(self._draw, image_noise(self.shape, len(labels), seed), labels, self.device)

    def _draw(self, noise: Tensor, labels: Tensor) -> Tensor:
        mean, deviation = self.mean[labels, :, None, None], self.deviation[labels, :, None, None]
        return (mean + deviation * noise).clamp(-1, 1)
