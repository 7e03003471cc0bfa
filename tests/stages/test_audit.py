"""The audit stage: fidelity and privacy of a drawn pool."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from synthgain import artifact, dataset
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.paths import Paths
from synthgain.stages import audit, encode


@pytest.fixture(scope="module")
def cfg(bars: ModuleType) -> Config:
    training = {"steps": 60, "batch_size": 16, "validate_every": 20}
    return bars.experiment(classifier={"kind": "cnn", "channels": [4, 8], "training": training})


@pytest.fixture(scope="module")
def paths(bars: ModuleType, cfg: Config, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """The toy workspace: oracle draws fresh bars, copies repeats training images, dcgan is noise, edm keeps nothing."""
    paths = bars.build(tmp_path_factory.mktemp("audit"), cfg)
    encode.run(cfg, paths)
    real = dataset.read(paths.out("ingest"))
    train = real.rows("train")
    pools = {name: bars.pool(name, seed=9) for name in ("copies", "dcgan", "edm")}
    by_class = {k: train[real.labels[train] == k] for k in range(3)}
    copied = np.array([by_class[k][i % len(by_class[k])] for i, k in enumerate(pools["copies"].labels)])
    noise = np.random.default_rng(0).integers(0, 256, pools["dcgan"].images.shape, dtype=np.uint8)
    images = {"copies": real.images[copied], "dcgan": noise, "edm": pools["edm"].images}
    for name, pool in pools.items():
        table = pool.table.assign(kept=False) if name == "edm" else pool.table
        write(paths.out("synthesize", name), ImageSet(images[name], table, pool.classes, ""))
    return paths


def write(target: Path, images: ImageSet) -> None:
    with artifact.writing(target, stage="synthesize", config={}, inputs={}) as draft:
        dataset.write(draft, images.images, images.table, images.classes)


def test_fresh_images_look_real_and_are_not_accused(cfg: Config, paths: Paths) -> None:
    identities = []
    for _ in range(2):
        audit.run(cfg, paths, "oracle")
        identities.append(artifact.read(paths.out("audit", "oracle")).sha256)
    assert identities[0] == identities[1]
    found = artifact.read(paths.out("audit", "oracle"))
    fidelity, privacy = found.json("fidelity.json"), found.json("privacy.json")
    kept = int(dataset.read(paths.out("synthesize", "oracle")).table["kept"].sum())
    assert fidelity["n_synthetic"] == kept < 90
    assert fidelity["n_real"] == 45
    assert fidelity["extractor"]["sha256"] == artifact.read(paths.out("encode")).sha256
    assert fidelity["recognition"]["synthetic"]["share"] > 2 * fidelity["recognition"]["chance"]
    assert not privacy["flagged"]
    assert privacy["duplicates"]["share"] == 0
    assert found.json("metrics.json")["memorisation_flagged"] == 0


def test_copies_are_flagged_and_noise_is_far_from_real_but_no_copy(cfg: Config, paths: Paths) -> None:
    records = {}
    for name in ("oracle", "copies", "dcgan"):
        audit.run(cfg, paths, name)
        found = artifact.read(paths.out("audit", name))
        records[name] = found.json("fidelity.json"), found.json("privacy.json")
    assert records["copies"][1]["flagged"]
    assert records["copies"][1]["duplicates"]["share"] == 1
    assert not records["dcgan"][1]["flagged"]
    assert records["dcgan"][0]["pooled"]["kid"]["low"] > records["oracle"][0]["pooled"]["kid"]["high"]


def test_the_closest_pairs_are_rows_of_the_image_sets(cfg: Config, paths: Paths) -> None:
    audit.run(cfg, paths, "copies")
    pool, real = dataset.read(paths.out("synthesize", "copies")), dataset.read(paths.out("ingest"))
    with np.load(artifact.read(paths.out("audit", "copies")).file("neighbours.npz")) as pairs:
        for one, other, rms in zip(pairs["synthetic"], pairs["train"], pairs["rms"], strict=True):
            assert pool.table["kept"].iloc[one]
            assert real.table["split"].iloc[other] == "train"
            assert rms == 0
            assert np.array_equal(pool.images[one], real.images[other])


def test_a_pool_without_a_kept_image_is_reported_not_a_crash(cfg: Config, paths: Paths) -> None:
    audit.run(cfg, paths, "edm")
    found = artifact.read(paths.out("audit", "edm"))
    assert found.json("fidelity.json")["pooled"]["kid"]["why"].startswith("insufficient n: 0 synthetic images")
    assert found.json("privacy.json")["duplicates"]["share"] is None
    assert found.json("metrics.json") == {"memorisation_flagged": 0, "kept": 0}
