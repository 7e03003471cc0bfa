"""Classical augmentation of a batch."""

import pytest
import torch

from synthgain.classifiers.augment import augment
from synthgain.schema import Augmentation

NOTHING = Augmentation(flip=False, rotate=0, translate=0, scale=0, intensity=0)
IMAGES = torch.rand(16, 3, 20, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_no_strength_changes_no_bit() -> None:
    assert torch.equal(augment(IMAGES, NOTHING, seed=1, step=2), IMAGES)


def test_all_randomness_is_a_function_of_seed_and_step() -> None:
    first = augment(IMAGES, Augmentation(), seed=1, step=2)
    torch.rand(3)
    assert torch.equal(augment(IMAGES, Augmentation(), seed=1, step=2), first)
    assert not torch.equal(augment(IMAGES, Augmentation(), seed=1, step=3), first)
    assert not torch.equal(augment(IMAGES, Augmentation(), seed=2, step=2), first)


def test_an_image_does_not_depend_on_the_others_in_its_batch() -> None:
    first = augment(IMAGES, Augmentation(), seed=1, step=2)
    others = torch.cat([IMAGES[:1], IMAGES[1:].flip(0)])
    assert torch.allclose(augment(others, Augmentation(), seed=1, step=2)[0], first[0], atol=1e-6)


def test_a_flip_mirrors_left_and_right_and_only_some_images() -> None:
    changed = augment(IMAGES, NOTHING.model_copy(update={"flip": True}), seed=0, step=0)
    same = torch.stack([torch.allclose(a, b, atol=1e-5) * torch.ones(1) for a, b in zip(changed, IMAGES, strict=True)])
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(changed, IMAGES, strict=True)]
    assert 0 < sum(mirrored) < len(IMAGES)
    assert int(same.sum()) + sum(mirrored) == len(IMAGES)


def test_a_shift_stays_within_its_bound() -> None:
    spots = torch.full((64, 1, 21, 21), -1.0)
    spots[:, 0, 10, 10] = 1
    moved = augment(spots, NOTHING.model_copy(update={"translate": 0.1}), seed=0, step=0)
    weight = (moved[:, 0] + 1).flatten(1)
    places = torch.stack(torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")).flatten(1)
    centres = (weight[:, None] * places).sum(2) / weight.sum(1, keepdim=True)
    shifts = (centres - 10).abs()
    assert 1 < float(shifts.max()) <= 2.1 + 1e-4


@pytest.mark.parametrize("name, strength", [("rotate", 20.0), ("scale", 0.3), ("intensity", 0.4)])
def test_every_amount_changes_images_and_keeps_their_range(name: str, strength: float) -> None:
    changed = augment(IMAGES, NOTHING.model_copy(update={name: strength}), seed=0, step=0)
    assert changed.shape == IMAGES.shape
    assert not torch.allclose(changed, IMAGES, atol=1e-3)
    assert float(changed.min()) >= -1
    assert float(changed.max()) <= 1


def test_black_stays_black_whatever_the_brightness() -> None:
    black = torch.full((8, 1, 8, 8), -1.0)
    assert torch.equal(augment(black, NOTHING.model_copy(update={"intensity": 1.0}), seed=0, step=0), black)
