"""Requests to a host are spaced evenly, whatever thread makes them."""

from __future__ import annotations

import threading

import pytest

from visavox.media.fetching.rate_limiter import RateLimiter


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


def test_requests_of_one_thread_come_at_the_rate() -> None:
    clock, moments = Clock(), []
    limiter = RateLimiter(20, clock=clock)
    for _ in range(4):
        limiter.wait("a.org", clock.sleep)
        moments.append(clock.now_s)
    assert moments == [100.0, 103.0, 106.0, 109.0]


def test_a_host_that_was_not_asked_for_long_owes_no_wait_and_saves_none() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    limiter.wait("a.org", clock.sleep)
    clock.now_s += 50
    limiter.wait("a.org", _never)
    limiter.wait("a.org", clock.sleep)
    assert clock.now_s == 151.0


def test_hosts_do_not_wait_for_each_other_and_zero_sets_no_limit() -> None:
    limiter = RateLimiter(1, clock=Clock())
    for host in ("a.org", "b.org", "c.org"):
        limiter.wait(host, _never)
    for _ in range(100):
        RateLimiter(0).wait("a.org", _never)


def test_threads_get_moments_of_their_own() -> None:
    """All ask at the same moment, so that the waits are the multiples of the spacing, each once."""
    limiter, waits, lock = RateLimiter(60, clock=lambda: 0.0), [], threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(seconds)

    def ask() -> None:
        for _ in range(50):
            limiter.wait("a.org", sleep)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [float(number) for number in range(1, 400)]


def test_one_that_waits_does_not_hold_up_another_host() -> None:
    limiter = RateLimiter(1, clock=lambda: 0.0)
    limiter.wait("a.org", _never)
    limiter.wait("a.org", lambda _: limiter.wait("b.org", _never))  # b.org is asked while a.org waits


@pytest.mark.parametrize("per_minute", [-1.0, float("nan")])
def test_a_rate_is_no_negative_number(per_minute: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        RateLimiter(per_minute)


def _never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s")
