"""Trials: trained once, in any number of processes, on nothing but the train split."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from synthgain.arms import trial
from synthgain.arms.arm import parse
from synthgain.arms.trial import Bench, Trial
from synthgain.config import Config, component
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

ARMS = ("real", "classic", "oversample", "duplicate", "synthetic-edm-r1")


@pytest.fixture
def cfg(toy: ModuleType) -> Config:
    return toy.experiment()


@pytest.fixture
def paths(toy: ModuleType, cfg: Config, tmp_path: Path) -> Paths:
    return toy.build(tmp_path, cfg)


def bench_for(paths: Paths, cfg: Config, arms: Sequence[str] = ARMS) -> Bench:
    return trial.bench(paths, cfg, [parse(name) for name in arms])


def trials(arms: Sequence[str] = ARMS, splits: tuple[str, ...] = ("val",)) -> list[Trial]:
    return [Trial(parse(arm), index, 40 + index, splits) for arm in arms for index in range(2)]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the arms that this process trains, one per training."""
    names: list[str] = []
    original = trial.train

    def counted(arm: Any, *rest: Any, **more: Any) -> Any:
        names.append(arm.name)
        return original(arm, *rest, **more)

    monkeypatch.setattr(trial, "train", counted)
    return names


def fit_toy(toy: ModuleType, name: str, real: ImageSet, seed: int = 1) -> dict[str, torch.Tensor]:
    cfg = toy.experiment()
    pool = toy.pool() if parse(name).generator else None
    on = torch.device("cpu")
    return trial.train(parse(name), real, pool, cfg.classifier, cfg.arms.augmentation, seed=seed, on=on)[0].state_dict()


