"""A bounded stream of work over local processes.

What it is not: a cluster engine. Jobs go out a few at a time, so that Ctrl-C stops at once, memory stays flat, and
results can be written down as they come. One worker, or few jobs, run in this process.

Example:
    >>> sorted(stream(abs, [-3, 1, -2], n_workers=1))
    [1, 2, 3]
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, TypeVar

import cv2

from visavox.errors import DataError

Job = TypeVar("Job")
Result = TypeVar("Result")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def n_processes(workers: int) -> int:
    """Return the number of processes for the option `--workers`: 0 means one a core.

    Raises:
        ValueError: `workers` is negative.
    """
    if workers < 0:
        raise ValueError(f"`workers` must be at least 0. Got {workers}.")
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return workers or (len(affinity(0)) if affinity else os.cpu_count() or 1)


def stream(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    n_workers: int,
    initializer: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Generator[Result, None, None]:
    """Yield `function(job)` for every job, in the order in which they finish.

    Args:
        function: picklable; runs in a worker process with one thread.
        jobs: picklable; taken a few at a time.
        n_workers: processes; 1 runs everything here, in order.
        initializer: called once in each process with `arguments` before its first job.
        arguments: of the initializer.

    Raises:
        DataError: a worker was killed from outside, for want of memory for instance.
        Exception: whatever `function` raises, as soon as it does; the remaining jobs are dropped.
    """
    if n_workers == 1:
        if initializer is not None:
            initializer(*arguments)
        yield from map(function, jobs)
        return
    with _single_threaded_children():
        pool = ProcessPoolExecutor(
            n_workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(initializer, arguments),
        )
        waiting: set[Future[Result]] = set()
        try:
            for job in jobs:
                with _interrupts_held_back():
                    waiting.add(pool.submit(function, job))
                if len(waiting) >= 3 * n_workers:  # enough to keep every process busy, few enough to stop at once
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise DataError(
                "A worker process was killed, probably for want of memory. What was done is kept: "
                "run again with fewer `--workers`."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def thread_stream(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    n_threads: int,
    initializer: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Generator[Result, None, None]:
    """Yield `function(job)` for every job, in the order in which they finish, by threads of this process.

    For little work, which is done before a second process has started, that leaves Python for decoders and networks.

    Args:
        function: may run in several threads at a time.
        jobs: taken a few at a time.
        n_threads: 1 runs everything in the calling thread, in order.
        initializer: called once in each thread with `arguments` before its first job.
        arguments: of the initializer.

    Raises:
        Exception: whatever `function` raises, as soon as it does; the remaining jobs are dropped.
    """
    if n_threads == 1:
        yield from stream(function, jobs, n_workers=1, initializer=initializer, arguments=arguments)
        return
    with ThreadPoolExecutor(n_threads, initializer=initializer, initargs=arguments) as pool:
        waiting: set[Future[Result]] = set()
        try:
            for job in jobs:
                waiting.add(pool.submit(function, job))
                if len(waiting) >= 2 * n_threads:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    cv2.setNumThreads(1)  # numpy and torch have read OMP_NUM_THREADS
    if initializer is not None:
        initializer(*arguments)


def _leave_with_parent() -> None:
    """End this process when its parent is killed: a worker waits for jobs on a pipe that it keeps open itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait for a moment, and let a process that starts meanwhile never see it.

    A terminal sends it to every process; one that was still importing would answer with a traceback.
    """
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none
    if mask is None:
        yield
        return
    resource_tracker.ensure_running()  # here, since it lets signals through when it starts
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Two processes of two threads each on two cores are slower than two of one."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
