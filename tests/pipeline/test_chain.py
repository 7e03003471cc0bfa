"""The whole chain at toy size: what runs, what does not run again, what can be seen afterwards."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synthgain import artifact

STAGE_STARTS = re.compile(r"Running stage '([^']+)'")


@pytest.fixture(scope="session")
def first(workspace: Any) -> str:
    """What the first run printed."""
    return (workspace.paths.root / "first.txt").read_text()


def test_one_command_ends_in_a_table_a_verdict_and_where_to_look(workspace: Any, first: str) -> None:
    assert re.search(r"^Verdict: (gain|loss|no difference|inconclusive)", first, re.MULTILINE)
    report = re.search(r"^Report: +(\S+)", first, re.MULTILINE)
    assert report
    page = Path(report[1]).read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "What was gained" in page
    assert "Test split predicted 1 time in this workspace" in first
    assert "synthgain ui" in first
    assert "Traceback" not in first


def test_two_seeds_are_too_few_for_a_claim(first: str) -> None:
    assert "Verdict: inconclusive" in first


def test_every_stage_ran_once_in_order(first: str) -> None:
    started = STAGE_STARTS.findall(first)
    generators = ("dcgan", "copies")
    expected = {
        "ingest",
        "validate",
        "encode",
        "screen",
        "confirm",
        "learning_curve",
        "explain",
        "evaluate",
        "report",
    } | {f"{stage}@{generator}" for stage in ("train_generator", "synthesize", "audit") for generator in generators}
    assert sorted(started) == sorted(expected)
    assert started.index("ingest") < started.index("validate") < started.index("screen") < started.index("report")


def test_every_output_names_the_artifacts_it_was_made_from(workspace: Any) -> None:
    data = artifact.read(workspace.paths.out("ingest")).sha256
    for stage, item in [("encode", None), ("train_generator", "dcgan"), ("screen", None), ("confirm", None)]:
        assert artifact.read(workspace.paths.out(stage, item)).manifest["inputs"]["ingest"] == data


def test_mlflow_has_a_run_per_pipeline_stage_and_trial(workspace: Any, first: str) -> None:
    parents, stages, trials = (workspace.runs(level) for level in ("pipeline", "stage", "trial"))
    started = {run.data.tags["mlflow.runName"] for run in stages}
    assert {"ingest", "train_generator@dcgan", "evaluate", "report"} <= started
    digest = artifact.read(workspace.paths.out("ingest")).sha256
    parent = parents[-1]
    assert parent.data.params["dataset.digest"] == digest
    assert parent.data.tags["artifact.ingest"] == digest
    assert parent.data.tags["verdict"] == "inconclusive"
    assert parent.data.tags["gate"] == "held back"
    assert parent.data.tags["test_uses"] == "1"
    assert "gain" in parent.data.metrics
    assert parent.inputs.dataset_inputs[0].dataset.digest == digest[:32]
    assert {"arm", "seed", "digest"} <= set(trials[0].data.params)
    assert any(run.data.params.get("generator") == "dcgan" for run in trials)
    assert any("test_balanced_accuracy" in run.data.metrics for run in trials)


def test_mlflow_has_the_learning_curves_and_the_data_docs(workspace: Any, first: str) -> None:
    client, trial = workspace.client(), workspace.runs("trial")[-1].info.run_id
    stages = {run.data.tags["mlflow.runName"]: run.info.run_id for run in workspace.runs("stage")}
    assert len(client.get_metric_history(stages["train_generator@dcgan"], "loss_generator")) > 1
    assert len(client.get_metric_history(trial, "val_balanced_accuracy")) > 1
    pages = client.list_artifacts(stages["validate"], "validation/docs")
    assert "validation/docs/index.html" in [page.path for page in pages]


def test_the_gate_holds_two_seeds_back_and_the_cards_are_in_mlflow(workspace: Any, first: str) -> None:
    printed = workspace.run("gate", status=1)
    assert re.search(r"^fail +verdict +inconclusive", printed, re.MULTILINE)
    assert re.search(r"^pass +current", printed, re.MULTILINE)
    assert "held back (reason: utility)" in printed
    uri = workspace.runs("pipeline")[-1].info.artifact_uri
    cards = {path.name for path in Path(uri.removeprefix("file://")).joinpath("cards").iterdir()}
    assert {"data-dcgan.md", "model-candidate.json", "checklist.md"} <= cards


def test_nothing_leaves_the_machine(workspace: Any, first: str, tmp_path: Path) -> None:
    assert not workspace.outside.exists(), workspace.outside.read_text()
    dials = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
    looks_up = "import socket; socket.getaddrinfo('example.invalid', 443)"
    watched = workspace.environment | {"OUTSIDE": str(tmp_path / "outside.txt")}
    for attempt in (dials, looks_up):
        assert subprocess.run([sys.executable, "-c", attempt], env=watched, capture_output=True).returncode
    assert (tmp_path / "outside.txt").read_text().split() == ["192.0.2.1", "example.invalid"], "the guard works"


def test_an_unchanged_run_executes_nothing_and_shows_the_verdict_again(workspace: Any, first: str) -> None:
    before, count = workspace.hashes(), len(workspace.runs("pipeline"))
    again = workspace.run("run", *workspace.toy)
    assert "nothing has changed" in again
    assert not STAGE_STARTS.findall(again)
    verdict = re.search(r"^Verdict: .*", first, re.MULTILINE)
    assert verdict
    assert verdict[0] in again
    assert workspace.hashes() == before
    newest = workspace.runs("pipeline")
    assert len(newest) == count + 1
    assert all("gain" in run.data.metrics for run in newest)
    digest = artifact.read(workspace.paths.out("ingest")).sha256
    assert {run.data.params.get("dataset.digest") for run in newest} == {digest}
    assert {run.data.tags.get("artifact.report") for run in newest} == {before["report"]}
    assert all(run.inputs.dataset_inputs for run in newest)


def test_dvc_works_by_itself(workspace: Any, first: str) -> None:
    assert "up to date" in workspace.dvc("repro") + workspace.dvc("status")
    assert "train_generator@dcgan" in workspace.dvc("dag")
    assert "gain" in workspace.dvc("metrics", "show", "--json")


def test_a_change_of_evaluation_runs_evaluation_and_report_only(workspace: Any, first: str) -> None:
    git = ["git", "-C", str(workspace.paths.root), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "add", "dvc.yaml", "dvc.lock", "params.yaml"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "before"], check=True)
    assert json.loads(workspace.dvc("metrics", "diff", "--json")) == {}
    printed = workspace.run("run", *workspace.toy, "evaluation.replicates=300")
    assert STAGE_STARTS.findall(printed) == ["evaluate", "report"]
    differences = json.loads(workspace.dvc("metrics", "diff", "--json"))
    assert {"old", "new", "diff"} <= differences["data/evaluate/metrics.json"]["p_bootstrap"].keys()
    workspace.run("run", *workspace.toy)


def test_a_new_generator_runs_its_own_stages_and_what_compares_them(workspace: Any, first: str) -> None:
    before = workspace.hashes()
    printed = workspace.run("run", *workspace.toy, "generator=[dcgan,vae]")
    own = {"train_generator@vae", "synthesize@vae", "audit@vae"}
    assert set(STAGE_STARTS.findall(printed)) == own | {
        "screen",
        "confirm",
        "learning_curve",
        "explain",
        "evaluate",
        "report",
    }
    back = workspace.run("run", *workspace.toy)
    assert not STAGE_STARTS.findall(back), "going back must find everything in DVC's cache"
    assert workspace.hashes() == before, "and must bring back every output"


def test_results_of_another_configuration_are_not_passed_off_as_this_one(workspace: Any, first: str) -> None:
    assert "of an earlier run" not in workspace.run("verdict")
    workspace.run("compose", "--write", *workspace.toy, "evaluation.replicates=300")
    assert "of an earlier run: params.yaml has changed" in workspace.run("verdict")
    assert "no page is written: params.yaml has changed" in workspace.run("results", "toy", status=2)
    workspace.run("run", *workspace.toy)
    workspace.run("results", "toy", "--to", "pages")
    assert (workspace.paths.root / "pages" / "toy.md").is_file()
