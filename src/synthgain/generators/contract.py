"""What a generator is. One file per family beside this one; shared networks and samplers are files of their own.

A family's file has a ``Config`` (a `GeneratorConfig` with ``kind``, and ``model`` / ``sampling`` where it has such
settings) and ``build(cfg, facts) -> Generator``; one that is trained also ``SECONDS_PER_IMAGE`` and
``SECONDS_PER_DRAWN``, from which the plan estimates its cost. Nothing else has to know of it. Every command reads the
settings, so what ``build`` needs of PyTorch is imported inside it; the networks of the families here are in ``models``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import torch
from torch import Tensor, nn

from synthgain.schema import SourceConfig
from synthgain.seeding import derive

BATCH = 50
"""Images drawn at once. Every batch has this size, padded if need be: the last bits of a sum depend on it."""


@dataclass(frozen=True)
class Facts:
    """What a generator may know of the data before training: the image shape, the classes, how the phantom is drawn."""

    channels: int
    size: int
    classes: tuple[str, ...]
    source: SourceConfig


def constant(progress: float) -> float:
    """The learning rate's factor where a phase names no schedule."""
    return 1.0


@dataclass(frozen=True)
class Phase:
    """One optimiser of a training step: a GAN has two of them, a VAE or a diffusion model one."""

    name: str
    parameters: Callable[[], list[nn.Parameter]]
    loss: Callable[[Tensor, Tensor], Tensor]
    """``(images (B, C, H, W) in [-1, 1], labels int64 (B,)) -> scalar``."""
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
    every: int = 1
    """Run this phase at every n-th step."""
    clip: float | None = None
    """Largest norm of the phase's gradient."""
    schedule: Callable[[float], float] = constant
    """Factor on the learning rate, from the share of the steps done (0 to 1)."""


class Generator(nn.Module):
    """Base of all families. A trained one has `noise` and `paint`; a control overrides `observe` and `sample` only."""

    control: ClassVar[bool] = False
    """Controls stand for a distribution (copies, noise, truth): their samples are never filtered."""

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next((tensor.device for tensor in chain(self.parameters(), self.buffers())), torch.device("cpu"))

    def phases(self) -> Sequence[Phase]:
        """The training phases, in order; none for a model that is not trained by gradient."""
        return ()

    def compilable(self) -> Sequence[nn.Module]:
        """Networks that ``training.compile`` may compile: those whose gradient is not differentiated again."""
        return ()

    def observe(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """See the train split once before training, to fill buffers: ``(B, C, H, W)`` in [-1, 1] and int64 ``(B,)``.

        A buffer whose first axis is empty when built may grow to the number of images. Differentially private training
        leaves it out: what is observed carries no noise.
        """

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        """Draw one image per label: int64 ``(n,)`` -> float ``(n, C, H, W)`` in [-1, 1].

        Deterministic by ``seed``; image ``i`` depends on ``labels[i]`` and ``i`` alone, not on how many follow.
        """
        return in_batches(self.paint, self.noise(len(labels), seed=seed), labels, self.device)

    def noise(self, count: int, *, seed: int) -> Tensor:
        """What images are made from, normal ``(count, ...)``; row ``i`` depends on ``seed`` and ``i`` alone."""
        raise NotImplementedError

    def paint(self, noise: Tensor, labels: Tensor) -> Tensor:
        """One batch of images, float ``(B, C, H, W)`` in [-1, 1], from noise ``(B, ...)`` and labels int64 ``(B,)``.

        In the labels' place, float ``(B, K)`` holds shares of the classes, for images between them.
        """
        raise NotImplementedError

    def directions(self) -> Tensor:
        """Directions in the space of noise, unit vectors ``(D, Z)``, those that change images most first; or none."""
        return torch.empty(0, 0)

    def membership(self, images: Tensor, labels: Tensor, *, seed: int) -> Mapping[str, Tensor]:
        """How much each image looks like one that was trained on, in the model's own terms: the audit attacks with it.

        Float ``(n, C, H, W)`` in [-1, 1] and int64 ``(n,)`` -> name to float ``(n,)``, higher for members; empty for a
        model that is not trained. Deterministic by ``seed``; image ``i`` depends on itself and ``i`` alone.
        """
        return {}


def image_noise(shape: Sequence[int], count: int, seed: int) -> Tensor:
    """Standard normal ``(count, *shape)``; row ``i`` is a function of ``seed`` and ``i``, on every device."""
    rows = (torch.randn(*shape, generator=torch.Generator().manual_seed(derive(seed, i))) for i in range(count))
    return torch.stack(list(rows)) if count else torch.empty(0, *shape)


@torch.inference_mode()
def in_batches(draw: Callable[[Tensor, Tensor], Tensor], noise: Tensor, labels: Tensor, on: torch.device) -> Tensor:
    """``draw(noise, labels)`` for all rows, `BATCH` at a time, so that no image depends on how many there are.

    The batches are moved to ``on``, the images back to the CPU.
    """
    drawn = []
    for start in range(0, len(labels), BATCH):
        rows = torch.arange(start, start + BATCH).clamp(max=len(labels) - 1)
        drawn.append(draw(noise[rows].to(on), labels[rows].to(on))[: len(labels) - start].cpu())
    return torch.cat(drawn)
