"""What a generator's inputs do: one noise under every class, along its latent code, at other guidance."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthgain.dataset import to_uint8
from synthgain.generators.contract import BATCH, Generator
from synthgain.schema import GeneratorConfig
from synthgain.seeding import derive

Strips = npt.NDArray[np.uint8]
NOISES = 2
"""Draws of noise that are shown under every class."""
DIRECTIONS = 3
"""Latent directions that are shown: those that change most."""
ALONG = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""How far along a direction, in standard deviations of the noise."""
GUIDANCE = (1.0, 2.0, 4.0, 8.0)
"""1: the conditional model as it is."""
_MOST = 8
"""Images of a strip, where there are not more classes than that."""


def explore(
    load: Callable[[GeneratorConfig], Generator], cfg: GeneratorConfig, classes: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Strips of images by what is varied in them: ``classes``, ``directions`` and ``guidance``, as the family has it.

    Parameters
    ----------
    load: the trained generator with the sampling settings of a configuration, in evaluation mode.
    classes: how many there are.
    seed: draws the noise.

    Returns
    -------
    Name to ``strips``, uint8 ``(R, n, C, H, W)``, and ``at``, where each image of a strip stands: shares of the classes
    ``(n, K)`` (a strip per noise), standard deviations ``(n,)`` (a strip per direction, in the first class) or guidance
    ``(n,)`` (a strip per class). Empty for a control.
    """
    generator = load(cfg)
    if generator.control:
        return {}
    noise = generator.noise(NOISES, seed=derive(seed, "explain", "latent"))
    path = _path(classes)
    found: dict[str, dict[str, Any]] = {
        "classes": {
            "strips": np.stack([_painted(generator, _times(each, path), path) for each in noise]),
            "at": path.tolist(),
        }
    }
    directions = generator.directions()[:DIRECTIONS]
    if len(directions):
        first = torch.eye(classes)[:1].expand(len(ALONG), -1)
        moved = [noise[0] + torch.tensor(ALONG)[:, None] * direction for direction in directions]
        found["directions"] = {"strips": np.stack([_painted(generator, each, first) for each in moved]), "at": ALONG}
    if hasattr(cfg.sampling, "guidance"):
        found["guidance"] = {"strips": _guided(load, cfg, noise[0], classes), "at": GUIDANCE}
    return found


def _path(classes: int) -> Tensor:
    """Shares of the classes along a way from each to the next, ``(n, classes)``; rows sum to 1."""
    steps = max(1, (_MOST - 1) // max(1, classes - 1))
    corners = torch.eye(classes)
    between = [torch.lerp(corners[k], corners[k + 1], i / steps) for k in range(classes - 1) for i in range(steps)]
    return torch.stack([*between, corners[-1]])


def _guided(load: Callable[[GeneratorConfig], Generator], cfg: GeneratorConfig, noise: Tensor, classes: int) -> Strips:
    assert cfg.sampling is not None
    each, drawn = torch.eye(classes)[:_MOST], []
    for guidance in GUIDANCE:
        generator = load(cfg.model_copy(update={"sampling": cfg.sampling.model_copy(update={"guidance": guidance})}))
        drawn.append(_painted(generator, _times(noise, each), each))
    return np.stack(drawn, 1)


def _times(noise: Tensor, shares: Tensor) -> Tensor:
    """One noise for every row of ``shares``."""
    return noise.expand(len(shares), *noise.shape)


@torch.inference_mode()
def _painted(generator: Generator, noise: Tensor, shares: Tensor) -> Strips:
    """Images uint8 ``(n, C, H, W)`` of noise ``(n, ...)`` and shares of the classes ``(n, K)``."""
    drawn = [generator.paint(*part) for part in zip(noise.split(BATCH), shares.split(BATCH), strict=True)]
    return to_uint8(torch.cat(drawn)).numpy()
