"""Tries a fetch again while its failures may pass: longer and longer waits, with jitter, and as a server asks.

Example:
    >>> waits, answers = [], iter([PassingError("busy"), PassingError("busy"), "a video"])
    >>> def act():
    ...     answer = next(answers)
    ...     if isinstance(answer, PassingError):
    ...         raise answer
    ...     return answer
    >>> Tries(attempts=3, first_wait_s=1.0, max_wait_s=60.0, sleep=waits.append).run(act)
    'a video'
    >>> len(waits), waits[0] < waits[1] + 1.0
    (2, True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from visavox.errors import MediaError
from visavox.media.fetching.web_errors import PassingError

PROGRESS_BYTES = 1_000_000  # a try that brought so much is not counted: a long file over a bad line comes in the end

Result = TypeVar("Result")


class Tries:
    """How often and how patiently a fetch is tried.

    Args:
        attempts: tries without progress, 1 or more.
        first_wait_s: wait before the second try, on average; it doubles with each further one.
        max_wait_s: longest wait, also where the server asks for more.
        sleep: waits so many seconds.
        progress: number of bytes that have come so far.
    """

    def __init__(
        self,
        *,
        attempts: int,
        first_wait_s: float,
        max_wait_s: float,
        sleep: Callable[[float], None],
        progress: Callable[[], int] = lambda: 0,
    ) -> None:
        """Store the arguments."""
        self.attempts = attempts
        self.first_wait_s = first_wait_s
        self.max_wait_s = max_wait_s
        self.sleep = sleep
        self.progress = progress
        self._n_failed = 0
        self._n_bytes = 0

    def run(self, act: Callable[[], Result]) -> Result:
        """Return what `act` returns.

        Raises:
            MediaError: status `network` after the last try, which the message counts; another failure at once.
            Exception: any other, at once.
        """
        self._n_failed, self._n_bytes = 0, self.progress()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=self._is_enough,
            wait=self._wait_s,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(act)
        except PassingError as error:
            tried = f" It was tried {self._n_failed} times." if self._n_failed > 1 else ""
            raise MediaError(f"{error}{tried}", status=error.status) from error

    def _is_enough(self, _: tenacity.RetryCallState) -> bool:
        """Count a failure, which tenacity asks for once after each."""
        n_bytes = self.progress()
        self._n_failed = 1 if n_bytes >= self._n_bytes + PROGRESS_BYTES else self._n_failed + 1
        self._n_bytes = max(n_bytes, self._n_bytes)
        return self._n_failed >= self.attempts

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        grown = tenacity.wait_exponential(multiplier=self.first_wait_s, max=self.max_wait_s)
        # Threads that failed together should not come back together.
        jittered = grown(state) * (0.5 + tenacity.wait_random(0, 1)(state))
        error = state.outcome.exception() if state.outcome is not None else None
        asked_s = error.wait_s if isinstance(error, PassingError) else 0.0
        return min(max(jittered, asked_s), self.max_wait_s)
