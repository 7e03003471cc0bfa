"""From raw images to a measured gain: DVC's steps in order, each one a Prefect task.

``synthgain run`` composes the experiment, takes the workspace and becomes this program.
"""

import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
os.environ.setdefault("DO_NOT_TRACK", "1")
sys.path.insert(0, str(Path(__file__).parent))

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner
from stage_task import limit_gpu, run_stage
from terminal import Watch

from synthgain import config, lineage, outcome, tracking
from synthgain.errors import SynthgainError
from synthgain.paths import Paths, find_workspace


@flow(name="synthgain-experiment", flow_run_name="{experiment_name}", task_runner=ThreadPoolTaskRunner(max_workers=64))
def experiment(experiment_name: str, workspace: str) -> str:
    """Bring every stage up to date; returns where the MLflow page shows this run."""
    paths = find_workspace(Path(workspace))
    cfg = config.read(paths.params)
    slots = threading.Semaphore(cfg.compute.workers)
    limit_gpu()
    with tracking.Run.begin(paths, cfg) as run, Watch(run) as watch:

        def stage(name: str, *after: PrefectFuture[bool]) -> PrefectFuture[bool]:
            return run_stage.submit(paths, name, watch, slots, wait_for=after)

        version_raw_data(paths, cfg)
        validated = stage("validate", stage("ingest"))
        encoder = stage("encode", validated)
        synthetic, audits = [], []
        for generator in cfg.generators:
            weights = stage(f"train_generator@{generator}", validated)
            synthetic.append(stage(f"synthesize@{generator}", weights, encoder))
            audits.append(stage(f"audit@{generator}", synthetic[-1]))
        choice = stage("screen", *synthetic)
        predictions = stage("confirm", choice)
        gains = stage("evaluate", predictions)
        stage("report", gains, *audits).result()
        run.log_verdict()
        publish(paths)
        return run.page


@task(name="version raw data", cache_policy=NO_CACHE)
def version_raw_data(paths: Paths, cfg: config.Config) -> None:
    """Bring the raw data under DVC, so that everything downstream carries their hash."""
    lineage.prune(paths, cfg)
    lineage.track_raw(paths, cfg)


def publish(paths: Paths) -> None:
    """Show the outcome in the Prefect interface."""
    create_markdown_artifact(key="verdict", markdown=f"**{outcome.verdict(paths)}**")
    create_table_artifact(key="gains", table=outcome.rows(paths))
    create_link_artifact(key="report", link=outcome.report(paths).as_uri(), link_text="report")


def main() -> None:
    """Run the flow on ``params.yaml``, print the outcome; a stage's error is one message and exit status 2."""
    paths = find_workspace()
    cfg = config.read(paths.params)
    try:
        page = experiment(f"{cfg.dataset.name} {'+'.join(cfg.generators)}", str(paths.root))
    except SynthgainError as error:
        print(f"synthgain: {error}", file=sys.stderr)
        sys.exit(2)
    print(outcome.summary(paths, page))


if __name__ == "__main__":
    main()
