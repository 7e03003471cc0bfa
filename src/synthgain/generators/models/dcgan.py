"""DCGAN (Radford, Metz and Chintala, ICLR 2016), class-conditional, with what keeps it alive on few images.

The recipe is the paper's: strided convolutions, batch normalisation, Adam (2e-4, beta1 0.5), the non-saturating loss of
Goodfellow et al. (NeurIPS 2014). The class enters the generator through its batch normalisation (Dumoulin et al., ICLR
2017) and the discriminator by projection (Miyato and Koyama, ICLR 2018).
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from synthgain.generators.augment import diff_augment
from synthgain.generators.blocks import ClassNorm, after_halvings, cropped, halvings, principal_directions
from synthgain.generators.contract import Facts, Generator, Phase, image_noise, in_batches
from synthgain.generators.dcgan import Model


class Painter(nn.Module):
    """Noise ``(B, Z)`` and labels ``(B,)`` -> images ``(B, C, S, S)`` in [-1, 1]."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        self.size = facts.size
        levels = halvings(facts.size)
        self.base = after_halvings(facts.size, levels)
        widths = [cfg.width * min(8, 2**level) for level in reversed(range(levels))]
        self.first = nn.Linear(cfg.latent, widths[0] * self.base**2, bias=False)
        self.norms = nn.ModuleList(ClassNorm(width, len(facts.classes)) for width in widths)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, 2, 1, bias=after == facts.channels)
            for before, after in zip(widths, [*widths[1:], facts.channels], strict=True)
        )
        _initialise(self)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        x = self.first(noise).view(len(noise), -1, self.base, self.base)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(F.relu(norm(x, labels)))
        return torch.tanh(cropped(x, self.size))


class Discriminator(nn.Module):
    """Images ``(B, C, S, S)`` and labels ``(B,)`` -> logits ``(B,)`` of being real."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        levels = halvings(facts.size)
        widths = [cfg.width * min(8, 2**level) for level in range(levels)]
        layers: list[nn.Module] = []
        for before, after in zip([facts.channels, *widths], widths, strict=False):
            conv = nn.Conv2d(before, after, 4, 2, 1)
            if cfg.norm == "spectral":
                layers.append(spectral_norm(conv))
            else:
                layers += [conv, nn.BatchNorm2d(after)] if layers else [conv]
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers)
        with torch.no_grad():
            flat = self.body(torch.zeros(2, facts.channels, facts.size, facts.size)).flatten(1).shape[1]
        self.verdict = nn.Linear(flat, 1)
        self.classes = nn.Embedding(len(facts.classes), flat)
        nn.init.zeros_(self.classes.weight)
        _initialise(self)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        seen = self.body(images).flatten(1)
        return self.verdict(seen).flatten() + (self.classes(labels) * seen).sum(1)


class DCGAN(Generator):
    """Two phases, discriminator then generator, each seeing its own noise and the batch's labels."""

    def __init__(self, cfg: Model, facts: Facts) -> None:
        super().__init__()
        self.cfg = cfg
        self.generator = Painter(cfg, facts)
        self.discriminator = Discriminator(cfg, facts)

    def phases(self) -> Sequence[Phase]:
        return (
            Phase(
                "discriminator", lambda: list(self.discriminator.parameters()), self.discriminator_loss,
                _adam(self.cfg.discriminator_learning_rate),
            ),
            Phase(
                "generator", lambda: list(self.generator.parameters()), self.generator_loss,
                _adam(self.cfg.learning_rate),
            ),
        )  # fmt: skip

    def compilable(self) -> Sequence[nn.Module]:
        return (self.generator,) if self.cfg.r1 else (self.generator, self.discriminator)

    def discriminator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """``-log D(x) - log(1 - D(G(z)))``, and ``r1 / 2 |grad D(x)|^2`` where asked for."""
        with torch.no_grad():
            drawn = self._draw(labels)
        images = images.requires_grad_(self.cfg.r1 > 0)
        real = self.discriminator(diff_augment(images, self.cfg.augment), labels)
        fake = self.discriminator(diff_augment(drawn, self.cfg.augment), labels)
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        if self.cfg.r1:
            (slope,) = torch.autograd.grad(real.sum(), images, create_graph=True)
            loss = loss + self.cfg.r1 / 2 * slope.square().sum((1, 2, 3)).mean()
        return loss

    def generator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """``-log D(G(z))``, the non-saturating loss."""
        return F.softplus(-self.discriminator(diff_augment(self._draw(labels), self.cfg.augment), labels)).mean()

    def noise(self, count: int, *, seed: int) -> Tensor:
        return image_noise((self.cfg.latent,), count, seed)

    def paint(self, noise: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.generator(noise, labels)
        return images

    def directions(self) -> Tensor:
        return principal_directions(self.generator.first.weight)

    def membership(self, images: Tensor, labels: Tensor, *, seed: int) -> Mapping[str, Tensor]:
        """The discriminator's logit (LOGAN: Hayes, Melis, Danezis and De Cristofaro, PoPETs 2019)."""
        return {"discriminator": in_batches(self.discriminator, images, labels, self.device)}

    def _draw(self, labels: Tensor) -> Tensor:
        return self.paint(torch.randn(len(labels), self.cfg.latent, device=labels.device), labels)


def _adam(learning_rate: float) -> Callable[[list[nn.Parameter]], torch.optim.Optimizer]:
    return lambda weights: torch.optim.Adam(weights, learning_rate, betas=(0.5, 0.999), fused=True)


def _initialise(network: nn.Module) -> None:
    """Weights from N(0, 0.02), as in the paper."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
