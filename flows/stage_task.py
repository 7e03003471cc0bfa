"""The only bridge from Prefect to a stage: a task around ``dvc repro --single-item``."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed, State
from slots import Slots
from terminal import Watch

from synthgain import progress
from synthgain.lifeline import stop_stages
from synthgain.lineage import command, environment
from synthgain.paths import GPU, Paths
from synthgain.workspace import RUN

GPU_LIMIT = "synthgain-gpu"
GPU_STAGES = ("encode", "train_generator", "synthesize", "audit", "screen", "confirm", "learning_curve", "explain")
KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}
"""Exit statuses of a process that the kernel killed, as a rule for want of memory."""


_DVC_HINTS = (
    "To track the changes",
    "To enable auto staging",
    "Use `dvc push`",
    "git add ",
    "dvc config core.autostage",
)
KILLED_STATE = "Killed"


stopping = threading.Event()


def stop() -> None:
    """Start no further stage, and ask those that run to finish."""
    stopping.set()
    stop_stages(f"{RUN}={os.environ.get(RUN)}")


def _worth_a_retry(_task: Any, _run: Any, state: State) -> bool:
    """Being killed from outside is the one fault that a second attempt can mend."""
    return state.name == KILLED_STATE


@task(name="stage", task_run_name="{stage}", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5,
      retry_condition_fn=_worth_a_retry)  # fmt: skip
def run_stage(paths: Paths, stage: str, upstream: list[Any], stale: bool, watch: Watch, slots: Slots) -> bool | State:
    """Bring one stage up to date; returns whether its output may have changed, or a failed state with its last words.

    ``stage`` is DVC's name, such as ``ingest`` or ``train_generator@edm``; ``stale`` says whether DVC found it changed
    beforehand, ``upstream`` which of the stages before it changed (anything but a bool: it failed). An output that DVC
    brought back from its cache has changed, too. The stage's output goes to the Prefect log line by line, its progress
    to the terminal; it takes one of the ``slots``.
    """
    if not all(isinstance(changed, bool) for changed in upstream):
        return _skipped()
    if not stale and not any(upstream):
        watch.finished(stage, False)
        return False
    with slots.one(stage), _gpu(stage):
        return _skipped() if stopping.is_set() else _reproduced(paths, stage, watch)


def _skipped() -> State:
    return Completed(name="Skipped", message="stopped, or an earlier stage failed", data=None)


def _reproduced(paths: Paths, stage: str, watch: Watch) -> bool | State:
    logger = get_run_logger()
    last: deque[str] = deque(maxlen=30)
    ran, changed = False, True
    with subprocess.Popen(
        command("repro", "--single-item", stage), cwd=paths.root, env=environment(), text=True,
        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        began = time.monotonic()
        for line in process.stdout:
            text = line.rstrip("\n")
            ran = ran or text.startswith("Running stage")
            changed = changed and "didn't change, skipping" not in text
            if text.startswith(progress.PREFIX):
                watch.progress(stage, text, logger)
            elif text and not text.lstrip().startswith(_DVC_HINTS):
                last.append(text)
                logger.info("%s | %s", stage, text)
    if process.returncode:
        words = [line for line in last if line.startswith("synthgain: ")] or list(last)
        killed = process.returncode in KILLED or any(f"exited with {code}" in line for code in KILLED for line in last)
        message = f"stage {stage} failed\n" + "\n".join(words)
        watch.failed(stage, message)
        return Failed(name=KILLED_STATE if killed else "Failed", message=message)
    logger.info("%s | %s in %.1f s", stage, "done" if ran else "nothing to do", time.monotonic() - began)
    watch.finished(stage, ran)
    return changed


@contextmanager
def _gpu(stage: str) -> Iterator[None]:
    """Hold the machine's GPU while a stage that uses it runs, also against other workspaces on the same server."""
    needs = GPU.exists() and stage.partition("@")[0] in GPU_STAGES
    with concurrency(GPU_LIMIT, occupy=1, strict=False) if needs else nullcontext():
        yield


def limit_gpu() -> None:
    """Make sure that the server knows the GPU limit: one stage at a time, unless somebody set it otherwise."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(GPU_LIMIT)
        except ObjectNotFound:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_LIMIT, limit=1))
