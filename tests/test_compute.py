"""Work side by side: results as they come, a failure is raised here, a killed process is told from a failed one."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synthgain.compute import side_by_side
from synthgain.errors import KilledError, SynthgainError


def square(item: int) -> int:
    return item * item


def refuse(item: int) -> int:
    if item == 2:
        raise SynthgainError("two is refused")
    return item


def is_imported(module: str) -> bool:
    return module in sys.modules


def be_killed(item: int) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize(("before", "after"), [("", "import numpy"), ("import numpy, scipy.linalg", "")])
def test_no_library_starts_more_threads_than_asked(before: str, after: str) -> None:
    code = f"""
{before}
from synthgain.compute import limit_threads
limit_threads(1)
{after}
import sklearn.neighbors, threadpoolctl
print(sorted((each["internal_api"], each["num_threads"]) for each in threadpoolctl.threadpool_info()))
"""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=free)
    assert set(ast.literal_eval(done.stdout)) == {("openblas", 1), ("openmp", 1)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_comes_back_with_its_result(workers: int) -> None:
    assert dict(side_by_side(square, range(5), workers)) == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_is_raised_here(workers: int) -> None:
    with pytest.raises(SynthgainError, match="two is refused"):
        list(side_by_side(refuse, range(5), workers))


def test_a_killed_process_is_a_sentence_with_the_exit_status_that_the_flow_tries_again() -> None:
    with pytest.raises(KilledError, match=r"was killed .*lower compute\.workers") as caught:
        list(side_by_side(be_killed, range(5), 2))
    assert caught.value.status == 137


def test_a_device_is_chosen_deterministic_without_importing_the_compiler() -> None:
    program = (
        "import sys, torch; from synthgain.compute import device; from synthgain.schema import Compute; "
        "device(Compute(threads=1)); assert torch.are_deterministic_algorithms_enabled(); "
        "assert not {'torch._inductor', 'torch._dynamo'} & set(sys.modules), 'two seconds for every process'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_in_a_warm_stage_they_are_forked_from_it() -> None:
    program = (
        "import colorsys, test_compute; from multiprocessing import forkserver; from synthgain import compute, forked\n"
        "forked.warm = True\n"
        "compute.begin_importing('json')\n"
        "assert all(held for _, held in compute.side_by_side(test_compute.is_imported, ['colorsys', 'sys'], 2))\n"
        "assert forkserver._forkserver._forkserver_pid is None, 'no other process imports anything'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)


def test_processes_come_from_a_server_that_began_to_import_before() -> None:
    program = (
        "import sys, test_compute; from synthgain import compute\n"
        "compute.begin_importing('colorsys')\n"
        "assert 'colorsys' not in sys.modules\n"
        "assert all(held for _, held in compute.side_by_side(test_compute.is_imported, ['colorsys', 'json'], 2))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
