"""What every generator keeps, whatever family it is of: a new file in the package is tested here on arrival."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthgain import artifact
from synthgain.artifact import Artifact
from synthgain.config import component, kinds
from synthgain.generators import store
from synthgain.generators.contract import BATCH, Facts, Generator
from synthgain.schema import GeneratorConfig
from synthgain.sources import phantom

SIZE = 16
FACTS = Facts(1, SIZE, tuple(sorted(phantom.CLASSES)), phantom.Config())


def real_images(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright square per class, at the class's place, of varying brightness."""
    labels = torch.arange(count) % len(FACTS.classes)
    images = torch.full((count, 1, SIZE, SIZE), -1.0)
    for i, label in enumerate(labels.tolist()):
        top, left = 8 * (label // 2) + 1, 8 * (label % 2) + 1
        images[i, :, top : top + 5, left : left + 5] = 0.2 + 0.6 * i / count
    return images, labels


@pytest.fixture(scope="module", params=kinds("generators"))
def made(request: pytest.FixtureRequest) -> tuple[GeneratorConfig, Generator]:
    """A generator of each family that has seen data; its weights are moved off their first values."""
    torch.manual_seed(0)
    cfg = component("generators", request.param).Config()
    if hasattr(cfg.sampling, "steps"):
        cfg = cfg.model_copy(update={"sampling": cfg.sampling.model_copy(update={"steps": 3})})
    generator = store.build(cfg, FACTS)
    generator.observe([real_images()])
    with torch.no_grad():
        for weights in generator.parameters():
            weights += 0.05 * torch.randn_like(weights)
    return cfg, generator.eval()


def test_samples_have_the_images_shape_and_range(made: tuple[GeneratorConfig, Generator]) -> None:
    drawn = made[1].sample(torch.tensor([0, 1, 2, 3]), seed=1)
    assert drawn.shape == (4, 1, SIZE, SIZE)
    assert drawn.dtype == torch.float32
    assert drawn.min() >= -1
    assert drawn.max() <= 1


def test_the_seed_decides_the_samples(made: tuple[GeneratorConfig, Generator]) -> None:
    labels = torch.tensor([0, 1, 2, 3])
    first = made[1].sample(labels, seed=1)
    torch.manual_seed(99)
    assert torch.equal(first, made[1].sample(labels, seed=1))
    assert not torch.equal(first, made[1].sample(labels, seed=2))


def test_an_image_does_not_depend_on_how_many_follow_it(made: tuple[GeneratorConfig, Generator]) -> None:
    count = 6 if made[0].kind == "oracle" else BATCH + 2
    labels = torch.arange(count) % 4
    many = made[1].sample(labels, seed=1)
    assert torch.equal(many[:3], made[1].sample(labels[:3], seed=1))
    assert len({image.numpy().tobytes() for image in many}) > len(many) // 3


def test_samples_depend_on_the_label(made: tuple[GeneratorConfig, Generator]) -> None:
    first, second = (made[1].sample(torch.full((4,), label), seed=1) for label in (0, 2))
    assert (first - second).abs().mean() > 1e-4


def test_what_is_trained_paints_its_samples_from_noise_and_also_between_classes(
    made: tuple[GeneratorConfig, Generator],
) -> None:
    generator = made[1]
    if generator.control:
        return
    noise, labels = generator.noise(4, seed=1), torch.tensor([0, 1, 2, 3])
    assert torch.equal(noise[:2], generator.noise(2, seed=1))
    shares = torch.eye(4)
    with torch.inference_mode():
        drawn = generator.sample(labels, seed=1)
        assert torch.allclose(generator.paint(noise, labels), drawn, atol=1e-4)
        assert torch.allclose(generator.paint(noise, shares), drawn, atol=1e-4)
        between = generator.paint(noise, (shares + shares.roll(1, 1)) / 2)
    assert between.shape == drawn.shape
    assert not torch.allclose(between, drawn, atol=1e-4)
    directions = generator.directions()
    if len(directions):
        assert directions.shape[1:] == noise.shape[1:]
        assert torch.allclose(directions @ directions.T, torch.eye(len(directions)), atol=1e-4)


def test_what_is_trained_scores_membership_and_a_control_does_not(made: tuple[GeneratorConfig, Generator]) -> None:
    generator, (images, labels) = made[1], real_images()
    found = generator.membership(images, labels, seed=1)
    assert bool(found) != generator.control
    again, other = (generator.membership(images, labels, seed=seed) for seed in (1, 2))
    few = generator.membership(images[:3], labels[:3], seed=1)
    for name, scores in found.items():
        assert scores.shape == (len(images),)
        assert scores.isfinite().all()
        assert len(scores.unique()) > len(images) // 2
        assert torch.equal(scores, again[name])
        assert torch.equal(scores[:3], few[name])
        assert torch.allclose(scores, other[name], rtol=1, atol=1)


def test_membership_depends_on_the_label(made: tuple[GeneratorConfig, Generator]) -> None:
    images, labels = real_images()
    other = made[1].membership(images, (labels + 1) % 4, seed=1)
    for name, scores in made[1].membership(images, labels, seed=1).items():
        assert not torch.equal(scores, other[name])


def test_a_phase_moves_its_own_weights_only(made: tuple[GeneratorConfig, Generator]) -> None:
    cfg, _ = made
    torch.manual_seed(0)
    generator = store.build(cfg, FACTS)
    generator.observe([real_images()])
    assert bool(generator.phases()) == (not generator.control) == (cfg.training is not None)
    for phase in generator.phases():
        before = {name: value.clone() for name, value in generator.named_parameters()}
        own = {id(weights) for weights in phase.parameters()}
        optimizer = phase.optimizer(phase.parameters())
        loss = phase.loss(*real_images())
        assert loss.shape == ()
        assert loss.isfinite()
        loss.backward()
        optimizer.step()
        moved = {name for name, value in generator.named_parameters() if not torch.equal(value, before[name])}
        assert moved
        assert moved <= {name for name, value in generator.named_parameters() if id(value) in own}


def test_a_saved_generator_draws_the_same_images(
    made: tuple[GeneratorConfig, Generator], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cfg, generator = made
    loaded = store.load(saved(tmp_path_factory.mktemp("out"), cfg, generator), cfg)
    labels = torch.tensor([0, 1, 2, 3])
    assert not loaded.training
    assert torch.equal(generator.sample(labels, seed=3), loaded.sample(labels, seed=3))


def saved(folder: Path, cfg: GeneratorConfig, generator: Generator) -> Artifact:
    with artifact.writing(folder / cfg.kind, stage="train_generator", config={}, inputs={}) as draft:
        store.save(draft.path, generator, cfg, FACTS)
    return artifact.read(folder / cfg.kind)


@pytest.mark.parametrize("size, channels", [(28, 1), (33, 3)])
@pytest.mark.parametrize("kind", [kind for kind in kinds("generators") if kind != "oracle"])
def test_odd_sizes_and_colour_work(kind: str, size: int, channels: int) -> None:
    facts = Facts(channels, size, ("a", "b"), phantom.Config())
    generator = store.build(component("generators", kind).Config(), facts)
    images, labels = torch.rand(4, channels, size, size) * 2 - 1, torch.tensor([0, 1, 0, 1])
    generator.observe([(images, labels)])
    for phase in generator.phases():
        phase.loss(images, labels).backward()
    assert generator.eval().sample(labels[:1], seed=0).shape == (1, channels, size, size)
    assert all(scores.shape == (4,) for scores in generator.membership(images, labels, seed=0).values())


def test_labels_are_numbered_as_in_the_data_not_as_in_the_source() -> None:
    mixed = Facts(1, 32, ("no_tumor", "glioma"), phantom.Config())
    drawn = store.build(component("generators", "oracle").Config(), mixed).sample(torch.tensor([1]), seed=5)
    truth = phantom.draw(phantom.Config(), [phantom.CLASSES.index("glioma")], seed=5, size=32)
    assert np.array_equal(((drawn + 1) * 127.5).round().numpy().astype(np.uint8), truth)
