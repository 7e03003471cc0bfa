"""Preconditioning, loss and conditioning of the diffusion model."""

import pytest
import torch
from torch import Tensor, nn

from synthgain.generators import edm
from synthgain.generators.augment import AMOUNTS
from synthgain.generators.contract import Facts
from synthgain.generators.models.edm import EDM, preconditioning
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())


def model(**settings: object) -> EDM:
    torch.manual_seed(0)
    return edm.build(edm.Config.model_validate({"kind": "edm", "model": {"widths": (8, 16), **settings}}), FACTS)


def test_preconditioning_has_the_values_of_the_paper() -> None:
    skip, out, into, noise = preconditioning(torch.tensor([0.5, 2.0]), 0.5)
    assert skip.tolist() == pytest.approx([0.5, 0.25 / 4.25])
    assert out.tolist() == pytest.approx([0.25 / 0.5**0.5, 1 / 4.25**0.5])
    assert into.tolist() == pytest.approx([1 / 0.5**0.5, 1 / 4.25**0.5])
    assert noise.tolist() == pytest.approx([-0.1732868, 0.1732868], abs=1e-6)


def test_what_the_network_sees_and_must_give_has_unit_variance_at_every_noise_level() -> None:
    torch.manual_seed(0)
    clean = 0.3 * torch.randn(100_000)
    for level in (0.01, 0.3, 5.0):
        sigma = torch.tensor([level])
        skip, out, into, _ = preconditioning(sigma, 0.3)
        noisy = clean + level * torch.randn_like(clean)
        assert (into * noisy).std() == pytest.approx(1, abs=0.02)
        assert ((clean - skip * noisy) / out).std() == pytest.approx(1, abs=0.02)


class Zero(nn.Module):
    """The best network for independent Gaussian pixels of mean 0: what is left after c_skip cannot be foreseen."""

    def forward(self, x: Tensor, number: Tensor, condition: Tensor) -> Tensor:
        return torch.zeros_like(x)


def test_with_the_best_network_the_denoiser_of_a_gaussian_is_exact_and_the_loss_is_one() -> None:
    generator = model(augment=0.0)
    torch.manual_seed(0)
    images, labels = 0.4 * torch.randn(4000, 1, 16, 16), torch.zeros(4000, dtype=torch.int64)
    generator.observe([(images[:2000], labels[:2000]), (images[2000:], labels[2000:])])
    generator.network = Zero()
    assert generator.sigma_data.item() == pytest.approx(0.4, abs=0.002)
    noisy, sigma = torch.randn(2, 1, 16, 16), torch.tensor([0.2, 3.0])
    expected = noisy * (0.4**2 / (0.4**2 + sigma**2)).view(-1, 1, 1, 1)
    condition = torch.zeros(2, 2 + AMOUNTS)
    assert torch.allclose(generator.denoise(noisy, sigma, condition), expected, atol=0.01)
    assert generator.loss(images, labels).item() == pytest.approx(1, abs=0.01)


class Recorder(nn.Module):
    def forward(self, x: Tensor, number: Tensor, condition: Tensor) -> Tensor:
        self.condition = condition
        return torch.zeros_like(x)


def test_the_class_is_hidden_from_the_network_as_often_as_asked() -> None:
    generator = model(label_dropout=0.3)
    recorder = generator.network = Recorder()
    torch.manual_seed(0)
    generator.loss(torch.zeros(4000, 1, 16, 16), torch.ones(4000, dtype=torch.int64))
    shown = recorder.condition[:, :2]
    assert set(map(tuple, shown.tolist())) == {(0.0, 0.0), (0.0, 1.0)}
    assert shown[:, 1].mean() == pytest.approx(0.7, abs=0.03)


def test_training_tells_the_network_of_augmentation_and_sampling_tells_it_of_none() -> None:
    generator = model(augment=0.5)
    recorder = generator.network = Recorder()
    generator.loss(torch.zeros(100, 1, 16, 16), torch.ones(100, dtype=torch.int64))
    assert recorder.condition[:, 2:].any()
    generator.sample(torch.tensor([0, 1]), seed=0)
    assert not recorder.condition[:, 2:].any()
    assert recorder.condition[0, :2].tolist() == [1, 0]


def test_optimisation_lowers_the_loss_on_the_same_noise() -> None:
    generator = model(augment=0.0)
    torch.manual_seed(0)
    images, labels = (torch.randn(1, 1, 16, 16) * 0.5).expand(16, -1, -1, -1), torch.zeros(16, dtype=torch.int64)
    generator.observe([(images, labels)])
    (phase,) = generator.phases()
    optimizer = phase.optimizer(phase.parameters())
    losses = []
    for _ in range(30):
        torch.manual_seed(1)
        optimizer.zero_grad()
        loss = phase.loss(images, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
