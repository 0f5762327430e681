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
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from queue import SimpleQueue
from types import FrameType
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
    lost: Callable[[Job], Result] | None = None,
) -> Generator[Result, None, None]:
    """Yield `function(job)` for every job, in the order in which they finish.

    Args:
        function: picklable; runs in a worker process with one thread.
        jobs: picklable; taken a few at a time.
        n_workers: processes; 1 runs everything here, in order, unless `lost` is given.
        initializer: called once in each process with `arguments` before its first job.
        arguments: of the initializer.
        lost: what stands for the result of a job whose process was killed from outside or crashed even when it had
            the machine to itself; the jobs around it are done again. None: that ends the stream.

    Raises:
        DataError: a worker was killed from outside, for want of memory for instance, and `lost` is None.
        Exception: whatever `function` raises, as soon as it does; the remaining jobs are dropped.
    """
    if n_workers == 1 and lost is None:
        if initializer is not None:
            initializer(*arguments)
        yield from map(function, jobs)
        return
    jobs = iter(jobs)
    while True:
        unfinished: list[Job] = []
        yield from _pooled(function, jobs, n_workers, (initializer, arguments), unfinished)
        if not unfinished:
            return
        if lost is None:
            raise DataError(
                "A worker process was killed, probably for want of memory. What was done is kept: "
                "run again with fewer `--workers`."
            )
        for job in unfinished:
            alone: list[Job] = []
            yield from _pooled(function, iter([job]), 1, (initializer, arguments), alone)
            yield from map(lost, alone)


def _pooled(
    function: Callable[[Job], Result],
    jobs: Iterator[Job],
    n_workers: int,
    start: tuple[Callable[..., None] | None, tuple[Any, ...]],
    unfinished: list[Job],
) -> Generator[Result, None, None]:
    """Yield results until the jobs are done or a process dies; the jobs that were on their way are then unfinished."""
    with _single_threaded_children():
        pool = ProcessPoolExecutor(
            n_workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=start,
        )
        job_of: dict[Future[Result], Job] = {}
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        try:
            for job in jobs:
                try:
                    with _interrupts_held_back():
                        future = pool.submit(function, job)
                        job_of[future] = job
                        future.add_done_callback(done.put)
                except BrokenProcessPool:
                    unfinished.append(job)
                    break
                if len(job_of) >= 3 * n_workers:  # enough to keep every process busy, few enough to stop at once
                    yield from _finished(done.get(), job_of, unfinished)
                    if unfinished:
                        break
            while job_of:
                yield from _finished(done.get(), job_of, unfinished)
        finally:
            with _interrupts_held_back():
                if job_of:
                    _kill(pool)
                pool.shutdown(wait=True, cancel_futures=True)


def _finished(future: Future[Result], job_of: dict[Future[Result], Job], unfinished: list[Job]) -> Iterator[Result]:
    """Take out one result; of a pool that broke, note the job instead."""
    job = job_of.pop(future)
    try:
        result = future.result()
    except BrokenProcessPool:
        unfinished.append(job)
        return
    yield result


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool at once: nobody waits for their results any more.

    Asked in a friendly way, each would first import what it needs and do what is queued, which takes many seconds.
    """
    # A process may end in the middle of a message. Whoever waits for the rest of it is told that there is none only
    # when this process holds no such end of the pipe itself.
    pool._result_queue._writer.close()  # type: ignore[attr-defined]  # of CPython, 3.11 to 3.14
    pool._call_queue._reader.close()  # type: ignore[attr-defined]
    for process in list(pool._processes.values()):
        process.kill()


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
        n_waiting = 0
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        try:
            for job in jobs:
                with _interrupts_held_back():
                    pool.submit(function, job).add_done_callback(done.put)
                n_waiting += 1
                if n_waiting >= 2 * n_threads:
                    yield done.get().result()
                    n_waiting -= 1
            for _ in range(n_waiting):
                yield done.get().result()
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

    An interrupt in the middle of a pool's own work leaves a lock that nobody opens, or a process that nobody ends. And
    a terminal sends it to every process; one that was still importing would answer with a traceback.
    """
    # Blocking the signal alone does not hold it back here: another thread, one of OpenBLAS for instance, takes it, and
    # its handler runs in the main thread all the same.
    held: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    is_main = threading.current_thread() is threading.main_thread()  # no other thread has handlers
    numbers: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if callable(handler)}
    try:
        for number in before:
            signal.signal(number, note)
        with _interrupts_blocked():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in held:
            signal.raise_signal(number)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread, so that processes which it starts meanwhile inherit that."""
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
