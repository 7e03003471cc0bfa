"""What a generator is. One file per family beside this one; shared networks and samplers are files of their own.

A family's file has a ``Config`` (a `GeneratorConfig` with ``kind``, and ``model`` / ``sampling`` where it has such
settings) and ``build(cfg, facts) -> Generator``. Nothing else has to know of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthgain.config import SourceConfig


@dataclass(frozen=True)
class Facts:
    """What a generator may know of the data before training: the image shape, the classes, how the phantom is drawn."""

    channels: int
    size: int
    classes: tuple[str, ...]
    source: SourceConfig


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


class Generator(nn.Module):
    """Base of all families. A control overrides `observe` and `sample` only."""

    def phases(self) -> Sequence[Phase]:
        """The training phases, in order; none for a model that is not trained by gradient."""
        return ()

    def observe(self, images: Tensor, labels: Tensor) -> None:
        """See the train split once before training: ``(N, C, H, W)`` in [-1, 1], int64 ``(N,)``; fill buffers."""

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        """Draw one image per label: int64 ``(n,)`` -> float ``(n, C, H, W)`` in [-1, 1].

        Deterministic by ``seed``; image ``i`` does not depend on how many follow it.
        """
        raise NotImplementedError
