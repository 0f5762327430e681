"""A fetch is tried again while its failures may pass, and no longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from visavox.errors import MediaError
from visavox.media.fetching.stop_signal import Stopped
from visavox.media.fetching.tries import PROGRESS_BYTES, Tries
from visavox.media.fetching.web_errors import PassingError


def failing(n_times: int, error: Callable[[], Exception] = lambda: PassingError("busy.")) -> Callable[[], int]:
    """Return what fails so often and then returns the number of its calls."""
    n_calls = 0

    def act() -> int:
        nonlocal n_calls
        n_calls += 1
        if n_calls <= n_times:
            raise error()
        return n_calls

    return act


def tries(waits: list[float], *, attempts: int = 4, max_wait_s: float = 100.0, **options: object) -> Tries:
    return Tries(attempts=attempts, first_wait_s=1.0, max_wait_s=max_wait_s, sleep=waits.append, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_times", [0, 1, 3])
def test_it_succeeds_at_the_last_try_at_the_latest(n_times: int) -> None:
    waits: list[float] = []
    assert tries(waits).run(failing(n_times)) == n_times + 1
    assert len(waits) == n_times


def test_it_gives_up_and_counts() -> None:
    waits: list[float] = []
    with pytest.raises(MediaError, match=r"busy\. It was tried 4 times\.") as caught:
        tries(waits).run(failing(4))
    assert caught.value.status == "network"
    assert not isinstance(caught.value, PassingError)
    assert len(waits) == 3


def test_one_attempt_is_one() -> None:
    waits: list[float] = []
    with pytest.raises(MediaError, match=r"busy\.$"):
        tries(waits, attempts=1).run(failing(1))
    assert waits == []


@pytest.mark.parametrize(
    "error", [MediaError("gone", status="removed"), Stopped(), OSError("disk"), KeyboardInterrupt()]
)
def test_what_does_not_pass_is_not_tried_again(error: BaseException) -> None:
    waits: list[float] = []

    def act() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        tries(waits).run(act)
    assert caught.value is error
    assert waits == []


def test_waits_double_within_half_and_one_and_a_half() -> None:
    seen = []
    for _ in range(30):
        waits: list[float] = []
        tries(waits, attempts=7).run(failing(6))
        seen.append(waits)
    for number in range(6):
        column = [waits[number] for waits in seen]
        assert 0.5 * 2**number <= min(column) < max(column) <= 1.5 * 2**number


def test_a_server_that_asks_for_a_wait_gets_it_up_to_the_longest() -> None:
    waits: list[float] = []
    tries(waits, max_wait_s=50.0).run(failing(1, lambda: PassingError("busy", wait_s=30.0)))
    tries(waits, max_wait_s=50.0).run(failing(1, lambda: PassingError("busy", wait_s=3000.0)))
    assert waits == [30.0, 50.0]


def test_a_try_that_brought_something_is_not_counted() -> None:
    waits: list[float] = []
    n_bytes = 0

    def act() -> str:
        nonlocal n_bytes
        n_bytes += PROGRESS_BYTES
        if n_bytes < 20 * PROGRESS_BYTES:
            raise PassingError("cut.")
        return "whole"

    assert tries(waits, attempts=2, progress=lambda: n_bytes).run(act) == "whole"
    assert len(waits) == 19


def test_a_trickle_is_no_progress() -> None:
    n_bytes = 0

    def act() -> None:
        nonlocal n_bytes
        n_bytes += 10
        raise PassingError("cut.")

    with pytest.raises(MediaError, match="4 times"):
        tries([], progress=lambda: n_bytes).run(act)
    assert n_bytes == 40
