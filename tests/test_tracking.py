"""MLflow is told what happened; where it cannot be told, nothing else is lost."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from synthgain import artifact, gate, spool, tracking
from synthgain.classifiers.weights import rebuild
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.stages import confirm, screen

DEAD = "http://somebody:hunter2@127.0.0.1:9"
"""A port at which nothing listens, with a login."""


@pytest.fixture
def dead(toy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A study whose tracking server is down."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    cfg: Config = toy.config()
    return cfg.model_copy(update={"tracking": cfg.tracking.model_copy(update={"uri": DEAD})})


@pytest.fixture(autouse=True)
def _store_of_its_own() -> Iterator[None]:
    """MLflow keeps the last store in mind; no other test is to find it."""
    import mlflow

    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


def spooled(paths: Paths) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (paths.state / spool.FILE).read_text().splitlines()]


def client(paths: Paths, cfg: Config) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking.store(paths, cfg))


def test_a_dead_server_costs_a_warning_and_no_result(
    dead: Config, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    with tracking.Run.begin(paths, dead) as run:
        run.log_stage("ingest", True)
        run.log_verdict()
    assert run.page == f"no page: this run was not logged, {tmp_path}/.synthgain/unlogged.jsonl says why"
    printed = capfd.readouterr().err
    assert printed.count("synthgain: MLflow: ") == 1
    assert "Connection refused" in printed
    noted = spooled(paths)
    assert [(each["what"], each["given"]) for each in noted] == [
        ("open", []),
        ("log_stage", ["ingest", "True"]),
        ("log_verdict", []),
    ]
    assert all("Connection refused" in each["why"] and each["at"] for each in noted)
    assert "hunter2" not in printed + json.dumps(noted)


def test_the_error_of_a_stage_stays_the_one_that_is_shown(dead: Config, tmp_path: Path) -> None:
    def fail() -> None:
        with tracking.Run.begin(Paths(tmp_path), dead) as run:
            run.log_failure("ingest", "insufficient data")
            raise SynthgainError("stage ingest failed")

    with pytest.raises(SynthgainError, match="stage ingest failed"):
        fail()
    assert ("log_failure", ["ingest", "insufficient data"]) in [
        (each["what"], each["given"]) for each in spooled(Paths(tmp_path))
    ]


def test_a_workspace_that_takes_no_note_loses_nothing_either(dead: Config, tmp_path: Path) -> None:
    (tmp_path / ".synthgain").write_text("not a folder")
    with tracking.Run.begin(Paths(tmp_path), dead) as run:
        run.log_verdict()
    assert run.page.startswith("no page")


@pytest.mark.parametrize(
    ("uri", "said", "shown"),
    [
        ("http://me:p/w@host", "GET http://me:p/w@host/api failed", "GET http://***@host/api failed"),
        ("postgresql://me:secret@host/db", "no password secret for me", "no password *** for me"),
        ("mysql://host/db?user=me&password=secret", "cannot use secret", "cannot use ***"),
        ("http://host", "token from-the-environment was refused\nsecond line", "token *** was refused"),
    ],
)
def test_a_reason_is_one_line_without_passwords(
    uri: str, said: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "from-the-environment")
    assert spool.reason(ValueError(said), uri) == f"ValueError: {shown}"


@pytest.fixture(scope="module")
def migrated(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, which takes MLflow seconds to make."""
    paths = Paths(tmp_path_factory.mktemp("migrated"))
    client(paths, toy.config()).search_experiments()
    return paths.root / "mlruns"


@pytest.fixture
def empty(migrated: Path, tmp_path: Path) -> Paths:
    """A workspace with nothing but a store."""
    shutil.copytree(migrated, tmp_path / "mlruns")
    return Paths(tmp_path)


@pytest.fixture
def reported(toy: ModuleType, empty: Paths) -> Paths:
    """A finished toy workspace with the gate's decision, a page and a card."""
    paths: Paths = toy.build(empty.root)
    decision = gate.decide(gate.read(toy.config(), paths))
    with artifact.writing(paths.out("report"), stage="report", config={}, inputs={}) as draft:
        (draft.path / "gate.json").write_bytes(artifact.canonical(decision))
        for name in ("report.html", "cards/data-edm.md"):
            (draft.path / name).parent.mkdir(exist_ok=True)
            (draft.path / name).write_text("what it says")
    return paths


