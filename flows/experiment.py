"""From raw images to a measured gain: DVC's steps in order, each one a Prefect task.

``synthgain run`` composes the experiment, takes the workspace and runs ``main.py``, which runs this flow.
"""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import allow_failure, flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.states import Failed, State
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from slots import Slots
from stage_server import serving
from stage_task import limit_gpu, run_stage, stop, stopping
from terminal import Watch

from synthgain import compute, config, last_run, lineage, outcome, tracking, workspace
from synthgain.errors import SynthgainError
from synthgain.paths import Paths, find_workspace

_LIGHT = {"evaluate", "report"}
"""Stages without PyTorch: for them alone nothing is imported beforehand."""
_SIDE_BY_SIDE: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=64)


@flow(name="synthgain-experiment", flow_run_name="{experiment_name}", task_runner=_SIDE_BY_SIDE)
def experiment(experiment_name: str, root: str) -> str | State:
    """Bring every stage up to date; returns where the MLflow page shows this run, or the failed stage's last words."""
    signal.signal(signal.SIGTERM, lambda *_: stop())  # in here, because Prefect sets its own when a flow starts
    paths = find_workspace(Path(root))
    cfg = config.read(paths.params)
    limit_gpu()
    try:
        with tracking.Run.begin(paths, cfg) as run, Watch(run) as watch:
            stale = version_raw_data(paths, cfg)
            with serving() if set(stale) - _LIGHT else nullcontext():
                run_stages(paths, cfg, stale, watch)
            run.log_verdict()
    except SynthgainError as error:
        return Failed(message=str(error))
    publish(paths)
    return run.page


def run_stages(paths: Paths, cfg: config.Config, stale: list[str], watch: Watch) -> None:
    """Submit every stage in DVC's order and wait for all; raises `SynthgainError` with the first failure.

    ``stale``: the stages and raw data that have changed.
    """
    slots = Slots(cfg)
    submitted: list[PrefectFuture[Any]] = []

    def stage(name: str, *after: PrefectFuture[Any]) -> PrefectFuture[Any]:
        upstream = [allow_failure(future) for future in after]
        submitted.append(run_stage.submit(paths, name, upstream, name in stale, watch, slots))
        return submitted[-1]

    validated = stage("validate", stage("ingest"))
    encoder = stage("encode", validated)
    synthetic, audits = [], []
    weights = {name: stage(f"train_generator@{name}", validated) for name in cfg.weights}
    for generator, settings in cfg.generators.items():
        synthetic.append(stage(f"synthesize@{generator}", weights[str(settings.weights)], encoder))
        audits.append(stage(f"audit@{generator}", synthetic[-1]))
    plan = stage("screen", *synthetic)
    predictions = stage("confirm", plan)
    curve = stage("learning_curve", predictions)  # after the confirmation, whose trainings it shares
    explained = stage("explain", predictions)
    stage("report", stage("evaluate", predictions, curve), explained, *audits)
    wait(submitted)
    if stopping.is_set():
        raise SynthgainError("stopped on request; the same command goes on from here")
    failed = [future.state.message or "" for future in submitted if not future.state.is_completed()]
    if failed:
        raise SynthgainError(failed[0])


@task(name="version raw data", cache_policy=NO_CACHE)
def version_raw_data(paths: Paths, cfg: config.Config) -> list[str]:
    """Bring the raw data under DVC, so that everything downstream carries their hash; returns the changed stages."""
    lineage.prune(paths, cfg)
    lineage.track_raw(paths, cfg)
    return lineage.changed(paths)


def publish(paths: Paths) -> None:
    """Show the outcome in the Prefect interface."""
    create_markdown_artifact(key="verdict", markdown=f"**{outcome.verdict(paths)}**")
    create_table_artifact(key="gains", table=outcome.rows(paths))
    create_link_artifact(key="report", link=outcome.report(paths).as_uri(), link_text="report")


def conduct(wait_for_api: Callable[[], None]) -> None:
    """Run the flow on ``params.yaml`` and print the outcome; raises `SynthgainError` with a stage's own error."""
    paths = find_workspace()
    cfg = config.read(paths.params)
    compute.limit_threads(cfg.compute.threads)
    with last_run.timed(paths) as spent:
        wait_for_api()
        state = experiment(f"{cfg.dataset.name} {cfg.name}", str(paths.root), return_state=True)
    if not state.is_completed():
        raise SynthgainError(str(state.message))
    last_run.record(paths, workspace.command(paths), spent(), outcome.result(paths))
    print(outcome.summary(paths, cfg, str(state.result())))
