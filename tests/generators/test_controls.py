"""The controls are what they say they are."""

import pytest
import torch

from synthgain.errors import SynthgainError
from synthgain.generators import copies, noise, oracle
from synthgain.generators.contract import Facts
from synthgain.generators.models.copies import Copies
from synthgain.generators.models.noise import Noise
from synthgain.schema import SourceConfig

FACTS = Facts(1, 16, ("a", "b"), SourceConfig(kind="folder"))


def observed(generator: Copies | Noise) -> torch.Tensor:
    images = (torch.arange(8 * 256).reshape(8, 1, 16, 16) % 251).to(torch.uint8).float() / 127.5 - 1
    images[4:] = images[4:] * 0.25 + 0.5
    generator.observe([(images[:5], torch.tensor([0, 0, 0, 0, 1])), (images[5:], torch.tensor([1, 1, 1]))])
    return images


def test_copies_are_training_images_of_the_requested_class_bit_for_bit() -> None:
    generator = copies.build(copies.Config(), FACTS)
    levels = ((observed(generator) + 1) * 127.5).round()
    drawn = ((generator.sample(torch.tensor([0, 1] * 20), seed=0) + 1) * 127.5).round()
    for i, image in enumerate(drawn):
        of_class = levels[:4] if i % 2 == 0 else levels[4:]
        assert any(torch.equal(image, original) for original in of_class)
    assert len({image.numpy().tobytes() for image in drawn}) == 8


def test_copies_of_a_class_without_images_are_refused_by_name() -> None:
    generator = copies.build(copies.Config(), FACTS)
    generator.observe([(torch.zeros(2, 1, 16, 16), torch.tensor([0, 0]))])
    with pytest.raises(SynthgainError, match="no image of class 'b'"):
        generator.sample(torch.tensor([1]), seed=0)


def test_noise_has_the_class_mean_and_variance_and_no_structure() -> None:
    generator = noise.build(noise.Config(), FACTS)
    images = observed(generator)
    drawn = generator.sample(torch.ones(200, dtype=torch.int64), seed=0)
    assert drawn.mean() == pytest.approx(images[4:].mean().item(), abs=0.01)
    assert drawn.std() == pytest.approx(images[4:].std().item(), abs=0.01)
    assert drawn.mean(0).std() < 0.1 * images[4:].mean(0).std()


def test_an_oracle_needs_a_source_that_can_draw() -> None:
    with pytest.raises(SynthgainError, match="'folder' cannot"):
        oracle.build(oracle.Config(), FACTS)
