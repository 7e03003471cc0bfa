"""The terms of the evidence lower bound are what the closed forms say."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from synthgain.generators import vae
from synthgain.generators.contract import Facts
from synthgain.generators.models.vae import divergence, negative_log_likelihood
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())


def test_the_divergence_is_that_of_two_gaussians() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3).unbind(0)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(divergence(mean, log_variance), expected, atol=1e-5)
    assert divergence(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0


def test_the_likelihood_is_the_greatest_that_any_variance_gives() -> None:
    torch.manual_seed(0)
    images = torch.randn(6, 1, 16, 16)
    predicted = images + 0.3 * torch.randn_like(images)
    found = negative_log_likelihood(images, predicted, 0.01).item()
    spread = (images - predicted).square().mean().sqrt().item()

    def at(deviation: float) -> float:
        return -Normal(predicted, deviation).log_prob(images).sum((1, 2, 3)).mean().item()

    assert found == pytest.approx(at(spread), rel=1e-5)
    assert found < min(at(0.9 * spread), at(1.1 * spread))


def test_detail_finer_than_the_least_noise_still_counts_but_no_more_than_at_that_noise() -> None:
    images, predicted = torch.zeros(2, 1, 16, 16), torch.full((2, 1, 16, 16), 0.01, requires_grad=True)
    found = negative_log_likelihood(images, predicted, 0.2)
    assert found.item() == pytest.approx(
        -Normal(predicted, 0.2).log_prob(images).sum((1, 2, 3)).mean().item(), rel=1e-5
    )
    found.backward()
    assert predicted.grad is not None
    assert predicted.grad.flatten()[0].item() == pytest.approx(0.01 / 0.2**2 / 2, rel=1e-4)


def test_the_loss_is_the_bound_per_pixel() -> None:
    generator = vae.build(vae.Config.model_validate({"kind": "vae", "model": {"beta": 2.0, "width": 4}}), FACTS)
    images, labels = torch.rand(6, 1, 16, 16) * 2 - 1, torch.tensor([0, 1] * 3)
    torch.manual_seed(3)
    loss = generator.loss(images, labels).item()
    torch.manual_seed(3)
    mean, log_variance = generator.encoder(images, labels)
    codes = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    fit = negative_log_likelihood(images, generator.decoder(codes, labels), 0.1).item()
    assert loss == pytest.approx((fit + 2.0 * divergence(mean, log_variance).mean().item()) / 256, rel=1e-4)
    assert math.isfinite(loss)


def test_the_decoder_is_sampled_from_the_prior() -> None:
    generator = vae.build(vae.Config(), FACTS).eval()
    drawn = generator.sample(torch.zeros(3, dtype=torch.int64), seed=0)
    assert not torch.equal(drawn[0], drawn[1])
