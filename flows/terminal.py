"""What a person sees while a flow runs: bars on a terminal, a line now and then in a log; and MLflow kept informed."""

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from synthgain.tracking import Run

_LOG_INTERVAL = 15.0


class Watch:
    """Follows the stages of one flow run; safe to call from their threads."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._bars: dict[str, TaskID] = {}
        self._logged: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"), console=Console(stderr=True), disable=not sys.stderr.isatty(),
        )  # fmt: skip

    def progress(self, stage: str, line: str, logger: Any) -> None:
        """Take in a progress line of a stage (see `synthgain.progress`)."""
        _, label, done, total, note = line.split("\t", 4)
        name = f"{stage}: {label}"
        with self._lock:
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=int(total), note="")
            self._progress.update(self._bars[name], completed=int(done), note=note)
            due = time.monotonic() - self._logged.get(name, 0.0) >= _LOG_INTERVAL or done == total
            if self._progress.disable and due:
                self._logged[name] = time.monotonic()
                logger.info("%s %s/%s %s", name, done, total, note)

    def finished(self, stage: str, ran: bool) -> None:
        with self._lock:
            self._clear(stage)
            self.run.log_stage(stage, ran)

    def failed(self, stage: str, message: str) -> None:
        with self._lock:
            self._clear(stage)
            self.run.log_failure(stage, message)

    def _clear(self, stage: str) -> None:
        for name in [name for name in self._bars if name.startswith(f"{stage}: ")]:
            self._progress.remove_task(self._bars.pop(name))

    def __enter__(self) -> "Watch":
        self._progress.start()
        if not self._progress.disable:
            for logger in map(logging.getLogger, ("prefect", "prefect.flow_runs", "prefect.task_runs")):
                for handler in logger.handlers:
                    if hasattr(handler, "console"):
                        handler.console = self._progress.console
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
