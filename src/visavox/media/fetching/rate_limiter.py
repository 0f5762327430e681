"""Spaces the requests to each host evenly, over all threads.

Example:
    >>> waits = []
    >>> limiter = RateLimiter(30, clock=lambda: 0.0)
    >>> for host in ("a.org", "a.org", "b.org", "a.org"):
    ...     limiter.wait(host, waits.append)
    >>> waits
    [2.0, 4.0]
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Gives each request the next free moment of its host. Thread-safe.

    Args:
        per_minute: requests a minute at most to one host; 0 sets no limit.
        clock: seconds, never running backwards.
    """

    def __init__(self, per_minute: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Store the arguments.

        Raises:
            ValueError: `per_minute` is negative or no number.
        """
        if not per_minute >= 0:
            raise ValueError(f"`per_minute` must be at least 0. Got {per_minute}.")
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._next_s: dict[str, float] = {}

    def wait(self, host: str, sleep: Callable[[float], None]) -> None:
        """Wait for the turn of a request.

        Args:
            host: where it goes.
            sleep: called with the seconds to wait, when there are any.
        """
        if not self.per_minute:
            return
        with self._lock:
            now_s = self._clock()
            turn_s = max(now_s, self._next_s.get(host, now_s))
            self._next_s[host] = turn_s + 60.0 / self.per_minute
        # Outside the lock: a thread that waits must not hold up those that go elsewhere.
        if turn_s > now_s:
            sleep(turn_s - now_s)
