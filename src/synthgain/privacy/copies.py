"""A copy detector that learns, from the training images alone, which changes leave an image the same image.

A small network is trained so that two views of one image are more alike than views of different images (NT-Xent loss:
Chen, Kornblith, Norouzi and Hinton, ICML 2020, equation 1), as self-supervised copy detection does (Pizzi et al., CVPR
2022). An image is called a copy where it is more similar to some training image than held-out real images ever are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.classifiers.augment import turned
from synthgain.classifiers.weights import read_weights, write_weights
from synthgain.dataset import Images, to_float
from synthgain.privacy.memorisation import ALPHA
from synthgain.privacy.neighbours import chunks
from synthgain.privacy.planted import Pixels, power, rate

FILE = "copy_detector.safetensors"
_SIDE = 32
"""Side in pixels at which images are compared; larger ones are averaged down to it."""
FALSE_ALARMS = 0.01
"""Largest share of held-out patients any image of whom is called a copy."""
LEAST_GROUPS = 10
"""Fewer held-out patients than this do not show how similar unrelated images are."""
_BATCH = 64
_TEMPERATURE = 0.1
_WIDTHS = (24, 48, 96)
_CODE = 64


class Embedding(nn.Module):
    """Images ``(B, C, S, S)`` in [-1, 1] -> unit vectors ``(B, F)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((channels, *_WIDTHS), _WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(8, after), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.code = nn.Linear(16 * _WIDTHS[-1], _CODE)

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.code(self.body(images)), dim=1)


