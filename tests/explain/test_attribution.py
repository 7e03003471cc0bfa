"""Maps point to what a network uses, and to nothing else."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synthgain.config import component, kinds
from synthgain.explain import attribution
from synthgain.explain.attribution import METHODS, Classifier, explain, incompleteness

SIZE = 32
CORNER = (slice(0, 8), slice(0, 8))


class Corner(nn.Module):
    """Class 1 where the upper left corner is bright; nothing else matters."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        with torch.no_grad():
            self.maps.weight.zero_()
            self.maps.weight[0, 0, 1, 1] = 1.0
            self.maps.weight[1, 0, 1, 1] = -1.0

    def forward(self, images: Tensor) -> Tensor:
        bright = self.maps(images).relu()[:, 0, *CORNER].mean((1, 2))
        return torch.stack([-bright, bright], 1)


def corner() -> Classifier:
    return Classifier(Corner().eval(), lambda network: [network.maps])


def images(count: int = 6, channels: int = 1, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(150, 256, (count, channels, size, size)).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_maps_point_to_the_corner_that_decides(method: str) -> None:
    shown = images()
    shown[:, :, 16:] = 0
    # Grad-CAM weighs whole feature maps: it sees the corner only where the rest of the image is dark.
    if method == "grad_cam":
        shown[:, :, 8:], shown[:, :, :, 8:] = 0, 0
    maps = explain(corner(), method, shown, np.ones(6, np.int64))
    assert maps.shape == (6, SIZE, SIZE)
    assert maps.dtype == np.float32
    positive = np.clip(maps, 0, None)
    inside = positive[:, *CORNER].sum((1, 2)) / positive.sum((1, 2))
    assert (inside > (0.6 if method == "occlusion" else 0.95)).all()
    for each in maps:
        row, column = np.unravel_index(each.argmax(), each.shape)
        assert row < 8
        assert column < 8


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients"])
def test_what_speaks_for_one_of_two_classes_speaks_against_the_other(method: str) -> None:
    shown = images()
    one, other = (explain(corner(), method, shown, np.full(6, label, np.int64)) for label in (0, 1))
    assert np.allclose(one, -other, atol=1e-6)
    assert (other[:, *CORNER].sum((1, 2)) > 0).all()


@pytest.mark.parametrize("kind", kinds("classifiers"))
def test_integrated_gradients_sum_to_the_difference_from_a_black_image(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier, shown, labels = built(kind), images(2), np.array([0, 2])
    missed = []
    for steps in (32, 128):
        monkeypatch.setattr(attribution, "STEPS", steps)
        maps = explain(classifier, "integrated_gradients", shown, labels)
        missed.append(incompleteness(classifier, shown, labels, maps))
    assert missed[1] < 0.1
    assert missed[1] < missed[0] < 0.25, "what is missed is the quadrature's error"
    assert incompleteness(classifier, shown, labels, 2 * maps) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_the_same_again_and_in_other_company(method: str) -> None:
    classifier, shown, labels = built("cnn"), images(70), np.arange(70) % 3
    maps = explain(classifier, method, shown, labels)
    assert np.array_equal(maps, explain(classifier, method, shown, labels))
    assert np.allclose(maps[66:], explain(classifier, method, shown[66:], labels[66:]), atol=1e-5)
    assert not np.allclose(maps, explain(classifier, method, shown, (labels + 1) % 3), atol=1e-5)


@pytest.mark.parametrize("kind", kinds("classifiers"))
@pytest.mark.parametrize("channels, size", [(1, 32), (3, 40)])
def test_every_classifier_can_be_explained_by_every_method(kind: str, channels: int, size: int) -> None:
    classifier = built(kind, channels)
    for method in METHODS:
        maps = explain(classifier, method, images(1, channels, size), np.array([1]))
        assert maps.shape == (1, size, size)
        assert np.isfinite(maps).all()


def test_grad_cam_is_captums_on_the_deepest_maps_that_tell_places_apart() -> None:
    from captum.attr import LayerAttribution, LayerGradCam

    from synthgain.dataset import to_float

    classifier, shown = built("densenet"), images(2)
    inputs = to_float(torch.from_numpy(shown))
    sides = {}
    for layer in classifier.feature_maps(classifier.network):
        found = LayerGradCam(classifier.network, layer).attribute(inputs, 1, relu_attributions=True)
        sides[found.shape[-1]] = LayerAttribution.interpolate(found, (SIZE, SIZE), "bilinear")
    assert min(sides) < 4, "the deepest maps of this network are too coarse at this size"
    expected = sides[min(side for side in sides if side >= 4)][:, 0].detach().numpy()
    assert np.allclose(explain(classifier, "grad_cam", shown, np.ones(2, np.int64)), expected, atol=1e-6)


def built(kind: str, channels: int = 1) -> Classifier:
    module = component("classifiers", kind)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Classifier(module.build(module.Config(), channels, 3, 2).eval(), module.feature_maps)
