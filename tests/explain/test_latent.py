"""What is seen of a generator's inputs."""

from functools import cache

import numpy as np
import pytest
import torch

from synthgain.config import component
from synthgain.explain import latent
from synthgain.generators import store
from synthgain.generators.contract import Facts, Generator
from synthgain.schema import GeneratorConfig
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b", "c"), phantom.Config())
SMALL = {
    "dcgan": {"model": {"width": 4, "latent": 6}},
    "vae": {"model": {"width": 4, "latent": 6}},
    "edm": {"model": {"widths": (8,), "patch": 4}, "sampling": {"steps": 3, "guidance_interval": (0, 100)}},
}


def configured(kind: str) -> GeneratorConfig:
    config: GeneratorConfig = component("generators", kind).Config(**SMALL.get(kind, {}))
    return config


@cache
def built(cfg: GeneratorConfig) -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = store.build(cfg, FACTS)
        with torch.no_grad():
            for weights in generator.parameters():
                weights += 0.3 * torch.randn_like(weights)
    return generator.eval().requires_grad_(False)


@pytest.mark.parametrize("kind", SMALL)
def test_from_class_to_class_the_noise_stays_and_the_ends_are_what_sampling_gives(kind: str) -> None:
    found = latent.explore(built, configured(kind), 3, seed=0)
    assert found["classes"]["strips"].shape == (2, 7, 1, 16, 16)
    assert np.array(found["classes"]["at"])[[0, 3, 6]].tolist() == np.eye(3).tolist()
    assert np.allclose(np.sum(found["classes"]["at"], 1), 1)
    generator = built(configured(kind))
    noise = generator.noise(2, seed=latent.derive(0, "explain", "latent"))
    ends = generator.paint(noise[1:].expand(3, *noise.shape[1:]), torch.arange(3))
    drawn = ((ends.clamp(-1, 1) + 1) * 127.5).round().numpy()
    assert np.abs(found["classes"]["strips"][1, [0, 3, 6]] - drawn).max() <= 1


@pytest.mark.parametrize("kind", ["dcgan", "vae"])
def test_along_a_direction_the_middle_is_the_noise_itself(kind: str) -> None:
    found = latent.explore(built, configured(kind), 3, seed=0)
    strips, at = found["directions"]["strips"], list(found["directions"]["at"])
    assert strips.shape == (3, 7, 1, 16, 16)
    middle = at.index(0)
    assert np.abs(strips[:, middle].astype(int) - found["classes"]["strips"][0, 0]).max() <= 1
    moved = np.abs(strips.astype(int) - strips[:, [middle]]).mean((0, 2, 3, 4))
    assert moved[0] > moved[2] > 0
    assert moved[-1] > moved[4] > 0


def test_guidance_is_shown_for_every_class_from_the_model_as_it_is_on() -> None:
    found = latent.explore(built, configured("edm"), 3, seed=0)
    assert set(found) == {"classes", "guidance"}
    strips, at = found["guidance"]["strips"], list(found["guidance"]["at"])
    assert strips.shape == (3, len(at), 1, 16, 16)
    as_it_is = strips[:, at.index(1.0)].astype(int)
    assert configured("edm").sampling.guidance == 1
    assert np.abs(as_it_is - found["classes"]["strips"][0, [0, 3, 6]]).max() <= 1
    changed = np.abs(strips.astype(int) - as_it_is[:, None]).mean((0, 2, 3, 4))
    assert (np.diff(changed) > 0).all()


def test_a_control_has_nothing_to_show() -> None:
    assert latent.explore(built, configured("noise"), 3, seed=0) == {}


def test_directions_are_orthonormal_and_the_first_stretches_most() -> None:
    directions = built(configured("dcgan")).directions()
    weight = built(configured("dcgan")).get_submodule("generator.first").weight
    assert torch.allclose(directions @ directions.T, torch.eye(6), atol=1e-5)
    stretched = (weight @ directions.T).norm(dim=0)
    assert (stretched[:-1] >= stretched[1:] - 1e-6).all()
    _, vectors = np.linalg.eigh((weight.T @ weight).numpy())
    assert abs(vectors[:, -1] @ directions[0].numpy()) == pytest.approx(1, abs=1e-4)
