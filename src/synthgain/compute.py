"""The machine: which device, how many threads, which precision, how many processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from synthgain import forked
from synthgain.errors import KilledError, SynthgainError
from synthgain.schema import Compute

if TYPE_CHECKING:
    import torch

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def limit_threads(threads: int) -> None:
    """Let this process and those that it starts compute with ``threads`` CPU threads each.

    By itself BLAS starts a thread on every core in each process. Their sums then depend on the number of cores, and
    several such processes side by side wait for each other.
    """
    import threadpoolctl

    os.environ.update(dict.fromkeys(_THREADS, str(threads)))  # for libraries that are loaded from now on
    threadpoolctl.threadpool_limits(threads)  # for the others


def device(compute: Compute) -> "torch.device":
    """The device to compute on, with the number of CPU threads set for this process."""
    import torch

    torch.set_num_threads(compute.threads)
    torch.set_deterministic_debug_mode("warn")  # not use_deterministic_algorithms: that imports the compiler, 2 s
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs 4 % of a training
    gpu = torch.cuda.is_available()
    if compute.accelerator == "gpu" and not gpu:
        raise SynthgainError("compute.accelerator=gpu: no GPU is visible to PyTorch; use 'auto' or 'cpu'")
    return torch.device("cuda" if gpu and compute.accelerator != "cpu" else "cpu")


def bf16(on: "torch.device") -> bool:
    """Whether ``on`` has hardware bfloat16."""
    import torch

    if on.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def side_by_side(
    work: Callable[[Any], Any],
    items: Iterable[Any],
    workers: int,
    *,
    prepare: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
    preload: Sequence[str] = (),
) -> Iterator[tuple[Any, Any]]:
    """Run ``work(item)`` in ``workers`` processes; yields ``(item, result)`` as they finish.

    ``prepare(*given)`` runs once in each process first. The processes are forked from this one, where that is safe
    (`forked.warm`), else from a server that has imported the module of ``work`` and the modules ``preload`` once; they
    die with this one. A failure in one of them stops the
    others and is raised here; `KilledError` where one of them was killed.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    items = list(items)
    if workers == 1 or len(items) <= 1:
        if prepare is not None:
            prepare(*given)
        for item in items:
            yield item, work(item)
        return
    begin_importing(work.__module__, *preload)
    context = multiprocessing.get_context("fork" if forked.warm else "forkserver")
    pool = ProcessPoolExecutor(min(workers, len(items)), context, _begin, (os.getpid(), prepare, given))
    try:
        waiting = {pool.submit(work, item): item for item in items}
        for finished in as_completed(waiting):
            yield waiting[finished], finished.result()
    except BrokenProcessPool:
        raise KilledError(
            f"one of {min(workers, len(items))} processes that work side by side was killed (out of memory?); the "
            "same command goes on from here; lower compute.workers if it happens again"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def begin_importing(*modules: str) -> None:
    """Let what `side_by_side` forks from import ``modules`` while this process goes on; only the first call counts."""
    if forked.warm:
        return
    import multiprocessing
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
    forkserver.ensure_running()


def _begin(parent: int, prepare: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    from synthgain.lifeline import die_with

    die_with([parent])
    if prepare is not None:
        prepare(*given)
