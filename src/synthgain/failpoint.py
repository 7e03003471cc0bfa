"""Named places at which a test may kill the process, to prove that a crash there loses nothing."""

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def reached(name: str) -> None:
    """Die by SIGKILL if ``SYNTHGAIN_FAILPOINT`` is ``name`` (first passage) or ``name:n`` (n-th passage)."""
    wanted = os.environ.get("SYNTHGAIN_FAILPOINT")
    if not wanted:
        return
    _passed[name] += 1
    place, _, nth = wanted.partition(":")
    if place == name and _passed[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
