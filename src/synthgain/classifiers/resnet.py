"""ResNet-18 (He et al., CVPR 2016, table 1) as MONAI has it, trained from scratch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from synthgain.schema import ClassifierConfig

if TYPE_CHECKING:
    from torch import nn

SECONDS_PER_IMAGE = 9e-3
"""Of training on one CPU thread (AMD EPYC) at 32 x 32 pixels, for the estimate of a plan."""


class Config(ClassifierConfig):
    kind: Literal["resnet"] = "resnet"


def build(cfg: Config, channels: int, classes: int, spatial_dims: int = 2) -> "nn.Module":
    """``(B, channels, ...)`` with ``spatial_dims`` axes -> logits ``(B, classes)``; 512 features."""
    from monai.networks.nets import resnet18

    return resnet18(
        pretrained=False, spatial_dims=spatial_dims, n_input_channels=channels, num_classes=classes, shortcut_type="B"
    )


def feature_maps(network: "nn.Module") -> "Sequence[nn.Module]":
    """The layers whose output is maps ``(B, F, ...)`` that Grad-CAM may weigh, deepest first: the four stages."""
    return [network.get_submodule(f"layer{stage}") for stage in (4, 3, 2, 1)]
