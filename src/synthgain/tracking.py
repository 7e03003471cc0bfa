"""What happened, in MLflow: a parent run per pipeline run, a child per stage, a grandchild per confirmed trial.

Stages know nothing of MLflow: this reads their finished artifacts, verified, and logs beside the critical path. It is
never what loses a result: what cannot be logged is noted in the workspace (see `spool`), and the run goes on.
"""

import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthgain import artifact, last_run, outcome
from synthgain.arms import ledger
from synthgain.artifact import Artifact
from synthgain.cell import ONLY
from synthgain.config import Config
from synthgain.paths import POOLING, STAGES, Paths
from synthgain.spool import Spool

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server may be down
}.items():  # fmt: skip
    os.environ.setdefault(_name, _value)

_PATIENCE = 3
"""Faults in a row after which a run is not logged any further: each may take all retries of a request."""
_LONGEST_TAG = 5000
_BATCH = 100
_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Lets MLflow's page open on training runs instead of language models."""
TRAINING = "?workflowType=machine_learning"
"""At the end of an address of MLflow's page: show training runs, whatever was looked at before."""
_SQLITE = "sqlite:///"


def store(paths: Paths, cfg: Config) -> str:
    """The tracking URI with a relative SQLite path made absolute."""
    uri = cfg.tracking.uri
    if uri.startswith(_SQLITE) and not uri.startswith(_SQLITE + "/"):
        (paths.root / uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        return f"{_SQLITE}{paths.root / uri.removeprefix(_SQLITE)}"
    return uri


class Run:
    """One pipeline run in MLflow. Its methods return at once; the logging happens in a thread of its own."""

    client: Any
    experiment_id: str
    run_id = ""

    def __init__(self, paths: Paths, cfg: Config) -> None:
        self.paths, self.cfg = paths, cfg
        self._spool = Spool(paths, cfg.name, cfg.tracking.uri)
        self._in_a_row = 0
        self._lost: Exception | None = None
        self._queue = ThreadPoolExecutor(1, "tracking")
        self._opened = self._submit(self._open)

    @classmethod
    @contextmanager
    def begin(cls, paths: Paths, cfg: Config) -> Iterator["Run"]:
        """Open the parent run; it ends as FINISHED, or as FAILED where the block raises."""
        run, status = cls(paths, cfg), "FAILED"
        try:
            yield run
            status = "FINISHED"
        finally:
            run._submit(run._end, status)
            run._queue.shutdown(wait=True)

    def _submit(self, log: Callable[..., None], *given: Any) -> Future[None]:
        return self._queue.submit(self._attempt, log, *given)

    def _attempt(self, log: Callable[..., None], *given: Any) -> None:
        """Log, or note what is not logged; raises nothing."""
        try:
            if self._lost is not None and log != self._end:
                raise self._lost
            log(*given)
            self._in_a_row = 0
        except Exception as fault:
            self._in_a_row += 1
            if not self.run_id or self._in_a_row >= _PATIENCE:
                self._lost = fault
            self._spool.note(log.__name__.strip("_"), given, fault)

    def _open(self) -> None:
        import mlflow
        from mlflow.tracking import MlflowClient

        mlflow.set_tracking_uri(store(self.paths, self.cfg))
        self.client = MlflowClient()
        found = self.client.get_experiment_by_name(self.cfg.dataset.name)
        local = self.cfg.tracking.uri.startswith(_SQLITE)
        where = (self.paths.root / "mlruns" / "artifacts").as_uri() if local else None
        self.experiment_id = (
            found.experiment_id if found else self.client.create_experiment(self.cfg.dataset.name, where, _KIND)
        )
        source = {"name": "synthgain run", "type": "LOCAL", "git.commit": last_run.commit(self.paths)}
        tags = {"synthgain.level": "pipeline"} | {f"mlflow.source.{key}": value for key, value in source.items()}
        self.run_id = self.client.create_run(self.experiment_id, run_name=self.cfg.name, tags=tags).info.run_id
        known = self.cfg.model_dump(mode="json", exclude={"tracking": {"uri"}})  # which may hold a password
        self._params(self.run_id, _flat(known | {"fidelity": self.cfg.fidelity.shown()}))

    @property
    def page(self) -> str:
        """Where ``synthgain ui`` shows this run, or that it does not."""
        self._opened.result()
        if not self.run_id:
            return f"no page: this run was not logged, {self._spool.path} says why"
        return f"#/experiments/{self.experiment_id}/runs/{self.run_id}{TRAINING}"

    def log_stage(self, stage: str, ran: bool) -> None:
        """Log a finished stage (DVC's name, such as ``train_generator@edm``) as a child run."""
        self._submit(self._log_stage, stage, ran)

    def log_unchanged(self) -> None:
        """Log every stage as one that did not run, and the verdict."""
        for stage in STAGES:
            for item in self.cfg.per_generator.get(stage, ("",)):
                self.log_stage(f"{stage}@{item}" if item else stage, ran=False)
        self.log_verdict()

    def log_failure(self, stage: str, message: str) -> None:
        """Log a stage that failed, with its last words, as a child run that FAILED."""
        self._submit(self._log_failure, stage, message)

    def log_verdict(self) -> None:
        """Copy verdict, gate, cards and report to the parent run, whether or not a stage had to run."""
        self._submit(self._log_verdict)

    def _end(self, status: str) -> None:
        if self.run_id:
            self.client.set_terminated(self.run_id, status)

    def _log_stage(self, stage: str, ran: bool) -> None:
        """Log a child run for each cell of the study."""
        name, _, item = stage.partition("@")
        for cell in (ONLY,) if stage in POOLING else self.cfg.cells:
            self._log_output(self.paths.at(cell), name, item or None, ran)

    def _log_output(self, at: Paths, name: str, item: str | None, ran: bool) -> None:
        found, cell = artifact.read(at.out(name, item)), at.cell
        stage = f"{name}@{item}" if item else name
        tags = {"synthgain.level": "stage", "cached": str(not ran).lower(), f"artifact.{name}": found.sha256}
        tags |= {"generator": item} if item else {}
        tags |= {"cell": str(cell)} if cell != ONLY else {}
        run_id = self._child(self.run_id, f"{stage} {cell}".strip(), tags)
        parts = [name, *([item] if item else []), *cell.folders]
        self.client.set_tag(self.run_id, f"artifact.{'.'.join(parts)}", found.sha256)
        self._metrics(run_id, _numbers(found, "metrics.json"))
        if name == "ingest" and cell == self.cfg.cells[0]:
            self._dataset(self.run_id, found.sha256)
            self._params(self.run_id, {"dataset.digest": found.sha256})
        if ran:
            self._params(run_id, _flat({"config": found.manifest["config"], "counts": found.manifest["counts"]}))
            self._dataset(run_id, found.manifest["inputs"].get("ingest", found.sha256))
            if name in ("encode", "train_generator"):
                self._curves(run_id, _history(found))
            if name == "validate":
                self.client.log_artifacts(run_id, str(found.path), "validation")
            if name == "confirm" and self.cfg.tracking.models:
                self._models(run_id, at, found)
            if name == "evaluate":
                self._trials(run_id)
        self.client.set_terminated(run_id, "FINISHED")

    def _log_failure(self, stage: str, message: str) -> None:
        run_id = self._child(self.run_id, stage, {"synthgain.level": "stage", "mlflow.note.content": message})
        self.client.set_terminated(run_id, "FAILED")

    def _log_verdict(self) -> None:
        evaluated = artifact.read(self.paths.out("evaluate"))
        self._metrics(self.run_id, _numbers(evaluated, "metrics.json"))
        gains = evaluated.json("gains.json")
        self.client.set_tag(self.run_id, "verdict", gains["verdict"]["word"])
        self.client.set_tag(self.run_id, "mlflow.note.content", gains["verdict"]["sentence"])
        self.client.set_tag(self.run_id, "test_uses", str(outcome.test_uses(self.paths, self.cfg, ledger.CONFIRMATION)))
        report = artifact.read(self.paths.out("report"))
        self._gate(report.json("gate.json"))
        for name in ("report.html", "gate.json"):
            self.client.log_artifact(self.run_id, str(report.file(name)))
        for name in report.manifest["files"]:
            if name.startswith("cards/"):
                self.client.log_artifact(self.run_id, str(report.file(name)), "cards")

    def _gate(self, decision: Mapping[str, Any]) -> None:
        """The decision as a tag, and each condition with its reason as another."""
        from mlflow.entities import RunTag

        tags = {"gate": decision["word"]} | {
            f"gate.{each['name']}": f"{each['state']}: {each['why']}" for each in decision["conditions"]
        }
        self.client.log_batch(self.run_id, tags=[RunTag(name, said[:_LONGEST_TAG]) for name, said in tags.items()])

    def _trials(self, parent: str) -> None:
        """A run per arm and seed, so that the MLflow page can group and plot by arm, generator and seed."""
        from synthgain.arms.arm import parse
        from synthgain.evaluation.folds import ROLES

        confirmed = artifact.read(self.paths.at(self.cfg.cells[0]).out("confirm"))
        gains = artifact.read(self.paths.out("evaluate")).json("gains.json")
        curves: dict[tuple[str, str], list[Mapping[str, str]]] = {}
        for row in _history(confirmed):
            curves.setdefault((row["arm"], row["seed"]), []).append(row)
        digest = confirmed.manifest["inputs"]["ingest"]
        for name, metrics in gains["arms"].items():
            drawn = {} if name in ROLES else {"generator": parse(name).generator, "ratio": parse(name).ratio}
            values = {key: value["per_seed"] for key, value in metrics.items() if value and value.get("per_seed")}
            for seed in range(gains["seeds"]):
                run_id = self._child(parent, f"{name} seed {seed}", {"synthgain.level": "trial"})
                self._params(run_id, {"arm": name, "seed": seed, "digest": digest} | drawn)
                self._metrics(run_id, {f"test_{key}": per_seed[seed] for key, per_seed in values.items()})
                self._curves(run_id, curves.get((name, str(seed)), []))
                self.client.set_terminated(run_id, "FINISHED")

    def _models(self, run_id: str, at: Paths, confirmed: Artifact) -> None:
        """The headline's two classifiers as MLflow models with signature and input example."""
        import mlflow
        import numpy as np
        import torch
        from mlflow.models import infer_signature

        from synthgain.classifiers.weights import rebuild

        facts = confirmed.json("models/config.json")
        shape = (facts["channels"], facts["size"], facts["size"])
        headline = artifact.read(at.out("screen")).json("plan.json")["headline"]
        for role in ("candidate", "baseline"):
            network = rebuild(facts, confirmed.file(f"models/{headline[role]}.safetensors"))
            example = np.zeros((2, *shape), np.float32)
            with torch.no_grad():
                signature = infer_signature(example, network(torch.from_numpy(example)).numpy())
            with mlflow.start_run(run_id=run_id):
                mlflow.pytorch.log_model(
                    network, name=f"classifier-{role}", signature=signature, input_example=example,
                    pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}"],
                    tags={"arm": headline[role], "artifact.confirm": confirmed.sha256},
                )  # fmt: skip

    def _child(self, parent: str, name: str, tags: dict[str, str]) -> str:
        created = self.client.create_run(self.experiment_id, run_name=name, tags={"mlflow.parentRunId": parent, **tags})
        run_id: str = created.info.run_id
        return run_id

    def _dataset(self, run_id: str, digest: str) -> None:
        from mlflow.entities import Dataset, DatasetInput

        name = self.cfg.dataset.name
        entity = Dataset(name=name, digest=digest[:32], source_type="dvc", source=self.cfg.dataset.raw)
        self.client.log_inputs(run_id, [DatasetInput(dataset=entity, tags=[])])

    def _params(self, run_id: str, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        params = [Param(key, str(value)[:500]) for key, value in values.items() if value is not None]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(run_id, params=params[start : start + _BATCH])

    def _metrics(self, run_id: str, values: Mapping[str, float]) -> None:
        self._points(run_id, [(key, value, 0) for key, value in values.items()])

    def _curves(self, run_id: str, rows: list[Mapping[str, str]]) -> None:
        skip = ("arm", "seed", "step")
        self._points(run_id, [
            (key, float(value), int(row["step"]))
            for row in rows for key, value in row.items() if key not in skip and value != ""
        ])  # fmt: skip

    def _points(self, run_id: str, points: list[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value, step in points]
        for start in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, Mapping):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _numbers(found: Artifact, name: str) -> dict[str, float]:
    if name not in found.manifest["files"]:
        return {}
    return {key: value for key, value in found.json(name).items() if isinstance(value, int | float)}


def _history(found: Artifact) -> list[Mapping[str, str]]:
    if "history.csv" not in found.manifest["files"]:
        return []
    with open(found.file("history.csv"), newline="") as stream:
        return list(csv.DictReader(stream))


def ui(paths: Paths, cfg: Config, host: str, port: int) -> list[str]:
    """The command that opens MLflow on the workspace's store."""
    import sys

    return [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store(paths, cfg),
        "--default-artifact-root", str(Path(paths.root / "mlruns" / "artifacts")), "--host", host, "--port", str(port),
        "--workers", "1",
    ]  # fmt: skip
