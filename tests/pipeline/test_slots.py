"""Which stages run side by side, and which of those that wait comes next."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from synthgain.compose import compose
from synthgain.paths import Paths

LONG, SHORT, CONTROL = (f"train_generator@{name}" for name in ("edm", "dcgan", "copies"))


@pytest.fixture
def slots(module_at: Any, root: Path, request: pytest.FixtureRequest) -> Any:
    """The places of the default experiment with as many workers as the test asks for."""
    return module_at(root / "flows" / "slots.py").Slots(compose(Paths(root), [f"compute.workers={request.param}"]))


def entered(slots: Any, stages: Sequence[str], places: int) -> list[str]:
    """The order in which stages that become ready at the same time get places; the first ones hold theirs a while."""
    order: list[str] = []
    held = threading.Event()

    def run(stage: str) -> None:
        with slots.one(stage):
            order.append(stage)
            held.wait(10)

    threads = [threading.Thread(target=run, args=[stage]) for stage in stages]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(order) < places and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    before = len(order)
    held.set()
    for thread in threads:
        thread.join()
    assert before == places, "as many at once as there are places"
    return order


@pytest.mark.parametrize("slots", [2], indirect=True)
def test_the_most_urgent_of_those_that_became_ready_together_come_first(slots: Any) -> None:
    assert set(entered(slots, [SHORT, LONG, "encode"], 2)[:2]) == {"encode", LONG}


@pytest.mark.parametrize("slots", [2], indirect=True)
def test_what_only_the_report_awaits_takes_no_place_of_the_others(slots: Any) -> None:
    first = entered(slots, ["audit@edm", "audit@dcgan", "explain", "screen", SHORT], 3)[:3]
    assert set(first) == {"audit@edm", "screen", SHORT}


@pytest.mark.parametrize("slots", [1], indirect=True)
def test_long_trainings_come_before_short_ones_and_what_only_the_report_awaits_last(slots: Any) -> None:
    assert entered(slots, ["audit@edm", "explain", CONTROL, SHORT, LONG, "encode"], 1) == [
        "encode", LONG, SHORT, CONTROL, "audit@edm", "explain"
    ]  # fmt: skip


@pytest.mark.parametrize("slots", [1], indirect=True)
def test_a_place_is_free_again_after_an_error(slots: Any) -> None:
    with pytest.raises(ZeroDivisionError), slots.one("ingest"):
        raise ZeroDivisionError
    with slots.one("ingest"):
        pass
