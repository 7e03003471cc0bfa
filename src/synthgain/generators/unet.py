"""A compact U-Net for diffusion models, which works on patches of pixels: fast enough to train on a processor."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.generators.blocks import normalisation


class Block(nn.Module):
    """Residual block whose second normalisation is scaled and shifted by the condition (Dhariwal and Nichol, 2021)."""

    def __init__(self, before: int, after: int, condition: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = normalisation("group", before), normalisation("group", after)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.affine = nn.Linear(condition, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.dropout = dropout
        _silence(self.conv2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, 1)
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        h = F.dropout(F.silu(h * (1 + scale) + shift), self.dropout, self.training)
        out: Tensor = self.skip(x) + self.conv2(h)
        return out


class Attention(nn.Module):
    """Self-attention over all positions, residual."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = normalisation("group", channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        _silence(self.out)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        shape = (batch, 3, self.heads, channels // self.heads, height * width)
        query, key, value = self.qkv(self.norm(x)).reshape(shape).transpose(3, 4).unbind(1)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(2, 3)
        out: Tensor = x + self.out(seen.reshape(batch, channels, height, width))
        return out


class UNet(nn.Module):
    """Images ``(B, C, S, S)``, a number per image ``(B,)`` and a condition ``(B, D)`` -> ``(B, C, S, S)``.

    Parameters
    ----------
    channels: of the images.
    condition: length of the condition vector, such as a one-hot class.
    patch: side of the squares of pixels that become channels at the entrance.
    widths: feature maps of each level, from the finest; a level halves the grid.
    blocks: residual blocks per level, going down and going up.
    """

    frequencies: Tensor

    def __init__(
        self, channels: int, condition: int, *, patch: int, widths: Sequence[int], blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.patch = patch
        depth = 4 * widths[0]
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, math.log(200.0), widths[0] // 2)))
        self.condition = nn.Linear(condition, depth)
        self.embed = nn.Sequential(nn.Linear(widths[0] // 2 * 2, depth), nn.SiLU(), nn.Linear(depth, depth))
        self.enter = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[max(level - 1, 0)]
            self.shrink.append(nn.Conv2d(before, width, 3, 2, 1) if level else nn.Identity())
            self.down.append(nn.ModuleList(Block(width, width, depth, dropout) for _ in range(blocks)))
            self.up.append(nn.ModuleList(Block(2 * width, width, depth, dropout) for _ in range(blocks)))
            self.grow.append(nn.Conv2d(width, before, 3, padding=1) if level else nn.Identity())
        self.middle = nn.ModuleList(Block(widths[-1], widths[-1], depth, dropout) for _ in range(2))
        self.attention = Attention(widths[-1], max(1, widths[-1] // 64))
        self.norm = normalisation("group", widths[0])
        self.leave = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)
        _silence(self.leave)

    def forward(self, images: Tensor, number: Tensor, condition: Tensor) -> Tensor:
        size = images.shape[-1]
        angles = number[:, None] * self.frequencies
        embedded = F.silu(self.embed(torch.cat([angles.cos(), angles.sin()], 1)) + self.condition(condition))
        margin = -size % self.patch
        x = self.enter(F.pixel_unshuffle(F.pad(images, (0, margin, 0, margin), mode="replicate"), self.patch))
        skips = []
        for level, shrink in enumerate(self.shrink):
            x = shrink(x)
            for block in _blocks(self.down, level):
                x = block(x, embedded)
                skips.append(x)
        x = self.middle[1](self.attention(self.middle[0](x, embedded)), embedded)
        for level in reversed(range(len(self.up))):
            for block in _blocks(self.up, level):
                x = block(torch.cat([x, skips.pop()], 1), embedded)
            if level:
                x = F.interpolate(self.grow[level](x), size=skips[-1].shape[2:], mode="nearest")
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), self.patch)[:, :, :size, :size]


def _blocks(levels: nn.ModuleList, level: int) -> nn.ModuleList:
    found = levels[level]
    assert isinstance(found, nn.ModuleList)
    return found


def _silence(conv: nn.Conv2d) -> None:
    """Let a residual branch start at zero."""
    for weights in conv.parameters():
        nn.init.zeros_(weights)
