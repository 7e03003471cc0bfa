"""Classical augmentation of a batch at once: one affine resampling, one change of intensity."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgain.schema import Augmentation
from synthgain.seeding import derive


def augment(images: Tensor, cfg: Augmentation, *, seed: int, step: int) -> Tensor:
    """Flip, rotate, shift, zoom, and change contrast and brightness, each image by its own random amounts.

    Parameters
    ----------
    images: float ``(B, C, H, W)`` in [-1, 1].
    cfg: the largest amounts; all zero and no flip leave the images as they are, bit for bit.
    seed, step: all randomness is a function of these two.

    Returns
    -------
    Float ``(B, C, H, W)`` in [-1, 1]; pixels from outside repeat the border.
    """
    # One table of uniform numbers, drawn on the CPU: each amount keeps its column, on every device.
    random = torch.rand(len(images), 7, generator=torch.Generator().manual_seed(derive(seed, "augment", step)))
    random = random.to(images.device)
    if cfg.flip or cfg.rotate or cfg.translate or cfg.scale:
        images = _moved(images, random, cfg)
    if cfg.intensity:
        images = _intensity(images, random, cfg.intensity)
    return images


def turned(images: Tensor, angle: Tensor, zoom: Tensor, shift: Tensor, flip: Tensor) -> Tensor:
    """Each of ``images (B, C, H, W)`` turned by ``angle (B,)`` radians, enlarged, moved, and mirrored where told.

    ``shift (B, 2)`` in half sides; ``zoom (B,)`` above 1 shows less; ``flip (B,)`` is 1, or -1 for mirrored. Pixels
    from outside repeat the border.
    """
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = [flip * cosine, -flip * sine, shift[:, 0], sine, cosine, shift[:, 1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _moved(images: Tensor, random: Tensor, cfg: Augmentation) -> Tensor:
    flip = torch.where(random[:, 0] < 0.5, -1.0, 1.0) if cfg.flip else torch.ones_like(random[:, 0])
    angle = (2 * random[:, 1] - 1) * math.radians(cfg.rotate)
    zoom = 1 + (2 * random[:, 2] - 1) * cfg.scale
    shift = 2 * (2 * random[:, 3:5] - 1) * cfg.translate
    return turned(images, angle, zoom, shift, flip)


def _intensity(images: Tensor, random: Tensor, most: float) -> Tensor:
    """Contrast about each image's mean, then brightness as a factor, on the scale where black is 0."""
    contrast, brightness = (1 + (2 * random[:, 5:7] - 1) * most).view(-1, 2, 1, 1, 1).unbind(1)
    light = (images + 1) / 2
    mean = light.mean((1, 2, 3), keepdim=True)
    return ((light - mean) * contrast + mean).mul(brightness).clamp(0, 1) * 2 - 1
