"""Differentiable and non-leaking augmentation: what makes a few hundred images enough for a generator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def diff_augment(images: Tensor, policy: str) -> Tensor:
    """DiffAugment: the same random changes on real and generated images, with gradients to the generator.

    Zhao et al., NeurIPS 2020: colour (brightness, contrast), shift by up to 1/8 of the side, cutout of half of it.

    Parameters
    ----------
    images: ``(B, C, H, W)`` in [-1, 1].
    policy: any of ``color``, ``translation``, ``cutout``, separated by commas; empty for none.
    """
    for name in filter(None, policy.split(",")):
        images = _CHANGES[name](images)
    return images


def _color(x: Tensor) -> Tensor:
    brightness, contrast = torch.rand(2, len(x), 1, 1, 1, device=x.device).unbind(0)
    x = x + (brightness - 0.5)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def _translation(x: Tensor) -> Tensor:
    size = x.shape[2]
    most = max(1, round(size / 8))
    down, right = torch.randint(-most, most + 1, (2, len(x), 1), device=x.device).unbind(0)
    axis = torch.arange(size, device=x.device)
    rows, columns = (axis + down + most)[:, :, None], (axis + right + most)[:, None, :]
    padded = F.pad(x, (most, most, most, most), value=-1.0).permute(0, 2, 3, 1)
    return padded[torch.arange(len(x), device=x.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def _cutout(x: Tensor) -> Tensor:
    size = x.shape[2]
    top, left = torch.randint(-(size // 4), size - size // 4, (2, len(x), 1), device=x.device).unbind(0)
    axis = torch.arange(size, device=x.device)
    in_rows = (axis >= top) & (axis < top + size // 2)
    in_columns = (axis >= left) & (axis < left + size // 2)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return x.masked_fill(hole, 0.0)


_CHANGES = {"color": _color, "translation": _translation, "cutout": _cutout}

AMOUNTS = 6
"""Numbers that `non_leaking` describes its changes with."""


def non_leaking(images: Tensor, probability: float) -> tuple[Tensor, Tensor]:
    """Geometric augmentation that the network is told of, so that samples drawn with amounts 0 do not show it.

    Karras et al., NeurIPS 2022, appendix F.2: flip, zoom, rotation, stretch and shift, each with ``probability``.

    Returns
    -------
    The images ``(B, C, H, W)`` (pixels from outside repeat the border) and the amounts ``(B, AMOUNTS)``.
    """
    if not probability:
        return images, images.new_zeros(len(images), AMOUNTS)
    normal = torch.randn(len(images), AMOUNTS, device=images.device)
    chosen = torch.rand(len(images), AMOUNTS, device=images.device) < probability
    chosen[:, 5] = chosen[:, 4]
    amounts = normal * chosen
    amounts[:, 0] = (torch.rand(len(images), device=images.device) < probability / 2).float()
    flip = 1 - 2 * amounts[:, 0]
    zoom, stretch = 2 ** (0.15 * amounts[:, 1]), 2 ** (0.1 * amounts[:, 3])
    angle = math.radians(8) * amounts[:, 2]
    shift = 2 * 0.05 * amounts[:, 4:6]
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = [flip * cosine * stretch, -flip * sine, shift[:, 0], sine, cosine / stretch, shift[:, 1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid.to(images.dtype), padding_mode="border", align_corners=False), amounts
