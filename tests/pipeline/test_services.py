"""What the run leaves in the services beside it: Prefect's artifacts, MLflow's page."""

import json
import re
import signal
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

from synthgain import outcome, spool

OWN_FRAMES = re.compile(r'File "[^"]*/(?:mlflow|src/synthgain|flows)/[^"]*"')
"""A line of a traceback through MLflow or the project; Prefect's server may log one of its own as it is stopped."""


def test_prefect_has_the_outcome_every_stage_and_the_gpus_limit(workspace: Any) -> None:
    database = Path(workspace.environment["PREFECT_HOME"]) / "prefect.db"
    with sqlite3.connect(database) as connection:
        artifacts = dict(connection.execute("select key, data from artifact where key is not null"))
        stages = {name for (name,) in connection.execute("select name from task_run where state_type = 'COMPLETED'")}
        limits = dict(connection.execute('select name, "limit" from concurrency_limit_v2'))
    assert {"verdict", "gains", "report"} <= set(artifacts)
    assert json.loads(artifacts["verdict"]) == f"**{outcome.verdict(workspace.paths)}**"
    assert json.loads(json.loads(artifacts["gains"])) == outcome.rows(workspace.paths)
    assert {"ingest", "train_generator@dcgan", "evaluate", "report"} <= stages
    assert limits["synthgain-gpu"] == 1


def test_ui_serves_the_runs_of_this_workspace(workspace: Any) -> None:
    port = workspace.free_port()
    process = workspace.start("ui", "--port", str(port))
    try:
        address = f"http://127.0.0.1:{port}"
        workspace.wait_for(f"{address}/health", process)
        found = _asked(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=phantom")["experiment"]
        assert {"key": "mlflow.experimentKind", "value": "custom_model_development"} in found["tags"]
        body = json.dumps({"experiment_ids": [found["experiment_id"]], "filter": "tags.`verdict` = 'inconclusive'"})
        runs = _asked(f"{address}/api/2.0/mlflow/runs/search", body.encode())["runs"]
        assert any(metric["key"] == "gain" for metric in runs[0]["data"]["metrics"])
    finally:
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    assert f"MLflow: {address}" in printed


DEAD = "tracking.uri=http://127.0.0.1:9"
"""A tracking server that does not answer."""
QUICK = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_TRACKING_USERNAME": "somebody",
    "MLFLOW_TRACKING_PASSWORD": "hunter2",
}  # fmt: skip


def test_a_tracking_server_that_is_down_costs_neither_verdict_nor_record(workspace: Any) -> None:
    noted = workspace.paths.state / "last_run.json"
    ran = workspace.run("run", *workspace.toy, "evaluation.replicates=250", DEAD, **QUICK)
    assert json.loads(noted.read_text())["result"] == outcome.result(workspace.paths)
    cached = workspace.run("run", *workspace.toy, "evaluation.replicates=250", DEAD, **QUICK)
    assert "nothing has changed" in cached
    for printed in (ran, cached):
        assert outcome.verdict(workspace.paths) in printed
        assert printed.count("synthgain: MLflow: ") == 1
        assert "no page: this run was not logged" in printed
        assert not OWN_FRAMES.findall(printed)
        assert "hunter2" not in printed
    lines = (workspace.paths.state / spool.FILE).read_text()
    given = [json.loads(line)["given"] for line in lines.splitlines()]
    assert ["evaluate", "True"] in given
    assert "hunter2" not in lines
    workspace.run("run", *workspace.toy)


def test_a_stages_own_error_is_one_message_whether_or_not_it_can_be_logged(workspace: Any) -> None:
    too_few = ("run", *workspace.toy, "dataset.min_per_class=5000")
    printed = workspace.run(*too_few, status=2)
    assert "insufficient data" in printed
    assert "Traceback" not in printed
    pipeline, stage = (workspace.runs(level)[0] for level in ("pipeline", "stage"))
    assert pipeline.info.status == "FAILED"
    assert (stage.data.tags["mlflow.runName"], stage.info.status) == ("ingest", "FAILED")
    assert "insufficient data" in stage.data.tags["mlflow.note.content"]
    printed = workspace.run(*too_few, DEAD, status=2, **QUICK)
    assert printed.count("synthgain: MLflow: ") == 1
    last = [line for line in printed.splitlines() if line.startswith("synthgain: ")][-1]
    assert "MLflow" not in last
    assert "insufficient data" in printed
    assert not OWN_FRAMES.findall(printed)
    workspace.run("run", *workspace.toy)


def _asked(address: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
