"""The stage draws a class-balanced pool, says what the filter keeps, and resumes after a kill."""

import multiprocessing
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synthgain import artifact, config, dataset
from synthgain.classifiers import encoder
from synthgain.config import Config, component
from synthgain.dataset import ImageSet
from synthgain.generators import store
from synthgain.generators.contract import Facts
from synthgain.paths import Paths
from synthgain.stages import synthesize


def experiment(**changes: object) -> Config:
    return config.load({
        "dataset": {"name": "toy", "source": {"kind": "phantom"}, "image": {"size": 16}},
        "generators": {"gan": {"kind": "dcgan", "model": {"width": 4}}, "copies": {"kind": "copies"}},
        "classifier": {"kind": "cnn", "channels": [4, 8]},
        "synthesis": {"shard": 7, "oversample": 1.5, "confidence": 0.5}, "arms": {"ratios": [0.5, 1.0]}, **changes,
    })  # fmt: skip


def workspace(root: Path, collapsed: bool = False) -> Paths:
    """A workspace with 24 images (12 in train), an encoder and two generators, none of them trained."""
    paths, cfg = Paths(root), experiment()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 1, 16, 16), dtype=np.uint8)
    numbers = [str(i) for i in range(24)]
    table = pd.DataFrame({
        "image_id": numbers, "label": ["a", "b"] * 12, "patient_id": numbers, "group": numbers,
        "split": ["train", "train", "val", "val"] * 6, "source": "real", "origin": numbers,
    })  # fmt: skip
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        dataset.write(draft, images, table, ("a", "b"))
    real = dataset.read(paths.out("ingest"))
    torch.manual_seed(0)
    with artifact.writing(paths.out("encode"), stage="encode", config={}, inputs={}) as draft:
        network = component("classifiers", "cnn").build(cfg.classifier, 1, 2)
        encoder.save(draft.path, network, cfg.classifier, real)
    facts = Facts(1, 16, ("a", "b"), cfg.dataset.source)
    for name, chosen in cfg.generators.items():
        generator = store.build(chosen, facts)
        generator.observe([(torch.from_numpy(real.images[:12]) / 127.5 - 1, torch.from_numpy(real.labels[:12]))])
        with torch.no_grad():
            for weights in generator.parameters():
                weights.mul_(0 if collapsed else 20)
        with artifact.writing(
            paths.out("train_generator", name), stage="train_generator", config={}, inputs={}
        ) as draft:
            store.save(draft.path, generator, chosen, facts)
    return paths


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = workspace(tmp_path_factory.mktemp("whole"))
    for name in ("gan", "copies"):
        synthesize.run(experiment(), paths, name)
    return paths


def drawn(paths: Paths, name: str = "gan") -> ImageSet:
    return dataset.read(paths.out("synthesize", name))


def test_the_pool_is_an_image_set_of_the_asked_size_whose_every_prefix_is_balanced(finished: Paths) -> None:
    pool = drawn(finished)
    assert len(pool) == 18
    assert pool.shape == (1, 16, 16)
    assert pool.labels.tolist() == [0, 1] * 9
    assert pool.table["split"].unique().tolist() == ["train"]
    assert pool.table["source"].unique().tolist() == ["gan"]
    assert pool.table["origin"].iloc[3] == "gan:0:3"
    assert pool.table["group"].iloc[3] == "synthetic-gan-3"
    assert pool.table["image_id"].is_unique
    assert not pool.table["patient_id"].any()


def test_the_verdict_of_the_filter_stands_beside_every_image_and_in_the_counts(finished: Paths) -> None:
    table = drawn(finished).table
    assert table["confidence"].between(0, 1).all()
    assert np.isfinite(table["similarity"]).all()
    assert (table["kept"] == (table["reason"] == "")).all()
    counts = artifact.read(finished.out("synthesize", "gan")).json("selection.json")
    assert counts["all"]["drawn"] == 18
    assert counts["all"]["kept"] == table["kept"].sum() < 18
    assert counts["needed"] == 12
    assert (
        counts["classes"]["a"]["rejected_by_confidence"]
        == ((table["label"] == "a") & (table["reason"] == "confidence")).sum()
    )


def test_a_control_is_not_filtered_and_not_drawn_in_excess(finished: Paths) -> None:
    pool = drawn(finished, "copies")
    assert len(pool) == 12
    assert pool.table["kept"].all()
    counts = artifact.read(finished.out("synthesize", "copies")).json("selection.json")
    assert counts["filtered"] is False
    assert counts["enough"]


def test_the_seed_decides_the_pool(finished: Paths, tmp_path: Path) -> None:
    identity = drawn(finished).sha256
    for seed, same in ((0, True), (1, False)):
        paths = workspace(tmp_path / str(seed))
        synthesize.run(experiment(seed=seed), paths, "gan")
        assert (drawn(paths).sha256 == identity) == same


@pytest.mark.parametrize("place", ["synthesize.after_shard:2", "artifact.before_manifest"])
def test_killed_it_goes_on_with_the_next_shard_and_ends_with_the_same_set(
    place: str, finished: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = workspace(tmp_path)
    monkeypatch.setenv("SYNTHGAIN_FAILPOINT", place)
    child = multiprocessing.get_context("fork").Process(target=synthesize.run, args=(experiment(), paths, "gan"))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not paths.out("synthesize", "gan").exists()
    shards = list((paths.state / "work" / "synthesize").rglob("*.npy"))
    assert len(shards) == (2 if "shard" in place else 3)
    monkeypatch.delenv("SYNTHGAIN_FAILPOINT")
    synthesize.run(experiment(), paths, "gan")
    assert drawn(paths).sha256 == drawn(finished).sha256
    assert not list((paths.state / "work" / "synthesize").iterdir())


def test_no_image_of_a_collapsed_generator_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = workspace(tmp_path, collapsed=True)
    synthesize.run(experiment(), paths, "gan")
    found = artifact.read(paths.out("synthesize", "gan"))
    assert "generator 'gan' has collapsed" in found.manifest["facts"]["collapsed"]
    assert "WARNING: generator 'gan' has collapsed" in capsys.readouterr().out
    pool = dataset.read(paths.out("synthesize", "gan"))
    assert len(pool) > 0
    assert not len(pool.rows("train"))
    assert not pool.table["kept"].any()
    assert found.json("selection.json")["why"] == "it has collapsed, so none of its images is used"
