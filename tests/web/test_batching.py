"""What waits together is run together; who is alone does not wait; what fails fails alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from visavox.web.batching import Batcher


def test_results_come_back_to_those_who_asked() -> None:
    batcher = Batcher("double", lambda items: [2 * item for item in items], max_batch=3)
    futures = [batcher.submit(i) for i in range(50)]
    assert [future.result(5) for future in futures] == [2 * i for i in range(50)]
    batcher.close()


def test_items_that_wait_share_a_batch_of_a_limited_size() -> None:
    seen: list[list[int]] = []
    told: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def run(items: list[int]) -> Sequence[int]:
        seen.append(items)
        begun.set()
        assert go_on.wait(5)
        return items

    batcher = Batcher("held", run, max_batch=4, on_batch=told.append)
    futures = [batcher.submit(0)]
    assert begun.wait(5)
    futures += [batcher.submit(i) for i in range(1, 7)]
    assert batcher.n_waiting == 6
    go_on.set()
    assert [future.result(5) for future in futures] == list(range(7))
    batcher.close()
    assert seen == [[0], [1, 2, 3, 4], [5, 6]]
    assert told == [1, 4, 2]


def test_a_batch_is_held_open_only_while_others_are_expected() -> None:
    sizes: list[int] = []
    batcher = Batcher(
        "expecting",
        lambda items: items,
        max_batch=8,
        wait_s=30.0,
        expects_more=lambda n: n < 3,
        on_batch=sizes.append,
    )
    futures = [batcher.submit(i) for i in range(3)]
    assert [future.result(5) for future in futures] == [0, 1, 2]
    batcher.close()
    assert sizes == [3], "the batch waited for the third, and not for a fourth"


def test_who_is_alone_does_not_wait() -> None:
    batcher = Batcher("alone", lambda items: items, wait_s=60.0, expects_more=lambda n: n < 1)
    assert batcher.submit("x").result(5) == "x"
    batcher.close()


def test_an_error_among_the_results_is_that_of_one() -> None:
    batcher = Batcher("picky", lambda items: [ValueError("odd") if i % 2 else i for i in items])
    good, bad = batcher.submit(2), batcher.submit(3)
    assert good.result(5) == 2
    with pytest.raises(ValueError, match="odd"):
        bad.result(5)
    batcher.close()


def test_an_error_of_the_whole_batch_is_that_of_all_and_the_thread_goes_on() -> None:
    def run(items: list[int]) -> list[int]:
        if 0 in items:
            raise ZeroDivisionError("zero")
        return items

    batcher = Batcher("fragile", run)
    with pytest.raises(ZeroDivisionError):
        batcher.submit(0).result(5)
    assert batcher.submit(1).result(5) == 1
    batcher.close()


def test_what_is_cancelled_in_time_is_never_run() -> None:
    seen: list[int] = []
    go_on, begun = threading.Event(), threading.Event()

    def run(items: list[int]) -> list[int]:
        begun.set()
        assert go_on.wait(5)
        seen.extend(items)
        return items

    batcher = Batcher("cancelled", run)
    first = batcher.submit(0)
    assert begun.wait(5)
    given_up, last = batcher.submit(1), batcher.submit(2)
    assert given_up.cancel()
    go_on.set()
    assert (first.result(5), last.result(5)) == (0, 2)
    batcher.close()
    assert seen == [0, 2]


def test_closing_finishes_what_was_handed_in() -> None:
    prepared: list[str] = []
    batcher = Batcher("closing", lambda items: items, prepare_thread=lambda: prepared.append("once"))
    futures = [batcher.submit(i) for i in range(5)]
    batcher.close()
    assert [future.result(0) for future in futures] == list(range(5))
    assert prepared == ["once"]
