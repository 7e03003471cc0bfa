"""How many stages run side by side, and which of those that are ready runs next."""

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from synthgain.config import Config
from synthgain.plan import training_seconds

_TOGETHER = 0.3
"""Seconds within which stages that wait for the same one become ready."""
_BACKGROUND = ("audit", "explain")
"""Stages that only the report awaits."""
_LAST, _NEXT = float("-inf"), float("inf")


class Slots:
    """Places for as many stages as there are workers, and beside several of them one more in the background.

    So audits keep no stage from starting that others wait for, and use the processor while those start.
    """

    def __init__(self, cfg: Config) -> None:
        self._cfg, workers = cfg, cfg.compute.workers
        self._front = _Places(workers)
        self._background = _Places(1) if workers > 1 else self._front

    @contextmanager
    def one(self, stage: str) -> Iterator[None]:
        """Hold a place for ``stage`` inside the block."""
        name, _, generator = stage.partition("@")
        with (self._background if name in _BACKGROUND else self._front).one(self._urgency(name, generator)):
            yield

    def _urgency(self, name: str, generator: str) -> float:
        """Long trainings first, so that none is left alone at the end; the background last."""
        if name == "train_generator":
            return training_seconds(self._cfg.generators[generator])
        return _LAST if name in _BACKGROUND else _NEXT


class _Places:
    """The most urgent of those that wait gets the next place; of equal urgency, who came first."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._changed, self._numbers = threading.Condition(), count()
        self._waiting: list[tuple[float, int]] = []

    @contextmanager
    def one(self, urgency: float) -> Iterator[None]:
        with self._changed:
            mine = (-urgency, next(self._numbers))
            heapq.heappush(self._waiting, mine)
            self._changed.wait(_TOGETHER)
            self._changed.wait_for(lambda: self._free and self._waiting[0] == mine)
            heapq.heappop(self._waiting)
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()
