"""EDM, a diffusion model in pixel space (Karras, Aittala, Aila and Laine, NeurIPS 2022), class-conditional."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from synthgain.generators.augment import AMOUNTS, non_leaking
from synthgain.generators.blocks import one_hot
from synthgain.generators.contract import Facts, Generator, Phase, image_noise, in_batches
from synthgain.generators.edm import Config
from synthgain.generators.samplers import SOLVERS, guided, karras_sigmas
from synthgain.generators.unet import UNet
from synthgain.seeding import derive

_ATTACKED = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Noise levels at which the denoising loss is asked for who was a member."""
_ATTACKS = 2
"""Draws of noise per image and level."""


class EDM(Generator):
    """One phase: denoising at log-normal noise levels, each weighted to the same expected loss."""

    sigma_data: Tensor

    def __init__(self, cfg: Config, facts: Facts) -> None:
        super().__init__()
        self.model, self.sampling = cfg.model, cfg.sampling
        self.classes, self.shape = len(facts.classes), (facts.channels, facts.size, facts.size)
        self.register_buffer("sigma_data", torch.tensor(0.5))
        self.network = UNet(
            facts.channels, self.classes + AMOUNTS, patch=cfg.model.patch, widths=cfg.model.widths,
            blocks=cfg.model.blocks, dropout=cfg.model.dropout,
        )  # fmt: skip

    def phases(self) -> Sequence[Phase]:
        return (
            Phase(
                "denoising", lambda: list(self.network.parameters()), self.loss,
                lambda weights: torch.optim.Adam(weights, self.model.learning_rate, fused=True),
                clip=1.0, schedule=warm_cosine,
            ),
        )  # fmt: skip

    def compilable(self) -> Sequence[nn.Module]:
        return (self.network,)

    def observe(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Measure ``sigma_data``, the standard deviation of all pixels about their mean."""
        moments = torch.zeros(3, dtype=torch.float64)
        for images, _ in batches:
            pixels = images.double()
            moments += torch.stack([torch.ones_like(pixels).sum(), pixels.sum(), pixels.square().sum()])
        mean, square = moments[1:] / moments[0]
        self.sigma_data.copy_((square - mean**2).clamp(min=1e-4).sqrt())

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """``lambda(sigma) |D(x + n; sigma) - x|^2`` per pixel: Karras et al., equation 8 and table 1."""
        images, amounts = non_leaking(images, self.model.augment)
        normal = torch.randn(len(images), device=images.device)
        sigma = (normal * self.model.noise_deviation + self.model.noise_mean).exp()
        hidden = torch.rand(len(images), 1, device=images.device) < self.model.label_dropout
        condition = torch.cat([one_hot(labels, self.classes).masked_fill(hidden, 0), amounts], 1)
        noisy = images + torch.randn_like(images) * sigma.view(-1, 1, 1, 1)
        weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
        error = (self.denoise(noisy, sigma, condition) - images).square().mean((1, 2, 3))
        return (weight * error).mean()

    def denoise(self, x: Tensor, sigma: Tensor, condition: Tensor) -> Tensor:
        """``D(x; sigma) = c_skip x + c_out F(c_in x; c_noise)``: Karras et al., equation 7 and table 1."""
        skip, out, into, noise = preconditioning(sigma, self.sigma_data)
        raw = self.network(into.view(-1, 1, 1, 1) * x, noise, condition).float()
        return skip.view(-1, 1, 1, 1) * x + out.view(-1, 1, 1, 1) * raw

    def noise(self, count: int, *, seed: int) -> Tensor:
        return image_noise(self.shape, count, seed)

    def paint(self, noise: Tensor, labels: Tensor) -> Tensor:
        known = self._condition(labels)
        denoise = guided(
            partial(self.denoise, condition=known), partial(self.denoise, condition=torch.zeros_like(known)),
            self.sampling.guidance, self.sampling.guidance_interval,
        )  # fmt: skip
        settings = self.sampling
        sigmas = karras_sigmas(settings.steps, settings.smallest, settings.largest, settings.rho)
        return SOLVERS[settings.solver](denoise, noise * settings.largest, sigmas).clamp(-1, 1)

    def membership(self, images: Tensor, labels: Tensor, *, seed: int) -> Mapping[str, Tensor]:
        """Minus the denoising loss at fixed noise levels (Carlini et al., USENIX Security 2023, section 5)."""
        found = {}
        for sigma in _ATTACKED:
            draws = (image_noise(self.shape, len(labels), derive(seed, str(sigma), k)) for k in range(_ATTACKS))
            losses = [
                in_batches(partial(self._error, sigma), torch.stack([images, noise], 1), labels, self.device)
                for noise in draws
            ]
            found[f"sigma {sigma:g}"] = -torch.stack(losses).mean(0)
        return found

    def _error(self, sigma: float, pairs: Tensor, labels: Tensor) -> Tensor:
        """Mean squared error of each denoised image, ``(B,)``, from images and noise ``(B, 2, C, H, W)``."""
        images, noise = pairs.unbind(1)
        level = images.new_full((len(images),), sigma)
        restored = self.denoise(images + sigma * noise, level, self._condition(labels))
        return (restored - images).square().mean((1, 2, 3))

    def _condition(self, labels: Tensor) -> Tensor:
        """The class, and no geometric change."""
        return torch.cat([one_hot(labels, self.classes), torch.zeros(len(labels), AMOUNTS, device=labels.device)], 1)


def preconditioning(sigma: Tensor, sigma_data: Tensor | float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``c_skip, c_out, c_in, c_noise`` of noise levels ``sigma (B,)``: Karras et al., table 1."""
    total = sigma**2 + sigma_data**2
    return sigma_data**2 / total, sigma * sigma_data / total.sqrt(), 1 / total.sqrt(), sigma.log() / 4


def warm_cosine(progress: float) -> float:
    """From 0 to 1 over the first hundredth, then to 0.02 along half a cosine."""
    return min(1.0, 0.02 + progress * 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
