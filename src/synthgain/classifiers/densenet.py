"""DenseNet-121 (Huang et al., CVPR 2017, table 1) as MONAI has it, trained from scratch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from synthgain.schema import ClassifierConfig

if TYPE_CHECKING:
    from torch import nn

_SMALLEST = 32
"""The network halves the image five times."""

SECONDS_PER_IMAGE = 9e-3
"""Of training on one CPU thread (AMD EPYC) at 32 x 32 pixels, for the estimate of a plan."""


class Config(ClassifierConfig):
    kind: Literal["densenet"] = "densenet"


def build(cfg: Config, channels: int, classes: int, spatial_dims: int = 2) -> "nn.Module":
    """``(B, channels, ...)`` with ``spatial_dims`` axes -> logits ``(B, classes)``; 1024 features.

    Images smaller than 32 pixels are enlarged to 32 first.
    """
    from monai.networks.nets import DenseNet121
    from torch import nn

    from synthgain.classifiers.layers import AtLeast

    return nn.Sequential(AtLeast(_SMALLEST), DenseNet121(spatial_dims, channels, classes))


def feature_maps(network: "nn.Module") -> "Sequence[nn.Module]":
    """The layers whose output is maps ``(B, F, ...)`` that Grad-CAM may weigh, deepest first: the four blocks."""
    return [network.get_submodule(f"1.features.denseblock{block}") for block in (4, 3, 2, 1)]
