"""How many requests are worked on at once, how many may wait, and how long anybody does.

A request that finds the queue full is refused at once, with the seconds after which it is worth another try, estimated
from what requests took lately. One whose time is over is refused too, whether it waits or is worked on.

Example:
    >>> requests = RequestQueue(n_workers=1, max_waiting=0, timeout_s=30.0)
    >>> with requests.turn():
    ...     try:
    ...         with requests.turn():
    ...             pass
    ...     except BusyError as error:
    ...         print(error.retry_after_s)
    1
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import TypeVar

from visavox.errors import MediaError
from visavox.web.service_errors import UnavailableError

Result = TypeVar("Result")
MEMORY = 0.9
"""How much of the estimate of the time of a request stays when another is done."""
LONGEST_RETRY_S = 60


class BusyError(UnavailableError):
    """Too many requests; `retry_after_s` says when to come again."""

    def __init__(self, message: str, *, retry_after_s: int, code: str = "queue_full") -> None:
        """Store the one-line message and whole seconds, 1 or more."""
        super().__init__(message, code=code, retry_after_s=retry_after_s)


class TimeLimitError(UnavailableError):
    """The request was given up since its time was over."""


class Deadline:
    """When a request is given up.

    Args:
        limit_s: seconds from now, above 0.
        retry_after_s: what `TimeLimitError` tells the asker.
    """

    def __init__(self, limit_s: float, *, retry_after_s: int = 1) -> None:
        """Start the clock."""
        self.limit_s = limit_s
        self.retry_after_s = retry_after_s
        self._ends = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 or more."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> None:
        """Raise where the time is over.

        Raises:
            TimeLimitError: it is.
        """
        if self.left_s == 0:
            raise self.over()

    def over(self) -> TimeLimitError:
        """Return what a request is told whose time is over."""
        return TimeLimitError(
            f"The request was given up: it may take {self.limit_s:g} s. Send less at once, or try again in "
            f"{self.retry_after_s} s.",
            code="time_limit",
            retry_after_s=self.retry_after_s,
        )

    def result(self, future: Future[Result]) -> Result:
        """Return what a future comes to, or give it up when the time is over.

        Raises:
            TimeLimitError: the time is over; the future is cancelled, if it can be.
        """
        try:
            return future.result(self.left_s)
        except FutureTimeoutError:
            if future.done() and not future.cancelled():  # the work itself ran into a limit of its own
                return future.result()
            future.cancel()
            raise self.over() from None

    def result_or_problem(self, future: Future[Result]) -> Result | MediaError:
        """Return what a future comes to, or why the file cannot be used.

        Raises:
            TimeLimitError: the time is over.
        """
        try:
            return self.result(future)
        except MediaError as error:
            return error


class RequestQueue:
    """Lets requests in, some at once and some after each other.

    Args:
        n_workers: requests that are worked on at once, 1 or more.
        max_waiting: requests that may wait, 0 or more.
        timeout_s: seconds of a request, waiting included.
    """

    def __init__(self, n_workers: int, max_waiting: int, timeout_s: float) -> None:
        """Open the queue."""
        self.n_workers = n_workers
        self.max_waiting = max_waiting
        self.timeout_s = timeout_s
        self._changed = threading.Condition()
        self._n_running = 0
        self._n_waiting = 0
        self._is_open = True
        self._usual_s = 0.0

    @property
    def n_running(self) -> int:
        """Requests that are worked on."""
        return self._n_running

    @property
    def n_waiting(self) -> int:
        """Requests that wait."""
        return self._n_waiting

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which a place is likely to be free, 1 to 60."""
        expected = self._usual_s * (self._n_waiting + 1) / self.n_workers
        return max(1, min(LONGEST_RETRY_S, math.ceil(expected)))

    @contextmanager
    def turn(self) -> Iterator[Deadline]:
        """Wait for a place, hold it for the time of the block, and yield when the request is given up.

        Raises:
            BusyError: too many wait already, or the service is going down.
            TimeLimitError: no place became free in time.
        """
        deadline = Deadline(self.timeout_s, retry_after_s=self.retry_after_s)
        with self._changed:
            self._enter(deadline)
        began = time.monotonic()
        try:
            yield deadline
        finally:
            with self._changed:
                took_s = time.monotonic() - began
                self._usual_s = took_s if not self._usual_s else MEMORY * self._usual_s + (1 - MEMORY) * took_s
                self._n_running -= 1
                self._changed.notify()

    def close(self, timeout_s: float) -> bool:
        """Let nobody in any more, and wait for those who are worked on; returns whether all of them were done."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._n_running == 0, timeout_s)

    def _enter(self, deadline: Deadline) -> None:
        self._check_open()
        if self._n_running >= self.n_workers and self._n_waiting >= self.max_waiting:
            raise BusyError(
                f"The service is busy: {self._n_running} requests are worked on and {self._n_waiting} wait, the most "
                f"there may. Try again in {self.retry_after_s} s.",
                retry_after_s=self.retry_after_s,
            )
        self._n_waiting += 1
        try:
            free = self._changed.wait_for(
                lambda: self._n_running < self.n_workers or not self._is_open, deadline.left_s
            )
        finally:
            self._n_waiting -= 1
        self._check_open()
        if not free:
            raise deadline.over()
        self._n_running += 1

    def _check_open(self) -> None:
        if not self._is_open:
            raise BusyError("The service is going down. Try again when it is back.", retry_after_s=5, code="stopping")