def test_the_gates_decision_is_logged_with_every_reason(toy: ModuleType, reported: Paths) -> None:
    with tracking.Run.begin(reported, toy.config()) as run:
        run.log_verdict()
    logged = client(reported, toy.config())
    found = logged.get_run(run.run_id)
    decision = artifact.read(reported.out("report")).json("gate.json")
    assert found.info.status == "FINISHED"
    assert found.data.tags["gate"] == decision["word"] == "may be released"
    reasons = {f"gate.{each['name']}": f"{each['state']}: {each['why']}" for each in decision["conditions"]}
    assert len(reasons) == 6
    assert reasons.items() <= found.data.tags.items()
    assert {"gate.json", "report.html", "cards"} <= {each.path for each in logged.list_artifacts(run.run_id)}


def test_a_fault_of_one_call_costs_no_other(toy: ModuleType, reported: Paths) -> None:
    with tracking.Run.begin(reported, toy.config()) as run:
        run.log_stage("no-such-stage", True)
        run.log_verdict()
    found = client(reported, toy.config()).get_run(run.run_id)
    assert (found.info.status, found.data.tags["verdict"]) == ("FINISHED", "gain")
    assert [each["given"] for each in spooled(reported)] == [["no-such-stage", "True"]]


def test_after_some_faults_in_a_row_nothing_but_the_end_is_tried(
    toy: ModuleType, empty: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuse(run: tracking.Run, stage: str, ran: bool) -> None:
        tried.append(stage)
        if ran:
            raise ConnectionError(f"{stage} refused")

    monkeypatch.setattr(tracking.Run, "_log_stage", refuse)
    with tracking.Run.begin(empty, toy.config()) as run:
        run.log_stage("a", True)
        run.log_stage("taken", False)
        for stage in "bcde":
            run.log_stage(stage, True)
    assert tried == ["a", "taken", "b", "c", "d"]
    assert [each["why"].split()[1] for each in spooled(empty)] == ["a", "b", "c", "d", "d"]
    assert client(empty, toy.config()).get_run(run.run_id).info.status == "FINISHED"


def test_a_run_whose_stage_failed_ends_as_failed(toy: ModuleType, empty: Paths) -> None:
    begun: list[tracking.Run] = []

    def fail() -> None:
        with tracking.Run.begin(empty, toy.config()) as run:
            begun.append(run)
            raise SynthgainError("stopped")

    with pytest.raises(SynthgainError, match="stopped"):
        fail()
    assert client(empty, toy.config()).get_run(begun[0].run_id).info.status == "FAILED"


def test_the_headlines_classifiers_are_models_with_a_signature_that_predict_the_same(
    module_at: Any, root: Path, empty: Paths
) -> None:
    import mlflow

    bars = module_at(root / "tests" / "arms" / "toy.py")
    cfg = bars.experiment(arms={"ratios": [1.0]})
    paths = bars.build(empty.root, cfg)
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    assert cfg.tracking.models
    with tracking.Run.begin(paths, cfg) as run:
        run.log_stage("confirm", True)
    assert not (paths.state / spool.FILE).exists()
    confirmed, headline = artifact.read(paths.out("confirm")), artifact.read(paths.out("screen")).json("plan.json")
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, bars.SIZE, bars.SIZE)).astype(np.float32)
    logged = client(paths, cfg)
    models = {each.name: each for each in logged.search_logged_models([run.experiment_id])}
    assert set(models) == {"classifier-candidate", "classifier-baseline"}
    for role in ("candidate", "baseline"):
        arm, model = headline["headline"][role], models[f"classifier-{role}"]
        assert model.tags["arm"] == arm
        assert model.tags["artifact.confirm"] == confirmed.sha256
        loaded = mlflow.pyfunc.load_model(model.model_uri)
        assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 1, bars.SIZE, bars.SIZE)
        assert loaded.metadata.signature.outputs.inputs[0].shape == (-1, len(bars.CLASSES))
        own = rebuild(confirmed.json("models/config.json"), confirmed.file(f"models/{arm}.safetensors"))
        with torch.no_grad():
            expected = own(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(loaded.predict(images), expected, rtol=1e-6)
        with pytest.raises(mlflow.exceptions.MlflowException, match="schema"):
            loaded.predict(images[:, :, :8])
