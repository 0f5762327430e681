"""The stream of work over Ray: a real local cluster, started once a test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from visavox.errors import DataError, MediaError, MissingDependencyError
from visavox.pipeline import ray_stream as module
from visavox.pipeline.ray_stream import ray_stream

FACTOR = {"value": 1}


def start(factor: int) -> None:
    FACTOR["value"] = factor


def times(job: int) -> tuple[int, str | None]:
    if job < 0:
        raise MediaError("a clip that fails", status="no_face")
    return job * FACTOR["value"], os.environ.get("OMP_NUM_THREADS")


def leave(job: int) -> int:
    if job == 3:
        os._exit(3)
    return job


def negative(job: int) -> int:
    return -job


@pytest.fixture(autouse=True)
def importable_on_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import this file by its name, as they import the package's functions."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    name = Path(__file__).stem
    monkeypatch.setitem(sys.modules, name, sys.modules[__name__])
    for function in (start, times, leave):
        monkeypatch.setattr(function, "__module__", name)


@pytest.mark.slow
def test_every_job_is_done_once_by_workers_of_one_thread() -> None:
    results = sorted(ray_stream(times, range(40), n_workers=2, initializer=start, arguments=(3,)))
    assert results == [(3 * i, "1") for i in range(40)]


@pytest.mark.slow
def test_jobs_are_taken_a_few_at_a_time_and_a_failure_comes_through_as_it_is() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for i in range(1000):
            taken.append(i)
            yield i if i < 5 else -1

    with pytest.raises(MediaError, match="a clip that fails") as raised:
        list(ray_stream(times, jobs(), n_workers=1))
    assert raised.value.status == "no_face"
    assert len(taken) < 20


@pytest.mark.slow
def test_a_worker_that_dies_again_and_again_is_one_line() -> None:
    with pytest.raises(DataError, match="A worker of the Ray cluster was lost") as raised:
        list(ray_stream(leave, [3], n_workers=1))
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_job_that_kills_its_worker_costs_nobody_else_his_result() -> None:
    assert sorted(ray_stream(leave, range(6), n_workers=2, lost=negative)) == [-3, 0, 1, 2, 4, 5]


def test_a_cluster_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def refuse(**_options: object) -> None:
        raise ConnectionError("nobody\nthere")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(DataError, match="No Ray cluster could be reached at RAY_ADDRESS=127.0.0.1:1 .nobody there."):
        next(ray_stream(times, [1], n_workers=1))


def test_without_ray_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visavox\[ray\]'"):
        next(ray_stream(times, [1], n_workers=1))


def test_nothing_is_reported_to_anybody() -> None:
    assert module.SETTINGS["RAY_USAGE_STATS_ENABLED"] == "0"
