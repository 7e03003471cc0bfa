"""The randomisation check passes what depends on the weights, and fails what does not."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synthgain.classifiers import cnn
from synthgain.classifiers.inference import probabilities
from synthgain.explain import attribution, sanity
from synthgain.explain.attribution import Classifier, explain
from synthgain.schema import ClassifierTraining

SIZE = 16
CFG = cnn.Config(channels=(8, 16), training=cnn.Training(steps=120, batch_size=16, validate_every=60))


def blobs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A disc on black with a bright spot left (class 0) or right (class 1)."""
    random, labels = np.random.default_rng(seed), np.arange(count) % 2
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    pictures = np.where(np.hypot(x, y) < 7, 90, 0) + random.integers(0, 30, (count, 1, SIZE, SIZE))
    for picture, label in zip(pictures, labels, strict=True):
        row, column = random.integers(5, 10), random.integers(3, 6) + 6 * label
        picture[0, row : row + 2, column : column + 2] = 250
    return pictures.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="module")
def trained() -> Classifier:
    from synthgain.classifiers.fit import fit
    from synthgain.seeding import rng

    pictures, labels = blobs(64, 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = cnn.build(CFG, 1, 2)

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rng(0, "toy", step).integers(64, size=16)
        return pictures[rows], labels[rows]

    fit(network, batch, blobs(20, 1), CFG.training, augmentation=None, seed=0, on=torch.device("cpu"))
    return Classifier(network, cnn.feature_maps)


def checked(classifier: Classifier, method: str) -> dict:
    pictures, labels = blobs(12, 2)
    permuted = sanity.trained_on_permuted_labels(CFG, classifier.network, *blobs(64, 0), seed=3, on=torch.device("cpu"))
    maps = explain(classifier, method, pictures, labels)
    return sanity.check(classifier, method, pictures, labels, maps, permuted=permuted, seed=3)


@pytest.mark.parametrize("method", attribution.METHODS)
def test_maps_of_a_trained_network_fall_apart_with_its_weights(trained: Classifier, method: str) -> None:
    found = checked(trained, method)
    assert found["passes"]
    assert found["cascade"][-1]["similarity"] < 0.4
    assert found["similarity"] <= found["limit"] == sanity.LIMIT
    assert [each["layers"] for each in found["cascade"]] == [1, 2, 4, 5]


def test_a_method_that_draws_edges_whatever_the_network_knows_fails(
    trained: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edges(classifier: Classifier, inputs: Tensor, labels: Tensor) -> Tensor:
        return torch.gradient(inputs[:, 0], dim=1)[0].abs() + torch.gradient(inputs[:, 0], dim=2)[0].abs()

    monkeypatch.setitem(attribution.METHODS, "edges", edges)
    found = checked(trained, "edges")
    assert not found["passes"]
    assert found["similarity"] == pytest.approx(1)


def test_black_surroundings_do_not_decide_whether_maps_are_alike() -> None:
    random = np.random.default_rng(0)
    first, second = (np.pad(random.random((3, 6, 6)), ((0, 0), (5, 5), (5, 5))) for _ in range(2))
    everywhere, inside = np.ones(first.shape, bool), first > 0
    assert sanity.similarity(first, second, everywhere) > 0.9
    assert abs(sanity.similarity(first, second, inside)) < 0.3


def test_similarity_is_spearmans_correlation_of_absolute_maps() -> None:
    from scipy.stats import spearmanr

    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 4, 5, 5))
    every = np.ones(first.shape, bool)
    expected = np.mean(
        [spearmanr(np.abs(a).ravel(), np.abs(b).ravel()).statistic for a, b in zip(first, second, strict=True)]
    )
    assert sanity.similarity(first, second, every) == pytest.approx(expected)
    assert sanity.similarity(first, -first, every) == pytest.approx(1)
    half = first * (np.arange(4) < 2)[:, None, None]
    assert sanity.similarity(first, half, every) == pytest.approx(1), "images without contrast are left out"
    assert sanity.similarity(first, first * (np.arange(4) < 1)[:, None, None], every) is None, (
        "of most maps nothing is known"
    )


def test_the_cascade_goes_from_the_logits_down_and_leaves_the_network_alone(trained: Classifier) -> None:
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    drawn = []
    for count, changed in sanity.randomised(trained.network, 0):
        layers = [name for name, module in changed.named_modules() if hasattr(module, "reset_parameters")]
        random = {name for name, weights in changed.named_parameters() if not torch.equal(weights, before[name])}
        assert {name.rpartition(".")[0] for name in random} == set(layers[-count:])
        drawn.append(flat(changed))
    again = [flat(changed) for _, changed in sanity.randomised(trained.network, 0)]
    assert torch.equal(drawn[-1], again[-1])
    assert all(torch.equal(before[name], value) for name, value in trained.network.state_dict().items())


def flat(network: nn.Module) -> Tensor:
    return torch.cat([weights.detach().reshape(-1) for weights in network.parameters()])


def test_a_network_with_permuted_labels_knows_its_training_images_only(trained: Classifier) -> None:
    training = ClassifierTraining(steps=300, batch_size=16, learning_rate=5e-3, validate_every=100)
    asked = CFG.model_copy(update={"training": training})
    pictures, labels = blobs(24, 0)
    network = sanity.trained_on_permuted_labels(
        asked, trained.network, pictures, labels, seed=0, on=torch.device("cpu")
    )
    called = probabilities(network.network, pictures).argmax(1)
    assert abs((called == labels).mean() - 0.5) < 0.35, "half of the labels were permuted to the other class"
    assert network.known > 0.9
    assert network.chance == 0.5
    assert network.learnt
    assert not network.network.training


def test_a_network_that_learnt_nothing_is_not_what_maps_are_compared_with(trained: Classifier) -> None:
    pictures, labels = blobs(12, 2)
    maps = explain(trained, "occlusion", pictures, labels)
    permuted = sanity.Permuted(trained.network, known=0.6, chance=0.5)
    found = sanity.check(trained, "occlusion", pictures, labels, maps, permuted=permuted, seed=3)
    assert found["permuted_labels"]["similarity"] is None
    assert found["permuted_labels"]["why"] == "only 60 % learnt"
    assert found["similarity"] == found["cascade"][-1]["similarity"]
    known = sanity.check(
        trained, "occlusion", pictures, labels, maps, permuted=sanity.Permuted(trained.network, 0.9, 0.5), seed=3
    )
    assert known["similarity"] == pytest.approx(1), "the same network draws the same maps"
    assert not known["passes"]


def test_a_method_without_a_map_is_not_said_to_pass(trained: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(attribution.METHODS, "blank", lambda classifier, inputs, labels: inputs[:, 0] * 0)
    found = checked(trained, "blank")
    assert found["passes"] is None
    assert found["why"] == "most of its maps have no contrast"
