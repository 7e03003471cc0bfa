"""Conditional variational autoencoder (Kingma and Welling, ICLR 2014; Sohn et al., NeurIPS 2015), decoder calibrated.

The decoder's noise has the variance that fits best (Rybkin et al., ICML 2021), so that reconstruction and prior are
weighed by the data and images are not blurred by a constant chosen beforehand.
"""

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.generators.blocks import (
    ClassNorm,
    after_halvings,
    cropped,
    halvings,
    normalisation,
    one_hot,
    principal_directions,
)
from synthgain.generators.contract import Facts, Generator, Phase, image_noise, in_batches
from synthgain.generators.vae import Model


class Encoder(nn.Module):
    """Images ``(B, C, S, S)`` and labels ``(B,)`` -> mean and log variance of the code, ``(B, Z)`` each."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        self.classes = len(facts.classes)
        levels = halvings(facts.size)
        widths = [cfg.width * min(8, 2**level) for level in range(levels)]
        layers: list[nn.Module] = []
        for before, after in zip([facts.channels + self.classes, *widths], widths, strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), normalisation(cfg.norm, after), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.code = nn.Linear(widths[-1] * after_halvings(facts.size, levels) ** 2, 2 * cfg.latent)

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        planes = one_hot(labels, self.classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        mean, log_variance = self.code(self.body(torch.cat([images, planes], 1))).float().chunk(2, 1)
        return mean, log_variance.clamp(-12, 12)


class Decoder(nn.Module):
    """Codes ``(B, Z)`` and labels ``(B,)`` -> mean images ``(B, C, S, S)`` in [-1, 1]."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        self.size, self.classes = facts.size, len(facts.classes)
        levels = halvings(facts.size)
        self.base = after_halvings(facts.size, levels)
        widths = [cfg.width * min(8, 2**level) for level in reversed(range(levels))]
        self.first = nn.Linear(cfg.latent + self.classes, widths[0] * self.base**2)
        self.norms = nn.ModuleList(ClassNorm(width, self.classes, cfg.norm) for width in widths)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, 2, 1)
            for before, after in zip(widths, [*widths[1:], cfg.width], strict=True)
        )
        self.last = nn.Conv2d(cfg.width, facts.channels, 3, padding=1)

    def forward(self, codes: Tensor, labels: Tensor) -> Tensor:
        x = self.first(torch.cat([codes, one_hot(labels, self.classes)], 1)).view(len(codes), -1, self.base, self.base)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(F.silu(norm(x, labels)))
        return torch.tanh(self.last(F.silu(cropped(x, self.size)))).float()


class VAE(Generator):
    """One phase: the negative evidence lower bound."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        self.cfg = cfg
        self.encoder = Encoder(cfg, facts)
        self.decoder = Decoder(cfg, facts)

    def phases(self) -> Sequence[Phase]:
        return (
            Phase(
                "elbo", lambda: list(self.parameters()), self.loss,
                lambda weights: torch.optim.Adam(weights, self.cfg.learning_rate, fused=True),
                clip=100.0, schedule=cosine,
            ),
        )  # fmt: skip

    def compilable(self) -> Sequence[nn.Module]:
        return (self.encoder, self.decoder)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """``-log p(x|z) + beta KL(q(z|x) || p(z))`` per image, in nats divided by the number of pixels."""
        mean, log_variance = self.encoder(images, labels)
        codes = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        fit = negative_log_likelihood(images, self.decoder(codes, labels), self.cfg.noise)
        return (fit + self.cfg.beta * divergence(mean, log_variance).mean()) / images[0].numel()

    def noise(self, count: int, *, seed: int) -> Tensor:
        return image_noise((self.cfg.latent,), count, seed)

    def paint(self, noise: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.decoder(noise, labels)
        return images

    def directions(self) -> Tensor:
        return principal_directions(self.decoder.first.weight[:, : self.cfg.latent])

    def membership(self, images: Tensor, labels: Tensor, *, seed: int) -> Mapping[str, Tensor]:
        """Minus the reconstruction error, and the evidence lower bound in nats up to a constant, at the mean code.

        Hilprecht, Haerterich and Bernau, PoPETs 2019; the decoder's noise is the least one that it was trained with.
        """
        found = in_batches(self._terms, images, labels, self.device)
        bound = -found[:, 0] * images[0].numel() / (2 * self.cfg.noise**2) - found[:, 1]
        return {"reconstruction": -found[:, 0], "elbo": bound}

    def _terms(self, images: Tensor, labels: Tensor) -> Tensor:
        """Mean squared error and divergence of each image, ``(B, 2)``."""
        mean, log_variance = self.encoder(images, labels)
        error = (images - self.decoder(mean, labels)).square().mean((1, 2, 3))
        return torch.stack([error, divergence(mean, log_variance)], 1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL(N(mean, exp(log_variance)) || N(0, 1))`` summed over the code, ``(B, Z)`` -> ``(B,)``, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def negative_log_likelihood(images: Tensor, predicted: Tensor, least: float) -> Tensor:
    """Mean over the batch of ``-log N(x; predicted, s^2)`` in nats; ``s^2`` is the batch's mean squared error.

    That is the maximum likelihood variance (Rybkin et al., ICML 2021, equation 5), but not below ``least^2``: there, a
    few images would be learnt by heart.
    """
    error = (images - predicted).square().mean()
    variance = error.detach().clamp(min=least**2)
    return 0.5 * images[0].numel() * (error / variance + (2 * math.pi * variance).log())


def cosine(progress: float) -> float:
    """From 1 to 0.02 along half a cosine."""
    return 0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2