@dataclass(frozen=True)
class CopyDetector:
    """The trained network and the training images ``(N, F)`` as it sees them."""

    network: Embedding
    known: npt.NDArray[np.float32]

    def similarity(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Cosine similarity of each image ``(n, C, H, W)`` to the training image most like it: ``(n,)`` in [-1, 1]."""
        codes = _embedded(self.network, images)
        parts = [(codes[at] @ self.known.T).max(1) for at in chunks(len(codes))]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def fit(train: npt.NDArray[np.uint8], seed: int, steps: int) -> CopyDetector:
    """Train the detector on ``train (N, C, H, W)``, at least two images; on the CPU, deterministic by ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Embedding(train.shape[1])
        optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            rows = torch.randperm(len(train))[:_BATCH].numpy()
            images = _prepared(train[rows])
            loss = contrastive_loss(network(views(images)), network(views(images)))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval().requires_grad_(False)
    return CopyDetector(network, _embedded(network, train))


def save(detector: CopyDetector, path: Path) -> None:
    """Write the network to ``path``, for `load`."""
    write_weights(detector.network, path)


def load(path: Path, train: npt.NDArray[np.uint8]) -> CopyDetector:
    """The detector whose network is in ``path``, for the images ``(N, C, H, W)`` that it was trained on."""
    network = Embedding(train.shape[1])
    read_weights(network, path)
    network.eval().requires_grad_(False)
    return CopyDetector(network, _embedded(network, train))


def copied(
    synthetic: Images,
    train: Images,
    held_out: Images,
    planted: Mapping[str, Pixels],
    classes: Sequence[str],
    detector: CopyDetector | None,
) -> dict[str, Any]:
    """Share of synthetic images that the detector calls copies, beside its false alarms and its power.

    Its threshold is the greatest similarity of held-out patients to training images, but for the `FALSE_ALARMS` share
    of them, so that ``held_out``, the share of their images beyond it, is small by construction. The one-sided p-value
    is that of a beta-binomial number of calls: exact were a synthetic image no more similar than a held-out patient (at
    his most similar image). As classes differ in how similar their images are, as many synthetic images of each are
    judged as make their mix that of the held-out patients. ``needed`` is the least share that is significant.

    Returns
    -------
    share, low, high, n, p, needed, threshold, flagged, held_out and per_class (of all images): records of `rate`,
    power: one for each kind of planted copy. None with ``why`` where there are too few patients or images.
    """
    from scipy.stats import betabinom

    groups = np.unique(held_out.groups)
    if len(groups) < LEAST_GROUPS or detector is None:
        few = f"insufficient n: {len(groups)} held-out patients, {LEAST_GROUPS} needed"
        why = few if len(groups) < LEAST_GROUPS else "no detector was trained"
        empty = {"share": None, "low": None, "high": None, "n": len(synthetic.labels), "p": None, "needed": None}
        return empty | {"threshold": None, "flagged": False, "power": {}, "why": why}
    beside, drawn = detector.similarity(held_out.pixels), detector.similarity(synthetic.pixels)
    worst = np.sort([beside[held_out.groups == group].max() for group in groups])[::-1]
    allowed = int(FALSE_ALARMS * len(groups))
    flags, known = drawn > worst[allowed], (allowed + 1, len(groups) - allowed)
    per_class = {name: rate(flags[synthetic.labels == k]) for k, name in enumerate(classes)}
    flags = flags[_as_mixed(synthetic.labels, held_out, len(classes))]
    record = rate(flags) | {
        "threshold": float(worst[allowed]), "held_out_groups": len(groups), "held_out": rate(beside > worst[allowed]),
        "power": power(lambda images: detector.similarity(images) > worst[allowed], planted),
        "per_class": per_class,
    }  # fmt: skip
    if not len(flags):
        return record | {"p": None, "needed": None, "flagged": False}
    tail = betabinom.sf(np.arange(len(flags) + 1) - 1, len(flags), *known)
    significant = np.flatnonzero(tail < ALPHA)
    p = float(tail[flags.sum()])
    needed = float(significant[0] / len(flags)) if len(significant) else None
    return record | {"p": p, "needed": needed, "flagged": p < ALPHA}


def _as_mixed(labels: npt.NDArray[np.int64], held_out: Images, classes: int) -> npt.NDArray[np.intp]:
    """Rows of as many images ``(n,)`` as can be had with the shares of the classes among the held-out patients."""
    of = np.zeros((classes, held_out.groups.max() + 1), bool)
    of[held_out.labels, held_out.groups] = True
    shares = (of / np.maximum(of.sum(0), 1)).sum(1) / of.any(0).sum()
    available = np.bincount(labels, minlength=classes)
    most = min(count / share for count, share in zip(available, shares, strict=True) if share)
    taken = [np.flatnonzero(labels == k)[: math.floor(most * shares[k] + 1e-9)] for k in range(classes)]
    return np.sort(np.concatenate(taken))


def contrastive_loss(one: Tensor, other: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """NT-Xent of unit vectors ``(B, F)`` whose rows are two views of the same images, mean over all ``2B`` views."""
    both = torch.cat([one, other])
    logits = (both @ both.T / temperature).masked_fill(torch.eye(len(both), dtype=torch.bool), -torch.inf)
    partner = torch.arange(len(both)).roll(len(one))
    return F.cross_entropy(logits, partner)


def views(images: Tensor) -> Tensor:
    """Random views of ``images (B, C, H, W)``: mirrored, turned, cropped, blurred, of other intensity, noisy."""
    count = len(images)
    uniform = 2 * torch.rand(6, count) - 1
    flip = uniform[0].sign()
    x = turned(images, uniform[1] * math.radians(20), 1.1 + 0.15 * uniform[2], 0.1 * uniform[3:5].T, flip)
    smooth = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    amount = torch.rand(4, count, 1, 1, 1).unbind(0)
    x = torch.lerp(x, smooth, amount[0] * (uniform[5] > 0).view(-1, 1, 1, 1))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * (0.7 + 0.6 * amount[1]) + mean + 0.4 * (amount[2] - 0.5)
    return x + 0.15 * amount[3] * torch.randn_like(x)


def _embedded(network: Embedding, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        parts = [network(_prepared(images[at])).numpy() for at in chunks(len(images))]
    return np.concatenate(parts) if parts else np.zeros((0, _CODE), np.float32)


def _prepared(images: npt.NDArray[np.uint8]) -> Tensor:
    x = to_float(torch.from_numpy(np.array(images)))
    return F.adaptive_avg_pool2d(x, _SIDE) if max(x.shape[2:]) > _SIDE else x
