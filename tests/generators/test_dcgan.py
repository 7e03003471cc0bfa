"""The losses of the GAN, and what DiffAugment does."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.generators import dcgan
from synthgain.generators.augment import AMOUNTS, diff_augment, non_leaking
from synthgain.generators.contract import Facts
from synthgain.generators.models.dcgan import DCGAN
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())


def model(**settings: object) -> DCGAN:
    torch.manual_seed(0)
    return dcgan.build(dcgan.Config.model_validate({"kind": "dcgan", "model": {"width": 4, **settings}}), FACTS)


class Slope(nn.Module):
    """A discriminator whose logit is ``3 mean(x)``."""

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return 3 * images.mean((1, 2, 3))


def test_the_generator_loss_does_not_saturate() -> None:
    generator = model(augment="")
    generator.discriminator = Slope()
    generator.generator = nn.Module()
    generator._draw = lambda labels: torch.full((len(labels), 1, 16, 16), -5.0)  # type: ignore[method-assign]
    loss = generator.generator_loss(torch.zeros(2, 1, 16, 16), torch.zeros(2, dtype=torch.int64))
    assert loss.item() == pytest.approx(F.softplus(torch.tensor(15.0)).item())


def test_the_gradient_penalty_is_the_squared_slope_at_real_images() -> None:
    images, labels = torch.rand(4, 1, 16, 16), torch.zeros(4, dtype=torch.int64)
    losses = []
    for weight in (0.0, 8.0):
        generator = model(augment="", r1=weight)
        generator.discriminator = Slope()
        torch.manual_seed(1)
        losses.append(generator.discriminator_loss(images.clone(), labels).item())
    assert losses[1] - losses[0] == pytest.approx(8.0 / 2 * 9 / 256, rel=1e-3)


def test_the_discriminator_step_leaves_no_gradient_in_the_generator() -> None:
    generator = model()
    generator.discriminator_loss(torch.rand(4, 1, 16, 16), torch.tensor([0, 1, 0, 1])).backward()
    assert all(weights.grad is None for weights in generator.generator.parameters())
    assert all(weights.grad is not None for weights in generator.discriminator.body.parameters())


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", "color,translation,cutout"])
def test_diff_augment_changes_every_image_its_own_way_and_passes_gradients(policy: str) -> None:
    torch.manual_seed(0)
    images = torch.rand(1, 1, 16, 16).repeat(8, 1, 1, 1).requires_grad_()
    changed = diff_augment(images, policy)
    assert changed.shape == images.shape
    assert len({image.numpy().tobytes() for image in changed.detach()}) > 4
    changed.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_translation_shifts_whole_pixels_and_fills_with_black() -> None:
    torch.manual_seed(0)
    images = torch.full((20, 1, 16, 16), -1.0)
    images[:, :, 8, 8] = 1.0
    moved = diff_augment(images, "translation")
    assert (moved == 1).sum((1, 2, 3)).tolist() == [1] * 20
    assert (moved == -1).sum((1, 2, 3)).tolist() == [255] * 20
    assert len({tuple(torch.nonzero(image[0] == 1)[0].tolist()) for image in moved}) > 5


def test_an_unknown_policy_is_refused_by_the_configuration() -> None:
    with pytest.raises(ValueError, match="augment"):
        model(augment="colour")


def test_non_leaking_augmentation_reports_no_amount_for_images_it_left_alone() -> None:
    torch.manual_seed(0)
    images = torch.rand(200, 1, 16, 16)
    changed, amounts = non_leaking(images, 0.2)
    assert amounts.shape == (200, AMOUNTS)
    alone = (amounts == 0).all(1)
    assert 0.1 < alone.float().mean() < 0.7
    assert torch.allclose(changed[alone], images[alone], atol=1e-5)
    assert all((changed[~alone] - images[~alone]).abs().amax((1, 2, 3)) > 1e-3)
    same, none = non_leaking(images, 0.0)
    assert torch.equal(same, images)
    assert not none.any()
