"""The audit stage: fidelity and privacy of a drawn pool."""

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from synthgain import artifact, dataset
from synthgain.artifact import Artifact
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.paths import Paths
from synthgain.schema import Extractor, Fidelity
from synthgain.stages import audit, encode, train_generator


@pytest.fixture(scope="module")
def cfg(bars: ModuleType) -> Config:
    training = {"steps": 60, "batch_size": 16, "validate_every": 20}
    few = {"training": {"steps": 3, "batch_size": 8}}
    generators = {
        "dcgan": {"kind": "dcgan", "model": {"width": 4}, **few},
        "edm": {"kind": "edm", "model": {"widths": [8, 16]}, **few},
        "copies": {"kind": "copies"}, "oracle": {"kind": "oracle"},
    }  # fmt: skip
    classifier = {"kind": "cnn", "channels": [4, 8], "training": training}
    return bars.experiment(classifier=classifier, generators=generators, privacy={"canaries": 4, "canary_repeats": 2})


@pytest.fixture(scope="module")
def paths(bars: ModuleType, cfg: Config, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """The toy workspace: oracle draws fresh bars, copies repeats training images, dcgan is noise, edm keeps nothing."""
    paths = bars.build(tmp_path_factory.mktemp("audit"), cfg)
    encode.run(cfg, paths)
    for name in cfg.generators:
        train_generator.run(cfg, paths, name)
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


@pytest.fixture(scope="module")
def audited(cfg: Config, paths: Paths) -> dict[str, Artifact]:
    """The audit of every generator."""
    for name in cfg.generators:
        audit.run(cfg, paths, name)
    return {name: artifact.read(paths.out("audit", name)) for name in cfg.generators}


def test_the_same_seed_gives_the_same_audit(cfg: Config, paths: Paths, audited: dict[str, Artifact]) -> None:
    audit.run(cfg, paths, "oracle")
    assert artifact.read(paths.out("audit", "oracle")).sha256 == audited["oracle"].sha256


def test_fresh_images_look_real_and_are_not_accused(paths: Paths, audited: dict[str, Artifact]) -> None:
    found = audited["oracle"]
    fidelity, privacy = found.json("fidelity.json"), found.json("privacy.json")
    kept = int(dataset.read(paths.out("synthesize", "oracle")).table["kept"].sum())
    assert fidelity["n_synthetic"] == kept < 90
    assert fidelity["n_real"] == 45
    assert set(fidelity["extractors"]) == {"encoder"}
    assert fidelity["extractors"]["encoder"]["sha256"] == artifact.read(paths.out("encode")).sha256
    assert fidelity["recognition"]["synthetic"]["share"] > 2 * fidelity["recognition"]["chance"]
    assert not privacy["flagged"]
    assert privacy["duplicates"]["share"] == 0
    assert privacy["copy_detector"]["power"]["exact"]["share"] == 1
    assert privacy["copy_detector"]["held_out"]["share"] == 0
    assert privacy["authenticity"]["pixels"]["held_out"]["n"] == 15
    assert privacy["membership"]["why"] == "a control is not trained"
    assert found.json("metrics.json")["memorisation_flagged"] == 0


def test_copies_are_flagged_and_noise_is_far_from_real_but_no_copy(audited: dict[str, Artifact]) -> None:
    records = {name: (found.json("fidelity.json"), found.json("privacy.json")) for name, found in audited.items()}
    assert records["copies"][1]["flagged"]
    assert records["copies"][1]["duplicates"]["share"] == 1
    assert not records["dcgan"][1]["flagged"]
    kids = {name: record["extractors"]["encoder"]["pooled"]["kid"] for name, (record, _) in records.items()}
    assert kids["dcgan"]["low"] > kids["oracle"]["high"]
    similar = records["dcgan"][0]["diversity"]["pooled"]
    assert similar["ms_ssim"]["high"] < similar["ms_ssim_null"]["low"]
    attacked = records["dcgan"][1]["membership"]
    assert attacked["n_members"] == 30
    assert attacked["n_non_members"] == 15
    assert attacked["per_score"]["discriminator"] == attacked["auroc"]["value"]
    assert attacked["canaries"]["n"] == 4
    assert "canaries" not in records["copies"][1]["membership"]


def test_the_closest_pairs_are_rows_of_the_image_sets(paths: Paths, audited: dict[str, Artifact]) -> None:
    pool, real = dataset.read(paths.out("synthesize", "copies")), dataset.read(paths.out("ingest"))
    with np.load(audited["copies"].file("neighbours.npz")) as pairs:
        for one, other, rms in zip(pairs["synthetic"], pairs["train"], pairs["rms"], strict=True):
            assert real.table["split"].iloc[other] == "train"
            assert rms == 0
            assert np.array_equal(pool.images[one], real.images[other])


def test_a_pool_without_a_kept_image_is_reported_and_what_was_drawn_is_audited(audited: dict[str, Artifact]) -> None:
    found = audited["edm"]
    fidelity = found.json("fidelity.json")
    kid = fidelity["extractors"]["encoder"]["pooled"]["kid"]
    assert kid["why"].startswith("insufficient n: 0 synthetic images")
    assert fidelity["diversity"]["pooled"]["ms_ssim"]["value"] is None
    privacy, metrics = found.json("privacy.json"), found.json("metrics.json")
    assert privacy["n_synthetic"] == privacy["duplicates"]["n"] == found.manifest["counts"]["drawn"] == 90
    assert metrics["membership_auroc"] == privacy["membership"]["auroc"]["value"]
    assert metrics["kept"] == 0
    assert not {"kid", "recognised", "ms_ssim"} & metrics.keys()


def test_a_copy_that_the_filter_dropped_is_found(bars: ModuleType, cfg: Config, paths: Paths, tmp_path: Path) -> None:
    moved = Paths(tmp_path)
    shutil.copytree(paths.root, tmp_path, dirs_exist_ok=True)
    pool, real = bars.pool("edm", seed=9), dataset.read(paths.out("ingest"))
    dropped = int(np.flatnonzero(~pool.table["kept"].to_numpy(bool))[0])
    images = pool.images.copy()
    images[dropped] = real.images[real.rows("train")[0]]
    shutil.rmtree(moved.out("synthesize", "edm"))
    write(moved.out("synthesize", "edm"), ImageSet(images, pool.table, pool.classes, ""))
    audit.run(cfg, moved, "edm")
    assert artifact.read(moved.out("audit", "edm")).json("privacy.json")["flagged_by"] == ["duplicates"]


def test_the_audit_names_the_weights_that_it_attacked(paths: Paths, audited: dict[str, Artifact]) -> None:
    inputs = audited["edm"].manifest["inputs"]
    assert inputs["train_generator"] == artifact.read(paths.out("train_generator", "edm")).sha256


def test_the_test_split_changes_nothing(
    cfg: Config, paths: Paths, audited: dict[str, Artifact], tmp_path: Path
) -> None:
    before = audited["dcgan"].json("privacy.json")
    moved = Paths(tmp_path)
    shutil.copytree(paths.root, tmp_path, dirs_exist_ok=True)
    real = dataset.read(paths.out("ingest"))
    images = np.array(real.images)
    images[real.rows("test")] = 255 - images[real.rows("test")]
    with artifact.writing(moved.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        dataset.write(draft, images, real.table, real.classes)
    audit.run(cfg, moved, "dcgan")
    assert artifact.read(moved.out("audit", "dcgan")).json("privacy.json") == before


def test_an_extractor_that_the_user_brings_has_a_record_of_its_own_without_its_place(
    cfg: Config, paths: Paths, tmp_path: Path
) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *rest])
            for name, rest in (("x", [3, 16, 16]), ("y", ["F"]))]  # fmt: skip
    graph = helper.make_graph([helper.make_node("Flatten", ["x"], ["y"])], "toy", ends[:1], ends[1:])
    place = tmp_path / "secret"
    place.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), place / "net.onnx")
    digest = artifact.file_sha256(place / "net.onnx")
    given = Extractor(file=str(place / "net.onnx"), sha256=digest, size=16)
    audit.run(cfg.model_copy(update={"fidelity": Fidelity(extractors={"pixels": given})}), paths, "copies")
    found = artifact.read(paths.out("audit", "copies"))
    record = found.json("fidelity.json")["extractors"]["pixels"]
    assert (record["sha256"], record["features"]) == (digest, 3 * 16 * 16)
    assert record["pooled"]["precision"]["mean"] > 0.9
    assert found.json("metrics.json")["pixels.kid"] == record["pooled"]["kid"]["value"]
    for written in ("fidelity.json", "metrics.json", "manifest.json"):
        assert "secret" not in (found.path / written).read_text()
    assert found.manifest["config"]["fidelity"]["extractors"]["pixels"]["sha256"] == digest
