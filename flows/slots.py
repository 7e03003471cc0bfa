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
_LATER, _BESIDE, _NEXT = 0.0, 1.0, float("inf")


class Slots:
    """Places for as many stages as there are workers; the most urgent of those that wait gets the next one."""

    def __init__(self, cfg: Config) -> None:
        self._cfg, self._free = cfg, cfg.compute.workers
        self._changed, self._numbers = threading.Condition(), count()
        self._waiting: list[tuple[float, int]] = []

    @contextmanager
    def one(self, stage: str) -> Iterator[None]:
        """Hold a place for ``stage`` inside the block; of equal urgency, who came first."""
        with self._changed:
            mine = (-_urgency(self._cfg, stage), next(self._numbers))
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


def _urgency(cfg: Config, stage: str) -> float:
    """Long trainings first, so that none is left alone at the end; what only the report awaits, last."""
    name, _, generator = stage.partition("@")
    if name == "train_generator":
        return _BESIDE + training_seconds(cfg.generators[generator])
    return _LATER if name in ("audit", "explain") else _NEXT
