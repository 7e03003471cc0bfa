"""What every file in classifiers/ promises; a new one is tested on arrival."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from synthgain import artifact
from synthgain.artifact import ArtifactError
from synthgain.classifiers import encoder, inference
from synthgain.classifiers.weights import read_weights, write_weights
from synthgain.config import component, kinds
from synthgain.dataset import ImageSet
from synthgain.errors import SynthgainError

KINDS = kinds("classifiers")
CLASSES = ("a", "b", "c")


def built(kind: str, channels: int = 1, spatial_dims: int = 2) -> nn.Module:
    module = component("classifiers", kind)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return module.build(module.Config(), channels, len(CLASSES), spatial_dims)


def images(count: int = 5, channels: int = 1, size: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, channels, size, size)).astype(np.uint8)


def test_the_shipped_ones_are_found() -> None:
    assert {"cnn", "densenet", "resnet"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels, size", [(1, 16), (1, 28), (3, 40)])
def test_it_gives_a_logit_per_class_at_any_size(kind: str, channels: int, size: int) -> None:
    network = built(kind, channels).eval()
    logits = network(torch.rand(2, channels, size, size))
    assert logits.shape == (2, len(CLASSES))
    assert bool(logits.isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_volumes(kind: str) -> None:
    assert built(kind, spatial_dims=3).eval()(torch.rand(1, 1, 16, 16, 16)).shape == (1, len(CLASSES))


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_the_layers_that_give_feature_maps_deepest_first(kind: str) -> None:
    network, order = built(kind).eval(), []
    layers = component("classifiers", kind).feature_maps(network)
    for layer in layers:
        layer.register_forward_hook(lambda module, _, maps: order.append((module, maps.shape)))
    network(torch.rand(2, 1, 32, 32))
    assert [module for module, _ in order] == list(layers)[::-1]
    assert all(len(shape) == 4 for _, shape in order)
    sides = [shape[-1] for _, shape in order]
    assert sides == sorted(sides, reverse=True)
    assert max(sides) >= 8


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns(kind: str) -> None:
    network = built(kind)
    nn.functional.cross_entropy(network(torch.rand(4, 1, 32, 32)), torch.tensor([0, 1, 2, 0])).backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert without == []


@pytest.mark.parametrize("kind", KINDS)
def test_its_initial_weights_are_decided_by_the_seed(kind: str) -> None:
    first, again = built(kind).state_dict(), built(kind).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("kind", KINDS)
def test_features_enter_the_last_layer_and_probabilities_leave_it(kind: str) -> None:
    network = built(kind).eval()
    found, predicted = inference.features(network, images()), inference.probabilities(network, images())
    logits = torch.from_numpy(found) @ inference.last_linear(network).weight.T + inference.last_linear(network).bias
    assert found.shape == (5, inference.last_linear(network).in_features)
    assert np.allclose(logits.softmax(1).detach().numpy(), predicted, atol=1e-5)
    assert np.allclose(predicted.sum(1), 1, atol=1e-5)


def written_encoder(kind: str, folder: Path) -> tuple[nn.Module, artifact.Artifact]:
    network = built(kind).eval()
    with artifact.writing(folder / "encode", stage="encode", config={}, inputs={}) as draft:
        trained_on = ImageSet(images(), None, CLASSES, "a" * 64)  # type: ignore[arg-type]
        encoder.save(draft.path, network, component("classifiers", kind).Config(), trained_on)
    return network, artifact.read(folder / "encode")


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_measures_the_same_after_it_was_stored(kind: str, tmp_path: Path) -> None:
    network, found = written_encoder(kind, tmp_path)
    loaded = encoder.load(found)
    assert loaded.sha256 == found.sha256
    assert loaded.classes == CLASSES
    assert loaded.features(images()).shape == (5, loaded.dim)
    assert loaded.features(images()).dtype == np.float32
    assert np.array_equal(loaded.features(images()), inference.features(network, images()))
    assert np.array_equal(loaded.probabilities(images()), inference.probabilities(network, images()))


def test_an_encoder_refuses_images_of_another_shape(tmp_path: Path) -> None:
    loaded = encoder.load(written_encoder("cnn", tmp_path)[1])
    with pytest.raises(ValueError, match="expected uint8"):
        loaded.features(images(size=32))


def test_an_encoder_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    _, found = written_encoder("cnn", tmp_path)
    path = found.path / encoder.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="does not match its recorded SHA-256"):
        encoder.load(found)


def test_weights_of_another_network_or_with_nan_are_refused(tmp_path: Path) -> None:
    network = built("cnn")
    write_weights(built("cnn", channels=3), tmp_path / "other.safetensors")
    with pytest.raises(SynthgainError, match="not the weights of this network"):
        read_weights(network, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights at all")
    with pytest.raises(SynthgainError, match="not the weights of this network"):
        read_weights(network, tmp_path / "text.safetensors")
    broken = built("cnn")
    with torch.no_grad():
        next(broken.parameters())[0] = float("nan")
    write_weights(broken, tmp_path / "broken.safetensors")
    with pytest.raises(SynthgainError, match="not finite"):
        read_weights(network, tmp_path / "broken.safetensors")
