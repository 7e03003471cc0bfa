"""Differential privacy: what one image contributes is bounded, the noise is the accounted one, the rest is refused."""

from functools import partial

import pytest
import torch
from opacus.accountants import RDPAccountant

from synthgain.errors import SynthgainError
from synthgain.generators import edm, vae
from synthgain.generators.augment import AMOUNTS
from synthgain.generators.blocks import one_hot
from synthgain.generators.contract import Facts, Generator, Phase
from synthgain.generators.models.edm import EDM
from synthgain.generators.models.vae import VAE
from synthgain.generators.private import accounted, refuse_unfit, set_gradient
from synthgain.schema import DP, GeneratorTraining
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())


class TwoPhases(Generator):
    def phases(self) -> tuple[Phase, Phase]:
        return plain(self), plain(self)


def family(kind: str) -> Generator:
    torch.manual_seed(0)
    if kind == "edm":
        generator: Generator = edm.build(edm.Config(model=edm.Model(widths=(8, 16))), FACTS)
    else:
        generator = vae.build(vae.Config(model=vae.Model(width=4, latent=4, norm="group")), FACTS)
    with torch.no_grad():
        for weights in generator.parameters():
            weights += 0.05 * torch.randn_like(weights)
    return generator


def plain(generator: Generator) -> Phase:
    """A phase whose loss draws nothing at random, so that two ways to its gradient can be compared."""
    loss = partial(_plain_loss, generator)
    return Phase("plain", lambda: list(generator.parameters()), loss, torch.optim.SGD)


def _plain_loss(generator: Generator, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if isinstance(generator, EDM):
        sigma = torch.full((len(images),), 0.5)
        condition = one_hot(labels, 2 + AMOUNTS)
        return (generator.denoise(images, sigma, condition) - images).square().mean()
    assert isinstance(generator, VAE)
    mean, _ = generator.encoder(images, labels)
    return (generator.decoder(mean, labels) - images).square().mean()


@pytest.mark.parametrize("kind", ["edm", "vae"])
def test_the_gradient_is_the_sum_of_the_clipped_gradients_of_single_images(kind: str) -> None:
    generator, images, labels = family(kind), torch.rand(10, 1, 16, 16) * 2 - 1, torch.arange(10) % 2
    sums = [torch.zeros_like(weights) for weights in generator.parameters()]
    clip = 0.05
    for i in range(10):
        loss = _plain_loss(generator, images[i : i + 1], labels[i : i + 1])
        found = torch.autograd.grad(loss, generator.parameters(), allow_unused=True)
        known = [torch.zeros_like(w) if g is None else g for g, w in zip(found, generator.parameters(), strict=True)]
        norm = torch.stack([g.norm() for g in known]).norm()
        assert norm > 0
        for total, g in zip(sums, known, strict=True):
            total += g * min(1.0, float(clip / norm))
    dp = DP(noise_multiplier=1e-12, max_grad_norm=clip)
    loss = set_gradient(generator, plain(generator), images, labels, dp, expected=10)
    assert float(loss) == pytest.approx(float(_plain_loss(generator, images, labels)), rel=1e-4)
    for weights, total in zip(generator.parameters(), sums, strict=True):
        assert weights.grad is not None
        assert torch.allclose(weights.grad, total / 10, atol=1e-7)


def test_an_empty_batch_leaves_noise_of_the_size_that_is_accounted_for() -> None:
    generator = family("edm")
    dp = DP(noise_multiplier=2.0, max_grad_norm=3.0)
    loss = set_gradient(generator, generator.phases()[0], torch.empty(0, 1, 16, 16), torch.empty(0).long(), dp, 4)
    noise = torch.cat([weights.grad.flatten() for weights in generator.parameters() if weights.grad is not None])
    assert float(loss) == 0
    assert noise.std() == pytest.approx(2.0 * 3.0 / 4, rel=0.05)


@pytest.mark.parametrize("kind", ["edm", "vae"])
def test_the_real_losses_are_differentiated_image_by_image(kind: str) -> None:
    generator = family(kind)
    refuse_unfit(generator, kind)
    images, labels = torch.rand(3, 1, 16, 16) * 2 - 1, torch.tensor([0, 1, 0])
    dp = DP(noise_multiplier=1e-9)
    loss = set_gradient(generator, generator.phases()[0], images, labels, dp, expected=1)
    total = torch.stack([w.grad.norm() for w in generator.parameters() if w.grad is not None]).norm()
    assert loss.isfinite()
    assert 0 < float(total) <= 3 * dp.max_grad_norm + 1e-4


def test_the_account_is_opacuss_and_a_target_is_reached() -> None:
    given = accounted(GeneratorTraining(steps=100, batch_size=8, privacy=DP(noise_multiplier=1.5)), 80)
    step_by_step = RDPAccountant()
    for _ in range(100):
        step_by_step.step(noise_multiplier=1.5, sample_rate=0.1)
    assert given["epsilon"] == pytest.approx(step_by_step.get_epsilon(1 / 800))
    assert given["delta"] == 1 / 800, "a tenth of one over the units"
    wanted = accounted(GeneratorTraining(steps=100, batch_size=8, privacy=DP(epsilon=3.0)), 80)
    assert 2.8 < wanted["epsilon"] <= 3.0
    assert wanted["sampler"] == "Poisson"
    assert wanted["unit"] == "image"


def test_what_breaks_the_guarantee_is_refused_by_name() -> None:
    with pytest.raises(SynthgainError, match=r"the layer 'encoder.body.1' is batch normalisation .* 'group'"):
        refuse_unfit(vae.build(vae.Config(), FACTS), "vae")
    with pytest.raises(SynthgainError, match=r"generators.gan.training.privacy: .* 2 phases"):
        refuse_unfit(TwoPhases(), "gan")
    with pytest.raises(SynthgainError, match=r"batch_size=64: more than the 20 units \(images\)"):
        accounted(GeneratorTraining(batch_size=64, privacy=DP(noise_multiplier=1.0)), 20)
    with pytest.raises(SynthgainError, match="no noise reaches it"):
        accounted(GeneratorTraining(batch_size=8, privacy=DP(epsilon=1e-9)), 20)
    with pytest.raises(SynthgainError, match=r"delta=0.1: has to be below 1 / 10 units \(images\)"):
        accounted(GeneratorTraining(batch_size=8, privacy=DP(noise_multiplier=1.0, delta=0.1)), 10)
    with pytest.raises(ValueError, match="either epsilon or noise_multiplier"):
        DP()
