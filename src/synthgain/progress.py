"""Progress of long work: a Rich bar on a terminal, plain lines elsewhere, so that a log stays readable."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PREFIX = "::progress"
"""First word of a progress line; the flow turns such lines back into bars."""
_INTERVAL = 2.0


class Bar:
    """Counts finished items; ``note`` says something about the latest, such as a loss."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0
        self._shown = 0.0

    def advance(self, items: int = 1, note: str = "") -> None:
        self.done += items
        if self.done >= self.total or time.monotonic() - self._shown >= _INTERVAL:
            self._shown = time.monotonic()
            self._show(note)

    def _show(self, note: str) -> None:
        print(f"{PREFIX}\t{self.label}\t{self.done}\t{self.total}\t{note}", flush=True)


class _RichBar(Bar):
    def __init__(self, label: str, total: int) -> None:
        super().__init__(label, total)
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        self._task = self.progress.add_task(label, total=total, note="")

    def _show(self, note: str) -> None:
        self.progress.update(self._task, completed=self.done, note=note)


@contextmanager
def bar(label: str, total: int) -> Iterator[Bar]:
    """A bar for ``total`` items, drawn on a terminal, printed as lines elsewhere."""
    if not sys.stdout.isatty():
        yield Bar(label, total)
        return
    rich = _RichBar(label, total)
    with rich.progress:
        yield rich
