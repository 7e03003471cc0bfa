"""The stage writes a generator that can be loaded, trained on the train split only; it resumes after a kill."""

import multiprocessing
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, config, dataset, training
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.schema import Split
from synthgain.stages import train_generator
from synthgain.train_split import TrainSplit

TINY = {"training": {"steps": 6, "batch_size": 4, "checkpoint_every": 2}}


def experiment(**changes: object) -> Config:
    return config.load({
        "dataset": {"name": "toy", "source": {"kind": "phantom"}, "image": {"size": 16}},
        "generators": {
            "gan": {"kind": "dcgan", "model": {"width": 4}, **TINY}, "copies": {"kind": "copies"},
        },
        "classifier": {"kind": "cnn"}, **changes,
    })  # fmt: skip


def workspace(root: Path) -> Paths:
    """A workspace with 24 images, of which 12 are in train."""
    paths = Paths(root)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 1, 16, 16), dtype=np.uint8)
    numbers = [str(i) for i in range(24)]
    table = pd.DataFrame({
        "image_id": numbers, "label": ["a", "b"] * 12, "patient_id": numbers, "group": numbers,
        "split": ["train", "train", "val", "test"] * 6, "source": "real", "origin": numbers,
    })  # fmt: skip
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        dataset.write(draft, images, table, ("a", "b"))
    with artifact.writing(paths.out("validate"), stage="validate", config={}, inputs={}) as draft:
        (draft.path / "report.json").write_text("{}\n")
    return paths


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = workspace(tmp_path_factory.mktemp("whole"))
    train_generator.run(experiment(), paths, "gan")
    return paths


def test_it_writes_weights_configuration_and_learning_curve(finished: Paths) -> None:
    found = artifact.read(finished.out("train_generator", "gan"))
    assert set(found.manifest["files"]) == {"weights.safetensors", "config.json", "history.csv"}
    history = pd.read_csv(found.file("history.csv"))
    assert list(history) == ["step", "loss_discriminator", "loss_generator"]
    assert history["step"].iloc[-1] == 6
    assert found.manifest["inputs"].keys() == {"ingest", "validate"}
    assert store.load(found, experiment().generators["gan"]).training is False


def test_nothing_unfinished_is_left_behind(finished: Paths) -> None:
    assert not list((finished.state / "work" / "train_generator").iterdir())


def test_the_same_seed_gives_the_same_artifact_and_another_seed_another(finished: Paths, tmp_path: Path) -> None:
    identity = artifact.read(finished.out("train_generator", "gan")).sha256
    for seed, same in ((0, True), (1, False)):
        paths = workspace(tmp_path / str(seed))
        train_generator.run(experiment(seed=seed), paths, "gan")
        assert (artifact.read(paths.out("train_generator", "gan")).sha256 == identity) == same


def test_only_the_train_split_is_seen(finished: Paths) -> None:
    train_generator.run(experiment(), finished, "copies")
    held = store.load(artifact.read(finished.out("train_generator", "copies"))).get_buffer("images")
    real = dataset.read(finished.out("ingest"))
    assert np.array_equal(held.numpy(), real.images[real.rows("train")])