@pytest.mark.parametrize("name", ARMS)
def test_images_outside_train_and_val_change_nothing(name: str, toy: ModuleType) -> None:
    real = toy.real()
    expected = fit_toy(toy, name, real)
    hidden = real.table["split"].isin(["test", "unused"]).to_numpy()
    real.images[hidden] = 255
    found = fit_toy(toy, name, real)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_the_same_seed_is_the_same_initialisation_in_every_arm(
    toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = component("classifiers", "cnn")
    build, initial = module.build, []

    def recorded(*arguments: Any) -> Any:
        network = build(*arguments)
        initial.append(torch.cat([weight.detach().flatten().clone() for weight in network.parameters()]))
        return network

    monkeypatch.setattr(module, "build", recorded)
    for name in ARMS:
        fit_toy(toy, name, toy.real())
    fit_toy(toy, "classic", toy.real(), seed=2)
    assert all(torch.equal(weights, initial[0]) for weights in initial[:-1])
    assert not torch.equal(initial[-1], initial[0])


def test_every_arm_takes_the_same_steps(paths: Paths, cfg: Config) -> None:
    done = trials()
    history = trial.collect(done, trial.run_all(bench_for(paths, cfg), done, "toy"), trial.HISTORY)
    looks = history.groupby(["arm", "seed"])["step"].apply(list)
    assert len(looks) == len(done)
    assert all(steps == [3, 6] for steps in looks)


def test_two_processes_give_the_bytes_of_one(toy: ModuleType, cfg: Config, tmp_path: Path) -> None:
    identities = []
    for workers in (1, 2):
        paths = toy.build(tmp_path / str(workers), cfg)
        compute = cfg.compute.model_copy(update={"workers": workers})
        bench = replace(bench_for(paths, cfg), compute=compute)
        done = trials(("classic", "synthetic-edm-r1"), ("val", "test"))
        identities.append([found.sha256 for found in trial.run_all(bench, done, "toy")])
    assert identities[0] == identities[1]


def test_a_finished_trial_is_never_trained_again(paths: Paths, cfg: Config, trained: list[str]) -> None:
    bench = bench_for(paths, cfg)
    first = trial.run_all(bench, trials(), "toy")
    assert len(trained) == len(trials())
    again = trial.run_all(bench, trials(), "toy")
    assert len(trained) == len(trials())
    assert [found.sha256 for found in again] == [found.sha256 for found in first]


def test_a_redrawn_synthetic_set_trains_only_its_own_arms(
    toy: ModuleType, paths: Paths, cfg: Config, trained: list[str]
) -> None:
    trial.run_all(bench_for(paths, cfg), trials(), "toy")
    trained.clear()
    toy.draw(paths, "edm", seed=99)
    trial.run_all(bench_for(paths, cfg), trials(), "toy")
    assert trained == ["synthetic-edm-r1"] * 2


def test_what_an_arm_does_not_use_is_not_in_its_key(paths: Paths, cfg: Config) -> None:
    bench = bench_for(paths, cfg)
    stronger = replace(bench, augmentation=bench.augmentation.model_copy(update={"rotate": 45.0}))
    changed = [bench.key(each) != stronger.key(each) for each in trials(("real", "classic"))]
    assert changed == [False, False, True, True]
    renamed = [Trial(parse(name), 0, 1, ("val",)) for name in ("duplicate-r1", "duplicate")]
    assert bench.key(renamed[0]) == bench.key(renamed[1])
    assert len({bench.key(each) for each in trials()}) == len(trials())


def test_a_damaged_trial_is_said_and_trained_again(
    paths: Paths, cfg: Config, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bench, done = bench_for(paths, cfg), trials(("classic",))
    first = trial.run_all(bench, done, "toy")
    trained.clear()
    (bench.folder(done[0]) / trial.PREDICTIONS).write_bytes(b"torn")
    again = trial.run_all(bench, done, "toy")
    assert trained == ["classic"]
    assert "trained again" in capsys.readouterr().out
    assert [found.sha256 for found in again] == [found.sha256 for found in first]


@pytest.mark.parametrize("place", ["artifact.before_manifest:2", "artifact.before_rename:2", "trial.after_save:2"])
def test_a_killed_run_goes_on_where_it_was(place: str, paths: Paths, cfg: Config, trained: list[str]) -> None:
    bench, done = bench_for(paths, cfg), trials(("real", "classic"))
    child = multiprocessing.get_context("fork").Process(target=_run_until, args=(place, bench, done))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    results = trial.run_all(bench, done, "toy")
    assert len(trained) == len(done) - (2 if place.startswith("trial.") else 1)
    fresh = replace(bench, paths=Paths(paths.root / "fresh"))
    (paths.root / "fresh").mkdir()
    os.symlink(paths.data, fresh.paths.data)
    assert [found.sha256 for found in results] == [found.sha256 for found in trial.run_all(fresh, done, "toy")]


def _run_until(place: str, bench: Bench, done: list[Trial]) -> None:
    os.environ["SYNTHGAIN_FAILPOINT"] = place
    trial.run_all(bench, done, "toy")


def test_predictions_are_a_row_per_image_with_probabilities_in_class_order(paths: Paths, cfg: Config) -> None:
    done = [Trial(parse("classic"), 0, 7, ("val", "test"))]
    (found,) = trial.run_all(bench_for(paths, cfg), done, "toy")
    table = trial.collect(done, [found], trial.PREDICTIONS)
    assert list(table) == ["arm", "seed", "split", "image_id", "group", "label", "p0", "p1", "p2"]
    assert table["split"].value_counts().to_dict() == {"val": 15, "test": 15}
    assert table["p0"].dtype == np.float32
    assert np.allclose(table[["p0", "p1", "p2"]].sum(axis=1), 1, atol=1e-5)
    assert found.file(trial.WEIGHTS).is_file()


def test_screening_keeps_no_weights(paths: Paths, cfg: Config) -> None:
    (found,) = trial.run_all(bench_for(paths, cfg), [Trial(parse("classic"), 0, 7, ("val",))], "toy")
    assert trial.WEIGHTS not in found.manifest["files"]


def test_synthetic_images_of_all_labels_train_nothing_at_another_share_of_them(paths: Paths, cfg: Config) -> None:
    def train(arm: str) -> None:
        trial.run_all(bench_for(paths, cfg, [arm]), [Trial(parse(arm), 0, 40, ("val",), labels=0.5)], "curve")

    train("classic")
    train("duplicate")
    with pytest.raises(ValueError, match="synthetic-edm-r1"):
        train("synthetic-edm-r1")
