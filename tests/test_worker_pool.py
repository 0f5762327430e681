"""Work over processes: everything is done, errors arrive, one worker runs here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from visavox.errors import DataError, MediaError
from visavox.worker_pool import THREAD_VARIABLES, n_processes, stream, thread_stream

_offset = 0


def set_offset(value: int) -> None:
    global _offset
    _offset = value


def shifted(job: int) -> int:
    return job + _offset


def fail_at_three(job: int) -> int:
    if job == 3:
        raise MediaError("three is bad", status="bad")
    return job


def die(job: int) -> int:
    os._exit(9)


def interrupts_are_blocked(job: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_ctrl_c_never_reaches_a_worker_not_even_while_it_starts() -> None:
    """A terminal interrupts all processes; workers that were importing torch answered with 60 lines of traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    assert all(stream(interrupts_are_blocked, range(4), n_workers=2))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before


def test_workers_end_with_a_parent_that_is_killed() -> None:
    """After `kill -9` of a command its workers stayed for good, each with the networks in its memory."""
    code = (
        "import os, signal\n"
        "from visavox.worker_pool import stream\n"
        "if __name__ == '__main__':\n"
        "    results = stream(abs, [7] * 9, n_workers=2)\n"
        "    print(next(results), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The pipe of stdout closes only when nobody holds it any more.
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "7\n")


INTERRUPTED_CODE = """
import os, signal, threading, time
from contextlib import closing
from visavox.worker_pool import stream, thread_stream
if __name__ == "__main__":
    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()  # it takes signals that the first one blocks
    try:
        with closing(%s) as results:
            %s
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def run_interrupted(stream: str, then: str) -> float:
    """Run code that interrupts itself, and return how long it took from there, in seconds."""
    run = [sys.executable, "-c", INTERRUPTED_CODE % (stream, then)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=20, check=False)
    after = time.time()
    begun, said = ended.stdout.split()
    assert (ended.returncode, ended.stderr, said) == (0, "", "interrupted")
    return after - float(begun)


NOW = "print(time.time(), flush=True)"
AFTER_ONE = f"next(results); {NOW}; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"


def test_ctrl_c_does_not_wait_for_jobs_on_their_way() -> None:
    """`enroll` went on for 5 to 14 s: each worker first imported what it needs, and did what was queued."""
    assert run_interrupted("stream(time.sleep, [0] + [15] * 9, n_workers=2)", AFTER_ONE) < 3


def test_ctrl_c_does_not_wait_for_workers_that_are_starting() -> None:
    later = "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()"
    assert run_interrupted("stream(time.sleep, [15] * 9, n_workers=2)", f"{later}; {NOW}; list(results)") < 3


def test_a_worker_that_ends_in_the_middle_of_a_message_keeps_nobody_waiting() -> None:
    """The rest of a large result never comes; the thread that read it would have waited for good."""
    then = AFTER_ONE.replace("os.kill", "time.sleep(0.5); os.kill")
    assert run_interrupted("stream(bytes, [1] + [300_000_000] * 9, n_workers=2)", then) < 4


def test_ctrl_c_while_a_process_starts_waits_until_the_pool_knows_of_it() -> None:
    """Another thread took the signal that was blocked; the process was then nobody's, and `enroll` waited for it."""
    code = (
        "import os, signal, threading, time\n"
        "from visavox.worker_pool import _interrupts_held_back\n"
        "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, lambda *_: 1 / 0)):\n"
        "    signal.signal(number, handler)\n"
        "    try:\n"
        "        with _interrupts_held_back():\n"
        "            os.kill(os.getpid(), number)\n"
        "            time.sleep(0.1)\n"
        "            print('whole', end=' ')\n"
        "    except (KeyboardInterrupt, ZeroDivisionError) as error:\n"
        "        print(type(error).__name__, signal.getsignal(number) is handler)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("whole KeyboardInterrupt True\nwhole ZeroDivisionError True\n", "")


def test_ctrl_c_ends_threads_too() -> None:
    assert run_interrupted("thread_stream(time.sleep, [0] + [0.3] * 99, n_threads=2)", AFTER_ONE) < 3


def test_a_system_that_does_not_tell_affinity_counts_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no os.sched_getaffinity, so every command with workers failed there."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert n_processes(0) == 5


def test_zero_workers_means_one_a_core() -> None:
    assert n_processes(0) == len(os.sched_getaffinity(0))
    assert n_processes(3) == 3


def test_a_negative_number_of_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="`workers` must be at least 0"):
        n_processes(-1)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_every_job_is_done_once_whatever_the_number_of_processes(n_workers: int) -> None:
    results = stream(shifted, range(20), n_workers=n_workers, initializer=set_offset, arguments=(100,))
    assert sorted(results) == list(range(100, 120))


def test_an_error_of_a_worker_arrives_with_what_it_carries() -> None:
    with pytest.raises(MediaError, match="three is bad") as raised:
        list(stream(fail_at_three, range(50), n_workers=2))
    assert raised.value.status == "bad"


def test_a_worker_that_is_killed_is_one_line() -> None:
    with pytest.raises(DataError, match="fewer `--workers`"):
        list(stream(die, range(4), n_workers=2))


def test_jobs_are_taken_a_few_at_a_time() -> None:
    taken = 0

    def jobs() -> Iterator[int]:
        nonlocal taken
        for job in range(1000):
            taken += 1
            yield job

    results = stream(abs, jobs(), n_workers=2)
    next(results)
    assert taken < 20
    results.close()


def test_the_environment_is_as_before() -> None:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    list(stream(abs, [1, 2], n_workers=2))
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == before


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_do_every_job_once(n_threads: int) -> None:
    started: list[int] = []
    results = list(
        thread_stream(lambda job: job * job, range(50), n_threads=n_threads, initializer=started.append, arguments=(1,))
    )
    assert sorted(results) == [job * job for job in range(50)]
    assert 1 <= len(started) <= n_threads


def test_threads_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    assert len(list(thread_stream(lambda _: both.wait(), range(2), n_threads=2))) == 2


def test_threads_take_a_few_jobs_at_a_time_and_a_failure_ends_them() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(1000):
            taken.append(job)
            yield job

    def fail(job: int) -> int:
        if job == 3:
            raise ValueError("the fourth")
        return job

    with pytest.raises(ValueError, match="the fourth"):
        list(thread_stream(fail, jobs(), n_threads=2))
    assert len(taken) < 20


def deadly(job: int) -> int:
    """The job that is a multiple of 7 kills its process, as a fault in a decoder does."""
    if job % 7 == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


@pytest.mark.slow
def test_a_job_that_kills_its_process_costs_nobody_else_his_result() -> None:
    """The run ended, and the next one began with the same clip again."""
    results = list(stream(deadly, range(9), n_workers=2, lost=lambda job: -job))
    assert sorted(results) == sorted([0, 1, 2, -3, 4, 5, 6, 7, 8])


@pytest.mark.slow
def test_without_a_stand_in_a_dead_process_ends_the_stream() -> None:
    with pytest.raises(DataError, match="A worker process was killed"):
        list(stream(deadly, range(9), n_workers=2))
