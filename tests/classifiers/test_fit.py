"""The training loop of every classifier."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from synthgain.classifiers import cnn
from synthgain.classifiers.fit import Batch, Look, _loss, fit
from synthgain.classifiers.inference import probabilities
from synthgain.classifiers.scores import balanced_accuracy, log_loss
from synthgain.errors import SynthgainError
from synthgain.schema import Augmentation, ClassifierTraining

CPU = torch.device("cpu")


def striped(count: int, seed: int) -> Batch:
    """Two classes: a bright upper or a bright lower half."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = random.integers(0, 150, (count, 1, 12, 12))
    for image, label in zip(images, labels, strict=True):
        image[0, 6 * label : 6 * label + 6] += 60
    return images.astype(np.uint8), labels.astype(np.int64)


VALIDATION = striped(40, 1)


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return cnn.build(cnn.Config(channels=(4, 8)), 1, 2, 2)


def trained(
    batch: Callable[[int], Batch], seed: int = 3, after: int = 0, **training: float
) -> tuple[nn.Module, list[Look]]:
    given = network()
    settings = ClassifierTraining.model_validate({"steps": 25, "batch_size": 16, "validate_every": 10} | training)
    looks = fit(given, batch, VALIDATION, settings, augmentation=Augmentation(), after=after, seed=seed, on=CPU)
    return given, looks


def test_it_learns_and_ends_at_the_best_of_its_looks() -> None:
    given, looks = trained(lambda step: striped(16, 100 + step), learning_rate=0.02)
    assert [look.step for look in looks] == [10, 20, 25]
    predicted = probabilities(given, VALIDATION[0])
    best = max(looks, key=lambda look: (look.val_balanced_accuracy, -look.val_log_loss))
    assert balanced_accuracy(predicted, VALIDATION[1]) == best.val_balanced_accuracy > 0.9
    assert log_loss(predicted, VALIDATION[1]) == pytest.approx(best.val_log_loss)
    assert not given.training


def test_looks_of_a_first_part_are_recorded_and_never_the_best_one() -> None:
    def spoiled_after_ten(step: int) -> Batch:
        images, labels = striped(16, 100 + step)
        return images, labels if step < 10 else 1 - labels

    given, looks = trained(spoiled_after_ten, learning_rate=0.02, after=10)
    assert [look.step for look in looks] == [10, 20, 25]
    reached = balanced_accuracy(probabilities(given, VALIDATION[0]), VALIDATION[1])
    assert reached == max(look.val_balanced_accuracy for look in looks[1:]) < looks[0].val_balanced_accuracy


def test_a_later_look_that_is_worse_is_not_kept() -> None:
    def spoiled_after_ten(step: int) -> Batch:
        images, labels = striped(16, 100 + step)
        return images, labels if step < 10 else 1 - labels

    given, looks = trained(spoiled_after_ten, learning_rate=0.02)
    assert looks[-1].val_balanced_accuracy < looks[0].val_balanced_accuracy
    assert balanced_accuracy(probabilities(given, VALIDATION[0]), VALIDATION[1]) == looks[0].val_balanced_accuracy


def test_the_same_seed_gives_the_same_bits_and_leaves_other_randomness_alone() -> None:
    state = torch.get_rng_state()
    first, looks = trained(lambda step: striped(16, step))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    again, looks_again = trained(lambda step: striped(16, step))
    other, _ = trained(lambda step: striped(16, step), seed=4)
    assert looks == looks_again
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    with pytest.raises(SynthgainError, match="diverged before step 10"):
        trained(lambda step: striped(16, step), learning_rate=1e30)


def test_every_step_asks_for_one_batch() -> None:
    asked: list[int] = []
    trained(lambda step: asked.append(step) or striped(16, step))
    assert asked == list(range(25))


def test_class_weights_and_mixup_change_what_is_learnt() -> None:
    torch.manual_seed(0)
    network, images, labels = torch.nn.Flatten(), torch.randn(6, 3), torch.tensor([0, 0, 0, 0, 1, 2])
    plain = _loss(network, images, labels, 0, weights=None, mixup=0.0, seed=0)
    assert plain == pytest.approx(float(F.cross_entropy(images, labels)))
    weights = torch.tensor([0.5, 2.0, 2.0])
    assert float(_loss(network, images, labels, 0, weights=weights, mixup=0.0, seed=0)) == pytest.approx(
        float(F.cross_entropy(images, labels, weights))
    )
    mixed = [float(_loss(network, images, labels, step, weights=None, mixup=0.2, seed=0)) for step in (0, 0, 1)]
    assert mixed[0] == mixed[1] != mixed[2]
    assert mixed[0] != pytest.approx(float(plain))
