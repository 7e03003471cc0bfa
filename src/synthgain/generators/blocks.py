"""Layers that several families share."""

import math

import torch
from torch import Tensor, nn


class ClassNorm(nn.Module):
    """`normalisation` whose scale and shift belong to the class (Dumoulin et al., ICLR 2017).

    ``(B, C, H, W)`` and labels ``(B,)``, or shares of the classes ``(B, K)`` -> ``(B, C, H, W)``.
    """

    def __init__(self, channels: int, classes: int, norm: str = "batch") -> None:
        super().__init__()
        self.norm = normalisation(norm, channels, affine=False)
        self.gain = nn.Embedding(classes, channels)
        self.bias = nn.Embedding(classes, channels)
        nn.init.normal_(self.gain.weight, 1.0, 0.02)
        nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        normal: Tensor = self.norm(x)
        gain, bias = embedded(self.gain, labels), embedded(self.bias, labels)
        return normal * gain[:, :, None, None] + bias[:, :, None, None]


def normalisation(norm: str, channels: int, affine: bool = True) -> nn.Module:
    """Normalisation by ``batch`` or, within each image, by ``group`` (Wu and He, ECCV 2018)."""
    if norm == "batch":
        return nn.BatchNorm2d(channels, affine=affine)
    return nn.GroupNorm(math.gcd(channels, 8), channels, affine=affine)


def halvings(size: int, smallest: int = 4) -> int:
    """How often an image of ``size`` pixels is halved (rounding up) until the next time would go below ``smallest``."""
    times = 0
    while -(-size // 2) >= smallest:
        size, times = -(-size // 2), times + 1
    return times


def after_halvings(size: int, times: int) -> int:
    """The side that is left after ``times`` halvings, each rounded up."""
    for _ in range(times):
        size = -(-size // 2)
    return size


def cropped(images: Tensor, size: int) -> Tensor:
    """The central ``size`` by ``size`` pixels of ``(B, C, H, W)``."""
    top, left = (images.shape[2] - size) // 2, (images.shape[3] - size) // 2
    return images[:, :, top : top + size, left : left + size]


def embedded(table: nn.Embedding, labels: Tensor) -> Tensor:
    """Rows of the table for labels ``(B,)``, or their mean weighted by shares of the classes ``(B, K)``: ``(B, F)``."""
    rows: Tensor = labels @ table.weight if labels.is_floating_point() else table(labels)
    return rows


def principal_directions(weight: Tensor) -> Tensor:
    """The unit vectors ``(D, Z)`` that a linear layer's ``weight (F, Z)`` stretches most, the most first.

    The eigenvectors of ``A^T A``: SeFa (Shen and Zhou, CVPR 2021, equation 4). Signs are chosen so that the largest
    entry is positive.
    """
    directions = torch.linalg.svd(weight.double(), full_matrices=False).Vh
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return (directions * largest.sign()).to(weight.dtype)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels ``(B,)`` -> float ``(B, classes)``; shares of the classes stay as they are."""
    if labels.is_floating_point():
        return labels
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(torch.float32)
