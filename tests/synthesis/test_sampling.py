"""Shards survive a crash and damage; a collapsed generator is recognised."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgain.errors import SynthgainError
from synthgain.generators.contract import Generator, image_noise
from synthgain.synthesis import sampling


class Drawn(Generator):
    """Noise whose mean is the label; counts its calls."""

    calls = 0

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        self.calls += 1
        return (image_noise((1, 4, 4), len(labels), seed) * 0.1 + labels.view(-1, 1, 1, 1) / 4).clamp(-1, 1)


def draw(work: Path, generator: Generator, count: int = 10, shard: int = 4) -> list[np.ndarray]:
    labels = np.arange(count) % 3
    return list(sampling.draw(generator, labels, seed=0, name="g", shard=shard, work=work))


def test_the_pool_is_as_large_as_asked_balanced_and_cycles_over_the_classes() -> None:
    assert sampling.pool_labels(7, 1.5, 4).tolist() == [0, 1, 2, 3] * 3
    assert len(sampling.pool_labels(10, 1.1, 1)) == 11
    assert len(sampling.pool_labels(100, 1.0, 4)) == 100


def test_shards_have_the_asked_size_and_differ(tmp_path: Path) -> None:
    shards = draw(tmp_path, Drawn())
    assert [len(shard) for shard in shards] == [4, 4, 2]
    assert all(shard.dtype == np.uint8 for shard in shards)
    assert len({image.tobytes() for shard in shards for image in shard}) == 10


def test_a_finished_shard_is_not_drawn_again_and_a_damaged_one_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = draw(tmp_path, Drawn())
    again = Drawn()
    assert all(np.array_equal(a, b) for a, b in zip(first, draw(tmp_path, again), strict=True))
    assert again.calls == 0
    path = tmp_path / "shard-000001.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    (tmp_path / "shard-000002.sha256").unlink()
    assert all(np.array_equal(a, b) for a, b in zip(first, draw(tmp_path, again), strict=True))
    assert again.calls == 2
    assert "shard-000001.npy is damaged" in capsys.readouterr().out


def test_levels_are_rounded_over_the_whole_range(tmp_path: Path) -> None:
    class Ramp(Generator):
        def sample(self, labels: Tensor, *, seed: int) -> Tensor:
            return torch.tensor([-1.0, 0.0, 1.0, 1.5]).view(1, 1, 2, 2).expand(len(labels), -1, -1, -1)

    assert draw(tmp_path, Ramp(), count=1)[0].ravel().tolist() == [0, 128, 255, 255]


def test_values_that_are_not_finite_are_refused_with_the_generators_name(tmp_path: Path) -> None:
    class Broken(Generator):
        def sample(self, labels: Tensor, *, seed: int) -> Tensor:
            return torch.full((len(labels), 1, 4, 4), torch.nan)

    with pytest.raises(SynthgainError, match="generator 'g' draws values that are not finite"):
        draw(tmp_path, Broken())
    assert not list(tmp_path.iterdir())


def spread(images: np.ndarray, labels: np.ndarray, batch: int = 7) -> sampling.Variation:
    variation = sampling.Variation(2)
    for start in range(0, len(images), batch):
        variation.add(images[start : start + batch], labels[start : start + batch])
    return variation


def test_a_class_of_nearly_equal_images_is_named() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    real = random.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    drawn = real.copy()
    drawn[labels == 1] = real[1] // 2 + random.integers(0, 2, (20, 1, 4, 4), dtype=np.uint8)
    reference = spread(real, labels)
    expected = [real[labels == label].astype(float).std(0).mean() for label in (0, 1)]
    assert reference.deviation() == pytest.approx(expected)
    assert sampling.collapse(reference, reference, ("a", "b"), "g", 0.05) is None
    said = sampling.collapse(spread(drawn, labels), reference, ("a", "b"), "g", 0.05)
    assert "'g' has collapsed: its images of class 'b'" in str(said)


def test_a_class_with_one_image_is_no_sign_of_collapse() -> None:
    images = np.zeros((3, 1, 4, 4), np.uint8)
    one = spread(images[:2], np.array([0, 1]))
    assert np.isnan(one.deviation()).all()
    assert sampling.collapse(one, one, ("a", "b"), "g", 0.05) is None
