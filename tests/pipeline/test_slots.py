"""Which stages run side by side, and which of those that wait comes next."""

import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synthgain.compose import compose
from synthgain.paths import Paths


@pytest.fixture(scope="module")
def slots(module_at: Any, root: Path) -> ModuleType:
    return module_at(root / "flows" / "slots.py")


def entered(places: Any, urgencies: dict[str, float], held: threading.Event) -> list[str]:
    """The order in which stages that become ready at the same time get places, each held until the event."""
    order: list[str] = []

    def stage(name: str) -> None:
        with places.one(urgencies[name]):
            order.append(name)
            held.wait(10)

    threads = [threading.Thread(target=stage, args=[name]) for name in urgencies]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(order) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    before = list(order)
    held.set()
    for thread in threads:
        thread.join()
    assert len(before) == 2, "as many at once as there are places"
    return order


def test_the_most_urgent_of_those_that_became_ready_together_come_first(slots: ModuleType) -> None:
    urgencies = {"audit": 0.0, "short": 1.0, "long": 9.0, "next": float("inf")}
    assert set(entered(slots.Slots(2), urgencies, threading.Event())[:2]) == {"next", "long"}


def test_a_place_is_free_again_after_an_error(slots: ModuleType) -> None:
    places = slots.Slots(1)
    with pytest.raises(ZeroDivisionError), places.one(0.0):
        raise ZeroDivisionError
    with places.one(0.0):
        pass


def test_long_trainings_come_before_short_ones_and_audits_last(slots: ModuleType, root: Path) -> None:
    cfg = compose(Paths(root), [])
    edm, dcgan, copies = (slots.urgency(cfg, f"train_generator@{name}") for name in ("edm", "dcgan", "copies"))
    assert slots.urgency(cfg, "encode") > edm > dcgan > copies > slots.urgency(cfg, "audit@edm")
