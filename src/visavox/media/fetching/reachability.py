"""Remembers which hosts cannot be reached at all, so that a machine without a network fails fast instead of waiting.

A host that answers anything, if only with an error, is reached. It stops nothing: whether a host is back is known from
the next try.

Example:
    >>> reachability = Reachability(patience=2)
    >>> for is_reached in (False, False, True):
    ...     reachability.note("a.org", is_reached=is_reached)
    ...     reachability.is_lost("a.org")
    False
    True
    False
"""

from __future__ import annotations

import logging
import threading

PATIENCE = 8  # tries in a row, over all clips: two clips of four tries, about 8 s at 60 requests a minute

logger = logging.getLogger(__name__)


class Reachability:
    """Counts the tries in a row that did not reach a host. Thread-safe.

    Args:
        patience: so many in a row, and a host is lost; 1 or more.
    """

    def __init__(self, patience: int = PATIENCE) -> None:
        """Store the argument."""
        self.patience = patience
        self._lock = threading.Lock()
        self._n_missed: dict[str, int] = {}

    def note(self, host: str, *, is_reached: bool) -> None:
        """Count a try; the one with which a host is lost is logged as a warning.

        Args:
            host: where it went.
            is_reached: something answered.
        """
        with self._lock:
            if is_reached:
                self._n_missed.pop(host, None)
                return
            self._n_missed[host] = n_missed = self._n_missed.get(host, 0) + 1
        if n_missed == self.patience:
            logger.warning(
                "%s was not reached in %d tries in a row: from here on each of its clips is tried once. Look after "
                "the network; the next prepare tries them again",
                host,
                n_missed,
            )

    def is_lost(self, host: str) -> bool:
        """Return whether the last tries, as many as is our patience, did not reach a host."""
        with self._lock:
            return self._n_missed.get(host, 0) >= self.patience
