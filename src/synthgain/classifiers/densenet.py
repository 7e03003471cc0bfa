"""DenseNet-121 (Huang et al., CVPR 2017, table 1) as MONAI has it, trained from scratch."""

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.schema import ClassifierConfig

_SMALLEST = 32
"""The network halves the image five times."""

SECONDS_PER_IMAGE = 9e-3
"""Of training on one CPU thread (AMD EPYC) at 32 x 32 pixels, for the estimate of a plan."""


class Config(ClassifierConfig):
    kind: Literal["densenet"] = "densenet"


def build(cfg: Config, channels: int, classes: int, spatial_dims: int = 2) -> nn.Module:
    """``(B, channels, ...)`` with ``spatial_dims`` axes -> logits ``(B, classes)``; 1024 features.

    Images smaller than 32 pixels are enlarged to 32 first.
    """
    from monai.networks.nets import DenseNet121

    return nn.Sequential(_AtLeast(_SMALLEST), DenseNet121(spatial_dims, channels, classes))


def feature_maps(network: nn.Module) -> Sequence[nn.Module]:
    """The layers whose output is maps ``(B, F, ...)`` that Grad-CAM may weigh, deepest first: the four blocks."""
    return [network.get_submodule(f"1.features.denseblock{block}") for block in (4, 3, 2, 1)]


class _AtLeast(nn.Module):
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
