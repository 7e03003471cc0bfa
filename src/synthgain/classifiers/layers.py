"""Layers that the classifiers share or that PyTorch lacks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MeanAndMax(nn.Module):
    """``(B, F, ...)`` -> ``(B, 2 F)``. The mean alone dilutes a lesion that fills a few pixels."""

    def forward(self, maps: Tensor) -> Tensor:
        pixels = maps.flatten(2)
        return torch.cat([pixels.mean(2), pixels.amax(2)], 1)


class AtLeast(nn.Module):
    """Enlarge images whose shortest side has fewer pixels than ``side``."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        shortest = min(images.shape[2:])
        if shortest >= self.side:
            return images
        sides = [round(side * self.side / shortest) for side in images.shape[2:]]
        mode = "bilinear" if len(sides) == 2 else "trilinear"
        return F.interpolate(images, sides, mode=mode, align_corners=False)
