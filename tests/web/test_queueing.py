"""Places, waiting, refusals and deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi")
from visavox.errors import MediaError
from visavox.web.queueing import BusyError, Deadline, RequestQueue, TimeLimitError


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_no_more_run_at_once_than_there_are_places() -> None:
    requests = RequestQueue(n_workers=2, max_waiting=10, timeout_s=10.0)
    most, running, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal most, running
        with requests.turn():
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.01)
            with lock:
                running -= 1

    with ThreadPoolExecutor(8) as many:
        list(many.map(work, range(12)))
    assert most == 2
    assert (requests.n_running, requests.n_waiting) == (0, 0)


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    requests = RequestQueue(n_workers=1, max_waiting=1, timeout_s=10.0)
    leave = threading.Event()

    def hold() -> None:
        with requests.turn():
            leave.wait(5)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: (requests.n_running, requests.n_waiting) == (1, 1))
    with pytest.raises(BusyError, match="1 requests are worked on and 1 wait") as raised, requests.turn():
        pass
    leave.set()
    for thread in threads:
        thread.join(5)
    assert (raised.value.status, raised.value.code) == (503, "queue_full")
    assert raised.value.headers == {"retry-after": str(raised.value.retry_after_s)}
    with requests.turn():
        pass


def test_who_waits_too_long_is_told() -> None:
    requests = RequestQueue(n_workers=1, max_waiting=5, timeout_s=0.05)
    with requests.turn(), pytest.raises(TimeLimitError, match="it may take 0.05 s") as raised, requests.turn():
        pass
    assert raised.value.code == "time_limit"
    assert requests.n_waiting == 0


def test_a_place_is_free_again_after_an_error() -> None:
    requests = RequestQueue(n_workers=1, max_waiting=0, timeout_s=1.0)
    for _ in range(3):
        with pytest.raises(KeyError), requests.turn():
            raise KeyError
    assert requests.n_running == 0


def test_when_to_come_again_grows_with_what_requests_take() -> None:
    requests = RequestQueue(n_workers=1, max_waiting=5, timeout_s=10.0)
    assert requests.retry_after_s == 1
    requests._usual_s = 7.2
    assert requests.retry_after_s == 8
    requests._n_waiting = 3
    assert requests.retry_after_s == 29
    requests._usual_s = 1e6
    assert requests.retry_after_s == 60


def test_a_closed_queue_lets_nobody_in_and_waits_for_the_last() -> None:
    requests = RequestQueue(n_workers=1, max_waiting=5, timeout_s=10.0)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with requests.turn():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5)
    assert not requests.close(0.02), "one is still worked on"
    with pytest.raises(BusyError, match="going down") as raised, requests.turn():
        pass
    assert raised.value.code == "stopping"
    leave.set()
    assert requests.close(5)
    thread.join(5)


def test_a_deadline_gives_up_a_future_and_cancels_it() -> None:
    never: Future[int] = Future()
    with pytest.raises(TimeLimitError):
        Deadline(0.01).result(never)
    assert never.cancelled()
    done: Future[int] = Future()
    done.set_result(3)
    assert Deadline(0.01).result(done) == 3


def test_a_time_limit_of_the_work_itself_is_not_mistaken_for_ours() -> None:
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("of a socket"))
    with pytest.raises(TimeoutError, match="of a socket"):
        Deadline(5.0).result(failed)


def test_a_deadline_is_checked_between_steps() -> None:
    deadline = Deadline(0.01)
    deadline.check()
    time.sleep(0.02)
    assert deadline.left_s == 0
    with pytest.raises(TimeLimitError):
        deadline.check()


def test_a_file_that_cannot_be_used_is_a_value() -> None:
    failed: Future[int] = Future()
    failed.set_exception(MediaError("v: silent.", status="silent"))
    found = Deadline(1.0).result_or_problem(failed)
    assert isinstance(found, MediaError) and found.status == "silent"
