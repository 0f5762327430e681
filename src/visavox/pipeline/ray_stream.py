"""The bounded stream of work of `visavox.worker_pool`, over a Ray cluster.

The driver hands out jobs a few at a time and takes results as they come, so that it alone writes. The machines of the
cluster must see the files of the source and the folder of the corpus under the same paths. The address of a cluster
is taken from RAY_ADDRESS; without it Ray is started on this machine for the length of the run.

Example:
    for result in ray_stream(function, jobs, n_workers=0): ...
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from visavox.errors import DataError, MissingDependencyError, VisavoxError
from visavox.worker_pool import THREAD_VARIABLES, n_processes

Job = TypeVar("Job")
Result = TypeVar("Result")

JOBS_AHEAD = 3  # for each worker: enough to keep it busy, few enough to stop at once
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def ray_stream(
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
        function: picklable; importable on every machine of the cluster.
        jobs: picklable; taken a few at a time.
        n_workers: processes; 0 takes one for each core of the cluster.
        initializer: called once in each process with `arguments` before its first job.
        arguments: of the initializer.
        lost: what stands for the result of a job whose worker died, and died again when it had a worker to itself.
            None: that ends the stream.

    Raises:
        MissingDependencyError: Ray is not installed.
        DataError: no cluster answers at RAY_ADDRESS, or a worker was lost twice.
        Exception: whatever `function` raises; the remaining jobs are dropped.
    """
    ray = _started_ray()
    try:
        start = partial(_start_workers, ray, function, initializer, arguments)
        yield from _results(ray, start, n_workers, iter(jobs), lost)
    finally:
        ray.shutdown()


def _results(
    ray: Any,
    start: Callable[..., list[Any]],
    n_workers: int,
    jobs: Iterator[Any],
    lost: Callable[[Any], Any] | None,
) -> Iterator[Any]:
    """Keep each worker a few jobs ahead, and yield what comes."""
    sent: dict[Any, tuple[Any, Any]] = {}  # reference -> worker, job

    def hand_out(worker: Any) -> None:
        for job in jobs:
            sent[worker.work.remote(job)] = (worker, job)
            return

    workers = start(n_workers)
    for _ in range(JOBS_AHEAD):
        for worker in workers:
            hand_out(worker)
    while sent:
        done, _ = ray.wait(list(sent), num_returns=1)
        worker, job = sent.pop(done[0])
        hand_out(worker)
        try:
            result = _answer(ray, done[0])
        except _LostWorkerError as error:
            if lost is None:
                raise DataError(str(error)) from error
            result = _alone(ray, start, job, lost)
        yield result


def _alone(ray: Any, start: Callable[..., list[Any]], job: Any, lost: Callable[[Any], Any]) -> Any:
    """Do a job again with a worker of its own, whose death is nobody else's doing."""
    (worker,) = start(1, num_cpus=0)  # beside the others, who hold every core of the cluster
    try:
        return _answer(ray, worker.work.remote(job))
    except _LostWorkerError:
        return lost(job)
    finally:
        ray.kill(worker)


class _LostWorkerError(Exception):
    """A process of the cluster died over a job, or beside it."""


def _answer(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, (VisavoxError, OSError)):
            raise cause from None
        raise
    except (ray.exceptions.RayActorError, ray.exceptions.RaySystemError) as error:
        raise _LostWorkerError(
            f"A worker of the Ray cluster was lost ({' '.join(str(error).split())[:200]}). What was done is kept: run "
            "the same command again."
        ) from error


def _start_workers(
    ray: Any,
    function: Callable[[Any], Any],
    initializer: Callable[..., None] | None,
    arguments: tuple[Any, ...],
    n_workers: int,
    num_cpus: int = 1,
) -> list[Any]:
    count = n_workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    # A worker begins anew as often as it dies; the jobs that it had are done again one by one.
    actor = ray.remote(num_cpus=num_cpus, max_restarts=-1)(_Worker)
    return [actor.remote(function, initializer, arguments) for _ in range(count)]


class _Worker:
    """One process of the cluster."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        initializer: Callable[..., None] | None,
        arguments: tuple[Any, ...],
    ) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._function = function
        if initializer is not None:
            initializer(*arguments)

    def work(self, job: Any) -> Any:
        """Do one job."""
        return self._function(job)


def _started_ray() -> Any:
    """Return the module, connected to the cluster of RAY_ADDRESS or to one of its own on this machine."""
    os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            "`--engine ray` needs Ray, which is not installed. Run: pip install 'visavox[ray]'"
        ) from error
    address = os.environ.get("RAY_ADDRESS")
    variables = dict.fromkeys(THREAD_VARIABLES, "1")
    options: dict[str, Any] = {"address": address} if address else {"num_cpus": n_processes(0)}
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # a greeting about tokens, which is not the user's affair
            ray.init(
                **options,
                include_dashboard=False if not address else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                runtime_env={"env_vars": variables},
            )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise DataError(
            f"No Ray cluster could be reached {where} ({' '.join(str(error).split())[:200]}). Start one, or use "
            "--engine local."
        ) from error
    return ray