def test_canaries_are_trained_on_where_asked_for_and_stay_out_of_the_data(finished: Paths, tmp_path: Path) -> None:
    paths = workspace(tmp_path)
    asked = experiment(privacy={"canaries": 3, "canary_repeats": 2})
    before = artifact.read(paths.out("ingest")).sha256
    seen: list[int] = []
    original = training.train

    def counted(generator: object, split: training.TrainSplit, *arguments: object, **named: object) -> object:
        seen.append(len(split))
        return original(generator, split, *arguments, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train", counted)
        train_generator.run(asked, paths, "gan")
    assert seen == [12 + 2 * 3]
    found = artifact.read(paths.out("train_generator", "gan"))
    assert found.manifest["counts"] == {"images": 12, "canaries": 3}
    assert found.sha256 != artifact.read(finished.out("train_generator", "gan")).sha256
    assert artifact.read(paths.out("ingest")).sha256 == before
    train_generator.run(asked, paths, "copies")
    held = store.load(artifact.read(paths.out("train_generator", "copies"))).get_buffer("images")
    assert len(held) == 12


@pytest.mark.parametrize("kind, model", [("edm", {"widths": [8]}), ("vae", {"width": 4, "norm": "group"})])
def test_private_training_records_its_guarantee(kind: str, model: dict[str, object], tmp_path: Path) -> None:
    paths = workspace(tmp_path)
    asked = {"noise_multiplier": 1.2, "unit": "patient"}
    generator = {"kind": kind, "model": model, "training": {"steps": 6, "batch_size": 4, "privacy": asked}}
    train_generator.run(experiment(generators={"g": generator}), paths, "g")
    found = artifact.read(paths.out("train_generator", "g"))
    guarantee = found.manifest["facts"]["differential_privacy"]
    assert guarantee["epsilon"] > 0
    assert (guarantee["unit"], guarantee["units"], guarantee["steps"]) == ("patient", 12, 6)
    assert found.manifest["config"]["training"]["privacy"]["noise_multiplier"] == 1.2
    loaded = store.load(found)
    assert kind != "edm" or float(loaded.get_buffer("sigma_data")) == 0.5


def test_the_noise_of_private_training_comes_from_a_secret_that_survives_a_crash_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = {"kind": "edm", "model": {"widths": [8]}}
    training = {"steps": 6, "batch_size": 4, "checkpoint_every": 2, "privacy": {"noise_multiplier": 1.2}}
    cfg = experiment(generators={"g": {**private, "training": training}})
    weights = []
    for number in range(2):
        paths = workspace(tmp_path / str(number))
        train_generator.run(cfg, paths, "g")
        weights.append(artifact.read(paths.out("train_generator", "g")).file("weights.safetensors").read_bytes())
        assert not list((paths.state / "work" / "train_generator").iterdir()), "the secret is gone"
    assert weights[0] != weights[1], "the experiment's seed does not tell the noise"

    monkeypatch.setattr(train_generator.secrets, "randbits", lambda _: 123)
    results = []
    for number, place in enumerate(("checkpoint.after_rename:2", None)):
        paths = workspace(tmp_path / f"killed{number}")
        if place:
            monkeypatch.setenv("SYNTHGAIN_FAILPOINT", place)
            child = multiprocessing.get_context("fork").Process(target=train_generator.run, args=(cfg, paths, "g"))
            child.start()
            child.join()
            monkeypatch.delenv("SYNTHGAIN_FAILPOINT")
            monkeypatch.setattr(train_generator.secrets, "randbits", lambda _: 456)
        train_generator.run(cfg, paths, "g")
        monkeypatch.setattr(train_generator.secrets, "randbits", lambda _: 123)
        results.append(artifact.read(paths.out("train_generator", "g")).sha256)
    assert results[0] == results[1]


def test_canaries_are_refused_where_differential_privacy_would_not_account_for_them(tmp_path: Path) -> None:
    training = {"steps": 6, "batch_size": 4, "privacy": {"noise_multiplier": 1.2}}
    generator = {"kind": "edm", "model": {"widths": [8]}, "training": training}
    with pytest.raises(SynthgainError, match=r"privacy.canaries=3: a canary holds half of a patient's image"):
        train_generator.run(experiment(generators={"g": generator}, privacy={"canaries": 3}), workspace(tmp_path), "g")


def test_a_generator_that_draws_from_anothers_weights_is_not_trained(finished: Paths) -> None:
    cfg = experiment(
        generators={"gan": {"kind": "dcgan", **TINY}, "other": {"kind": "dcgan", "weights": "gan", **TINY}}
    )
    with pytest.raises(SynthgainError, match="'other' has no weights of its own"):
        train_generator.run(cfg, finished, "other")


def test_private_training_of_what_mixes_images_is_refused(tmp_path: Path) -> None:
    generator = {"kind": "dcgan", "training": {"steps": 6, "batch_size": 4, "privacy": {"epsilon": 8.0}}}
    with pytest.raises(SynthgainError, match=r"generators.gan.training.privacy: the layer .* batch normalisation"):
        train_generator.run(experiment(generators={"gan": generator}), workspace(tmp_path), "gan")


@pytest.mark.parametrize("place", ["checkpoint.after_rename:2", "artifact.before_manifest", "artifact.before_rename"])
def test_killed_it_starts_again_and_ends_with_the_same_artifact(
    place: str, finished: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = workspace(tmp_path)
    monkeypatch.setenv("SYNTHGAIN_FAILPOINT", place)
    child = multiprocessing.get_context("fork").Process(target=train_generator.run, args=(experiment(), paths, "gan"))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not paths.out("train_generator", "gan").exists()
    monkeypatch.delenv("SYNTHGAIN_FAILPOINT")
    train_generator.run(experiment(), paths, "gan")
    ours, whole = (artifact.read(where.out("train_generator", "gan")) for where in (paths, finished))
    assert ours.sha256 == whole.sha256


def test_in_a_cross_validation_finished_folds_are_kept_until_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, paths = experiment(), workspace(tmp_path)
    crossed = cfg.model_copy(update={"dataset": cfg.dataset.model_copy(update={"split": Split(folds=2)})})
    first, second = (paths.at(cell) for cell in crossed.cells)
    for stage in ("ingest", "validate"):
        whole = tmp_path / stage
        shutil.move(paths.out(stage), whole)
        for fold in (first, second):
            shutil.copytree(whole, fold.out(stage))
    train_generator.run(crossed, first, "gan")
    before = artifact.read(first.out("train_generator", "gan")).sha256
    shutil.rmtree(first.out("train_generator", "gan"))
    monkeypatch.setattr(TrainSplit, "batch", lambda *_: 1 / 0)
    train_generator.run(crossed, first, "gan")
    assert artifact.read(first.out("train_generator", "gan")).sha256 == before
    monkeypatch.undo()
    train_generator.run(crossed, second, "gan")
    assert not (paths.state / "work" / "train_generator" / "gan").exists()


def test_unfinished_work_for_other_settings_is_not_gone_on_with_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = workspace(tmp_path)
    monkeypatch.setattr(training, "train", lambda *_, **__: 1 / 0)
    for width in (4, 8):
        generator = {"kind": "dcgan", "model": {"width": width}, **TINY}
        with pytest.raises(ZeroDivisionError):
            train_generator.run(experiment(generators={"gan": generator}), paths, "gan")
    said = "gan: unfinished training is not gone on with, it had another settings.model.width (4 -> 8)"
    assert said in capsys.readouterr().out


def test_a_generator_has_to_be_named(finished: Paths) -> None:
    with pytest.raises(SynthgainError, match="gan, copies"):
        train_generator.run(experiment(), finished)
