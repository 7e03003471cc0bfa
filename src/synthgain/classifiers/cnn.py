"""A small convolutional network for images of 16 to 64 pixels: fast on one CPU thread, some 24,000 weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from synthgain.schema import ClassifierConfig, ClassifierTraining, Positive

if TYPE_CHECKING:
    from torch import nn

SECONDS_PER_IMAGE = 5.5e-4
"""Of training on one CPU thread (AMD EPYC with AVX2) at 32 x 32 pixels, for the estimate of a plan."""


class Training(ClassifierTraining):
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    """Higher than for the deep networks: with few steps, a small one would end underfitted."""


class Config(ClassifierConfig):
    kind: Literal["cnn"] = "cnn"
    training: Training = Training()
    channels: Annotated[tuple[Positive, ...], Field(min_length=1)] = (16, 32, 64)
    """Feature maps of each block; every block halves the image. Features: twice the last."""


def build(cfg: Config, channels: int, classes: int, spatial_dims: int = 2) -> "nn.Module":
    """Blocks of convolution, downsampling, batch norm and ReLU; mean and maximum over pixels; a linear layer.

    The first block downsamples by the stride of its convolution, which halves the cost of a step, the others by max
    pooling. ``(B, channels, ...)`` with ``spatial_dims`` axes -> logits ``(B, classes)``.
    """
    from torch import nn

    from synthgain.classifiers.layers import MeanAndMax

    conv, norm, pool = {
        2: (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d),
        3: (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d),
    }[spatial_dims]
    first, *others = cfg.channels
    layers: list[nn.Module] = [conv(channels, first, 3, stride=2, padding=1, bias=False), norm(first), nn.ReLU()]
    for before, width in zip(cfg.channels, others, strict=False):
        layers += [conv(before, width, 3, padding=1, bias=False), pool(2), norm(width), nn.ReLU()]
    return nn.Sequential(*layers, MeanAndMax(), nn.Linear(2 * cfg.channels[-1], classes))


def feature_maps(network: "nn.Module") -> "Sequence[nn.Module]":
    """The layers whose output is maps ``(B, F, ...)`` that Grad-CAM may weigh, deepest first: the convolutions."""
    from torch import nn

    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Conv3d)][::-1]
