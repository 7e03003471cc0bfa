"""No process outlives the one it belongs to: real processes, really killed."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from synthgain import lifeline

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
_CHILD = (
    "import time; from synthgain import lifeline; lifeline.die_with({}); print('ready', flush=True); time.sleep(60)"
)


def started(code: str, **environment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_child_dies_with_its_parent(soon: Callable[..., bool]) -> None:
    mark = f"SYNTHGAIN_TEST=parent-{os.getpid()}"
    code = _CHILD.format([])
    parent = started(
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}]).wait()",
        SYNTHGAIN_TEST=mark.partition("=")[2],
    )
    assert len(lifeline.marked(mark)) == 2
    parent.kill()
    parent.wait()
    assert soon(lambda: not lifeline.marked(mark))


def test_a_process_dies_with_an_ancestor_that_it_watches(soon: Callable[..., bool]) -> None:
    watched = started("import time; print('ready', flush=True); time.sleep(60)")
    child = started(_CHILD.format([watched.pid]))
    watched.kill()
    watched.wait()
    assert soon(lambda: child.poll() is not None)
    assert child.returncode == -9


def test_what_a_run_leaves_is_killed_once_it_is_gone(soon: Callable[..., bool]) -> None:
    mark = f"SYNTHGAIN_TEST=left-{os.getpid()}"
    code = (
        f"import subprocess, sys, time; from synthgain import lifeline; lifeline.leave_none({mark!r}); "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); "
        "print('ready', flush=True); time.sleep(60)"
    )
    run = started(code, SYNTHGAIN_TEST=mark.partition("=")[2])
    assert lifeline.marked(mark)
    run.kill()
    run.wait()
    assert soon(lambda: not lifeline.marked(mark))


def test_only_stages_are_asked_to_finish(soon: Callable[..., bool]) -> None:
    mark = f"SYNTHGAIN_TEST=stage-{os.getpid()}"
    code = "import time; print('ready', flush=True); time.sleep(60)"
    other = started(code, SYNTHGAIN_TEST=mark.partition("=")[2])
    stage = started(f"{code}  # synthgain stage train", SYNTHGAIN_TEST=mark.partition("=")[2])
    lifeline.stop_stages(mark)
    assert soon(lambda: stage.poll() is not None)
    assert other.poll() is None
    other.kill()
    other.wait()
