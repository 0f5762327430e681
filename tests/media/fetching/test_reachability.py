"""A host that cannot be reached at all costs one try a clip, and is told once."""

from __future__ import annotations

import logging
import threading

import pytest

from visavox.media.fetching.reachability import PATIENCE, Reachability


def miss(reachability: Reachability, n_times: int, host: str = "a.org") -> None:
    for _ in range(n_times):
        reachability.note(host, is_reached=False)


def test_a_host_is_lost_after_enough_tries_in_a_row() -> None:
    reachability = Reachability()
    assert not reachability.is_lost("a.org")
    miss(reachability, PATIENCE - 1)
    assert not reachability.is_lost("a.org")
    miss(reachability, 1)
    assert reachability.is_lost("a.org")


def test_any_answer_begins_the_count_anew() -> None:
    reachability = Reachability(patience=3)
    for _ in range(5):
        miss(reachability, 2)
        reachability.note("a.org", is_reached=True)
    assert not reachability.is_lost("a.org")
    miss(reachability, 50)
    reachability.note("a.org", is_reached=True)
    assert not reachability.is_lost("a.org")


def test_hosts_are_counted_apart() -> None:
    reachability = Reachability(patience=2)
    miss(reachability, 2, "a.org")
    miss(reachability, 1, "b.org")
    assert reachability.is_lost("a.org")
    assert not reachability.is_lost("b.org")


def test_it_is_told_once_a_loss(caplog: pytest.LogCaptureFixture) -> None:
    reachability = Reachability(patience=2)
    with caplog.at_level(logging.WARNING):
        miss(reachability, 9)
        assert len(caplog.records) == 1
        assert "a.org was not reached in 2 tries" in caplog.text
        reachability.note("a.org", is_reached=True)
        miss(reachability, 9)
    assert len(caplog.records) == 2


def test_threads_lose_no_count() -> None:
    reachability = Reachability(patience=800)
    threads = [threading.Thread(target=miss, args=(reachability, 200)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reachability.is_lost("a.org")
    assert not Reachability(patience=801).is_lost("a.org")
