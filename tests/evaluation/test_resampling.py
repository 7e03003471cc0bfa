"""The vectorised measures equal the plain ones, with weights as with repeated images."""

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain.evaluation.metrics import METRICS
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.evaluation.resampling import COUNTED, PAIRED, Resampling, paired_replicates, replicate

MEASURES = COUNTED | PAIRED


@pytest.fixture(scope="module")
def predictions(simulated: ModuleType) -> Predictions:
    table = simulated.table({"classic": 0, "synthetic-edm-r1": 0.2}, seeds=3, groups=40, images=3)
    # Coarse probabilities tie, and one patient has images of two classes.
    coarse = table[["p0", "p1", "p2", "p3"]].round(1)
    table[coarse.columns] = coarse.div(coarse.sum(axis=1), axis=0).astype(np.float32)
    table["group"] = table["group"].replace({"p1": "p0"})
    return from_table(table, simulated.CLASSES)


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "recall"])
def test_a_weighted_measure_equals_the_metric_of_repeated_images(name: str, predictions: Predictions) -> None:
    p = predictions
    measure = MEASURES[name](p)
    weights = np.random.default_rng(0).integers(0, 4, (3, p.n_groups)).astype(np.float32)
    weights[0] = 1
    values = measure(weights)
    assert values.shape == (3, 2, 3)
    for row, drawn in enumerate(weights):
        images = np.repeat(np.arange(len(p.labels)), drawn[p.groups].astype(int))
        for a, s in np.ndindex(2, 3):
            expected = METRICS[name](p.labels[images], p.probabilities[a, s, images])
            assert values[row, a, s] == pytest.approx(expected, abs=2e-6)


def test_a_replicate_without_an_image_of_a_class_is_marked_not_guessed(predictions: Predictions) -> None:
    weights = np.ones((1, predictions.n_groups), np.float32)
    weights[0, predictions.groups[predictions.labels == 2]] = 0
    for name in ("balanced_accuracy", "macro_f1", "macro_auroc"):
        assert np.isnan(MEASURES[name](predictions)(weights)).all(), name


def test_draws_depend_on_the_seed_only_and_count_the_groups() -> None:
    first, again, other = (
        np.concatenate(list(Resampling(30, 4, 50, seed).group_weights(50))) for seed in (1, 1, 2)
    )  # fmt: skip
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.sum(1) == 30).all()
    shares = Resampling(30, 4, 50, 1).seed_weights()
    assert np.allclose(shares.sum(1), 1)


@pytest.mark.parametrize("seeds", [3, 8])
def test_another_set_of_trainings_draws_its_seeds_independently_and_the_same_groups(seeds: int) -> None:
    arms, curve = Resampling(30, 8, 4000, 1), Resampling(30, seeds, 4000, 1, "learning curve")
    first, other = (np.concatenate(list(each.group_weights(50))) for each in (arms, curve))
    assert np.array_equal(first, other)
    between = np.corrcoef(arms.seed_weights().T, curve.seed_weights().T)[:8, 8:]
    assert np.abs(between).max() < 0.08


def test_chunks_are_replicates_of_one_stream(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    resampling = Resampling(predictions.n_groups, 3, 64, 5)
    prepared = {"balanced_accuracy": COUNTED["balanced_accuracy"](predictions)}
    whole = replicate(prepared, resampling, 64)["balanced_accuracy"]
    monkeypatch.setattr("synthgain.evaluation.resampling._CELLS", 5 * predictions.n_groups)
    pieces = replicate(prepared, resampling, 64)["balanced_accuracy"]
    assert np.array_equal(whole.values, pieces.values)
    assert whole.values.shape == (64, 2, 3)
    assert np.array_equal(whole.point, pieces.point)


def test_measures_of_pairs_take_fewer_replicates_the_more_images_there_are(simulated: ModuleType) -> None:
    def allowed(groups: int) -> int:
        table: pd.DataFrame = simulated.table({"a": 0, "b": 0}, seeds=8, groups=groups, images=1)
        return paired_replicates(from_table(table, simulated.CLASSES), 10_000)

    assert allowed(100) == 10_000
    assert 500 <= allowed(4000) < 10_000


def test_measures_of_pairs_do_not_depend_on_how_replicates_are_held(
    predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.random.default_rng(0).integers(0, 4, (7, predictions.n_groups)).astype(np.float32)
    measure = PAIRED["macro_auroc"](predictions)
    whole = measure(weights)
    monkeypatch.setattr("synthgain.evaluation.resampling._PAIRED_CELLS", 3 * len(predictions.labels))
    assert np.array_equal(whole, measure(weights))
