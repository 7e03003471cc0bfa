"""A small convolutional network for images of 16 to 64 pixels: fast on one CPU thread, about 24,000 weights."""

from typing import Literal

from torch import nn

from synthgain.config import ClassifierConfig, Positive


class Config(ClassifierConfig):
    kind: Literal["cnn"] = "cnn"
    channels: tuple[Positive, ...] = (16, 32, 64)
    """Feature maps of each block; a block halves the image. The last is the number of features."""


def build(cfg: Config, channels: int, classes: int, spatial_dims: int = 2) -> nn.Module:
    """Blocks of convolution, batch norm, ReLU and pooling; then global average pooling and a linear layer.

    ``(B, channels, ...)`` with ``spatial_dims`` axes -> logits ``(B, classes)``.
    """
    conv, norm, pool, mean = {
        2: (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d),
        3: (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d, nn.AdaptiveAvgPool3d),
    }[spatial_dims]
    layers: list[nn.Module] = []
    for width in cfg.channels:
        layers += [conv(channels, width, 3, padding=1, bias=False), norm(width), nn.ReLU(inplace=True), pool(2)]
        channels = width
    return nn.Sequential(*layers, mean(1), nn.Flatten(), nn.Linear(channels, classes))
