"""Ends fetches that run in other threads: those that wait wake up, those that read lose their connection.

Example:
    >>> stop = StopSignal()
    >>> stop.set()
    >>> stop.sleep(3600)
    Traceback (most recent call last):
    ...
    visavox.media.fetching.stop_signal.Stopped
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref


class Stopped(Exception):  # noqa: N818  it is no error, and nothing that a user sees
    """The fetch was ended from outside."""


class StopSignal:
    """One for all fetches that are to end together. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def set(self) -> None:
        """End all fetches, now and later; calling it again does nothing."""
        with self._lock:
            self._event.set()
            sockets = list(self._sockets)
        for connection in sockets:
            # Of the plain socket, because that of TLS would wait for the other side. Closed already is fine.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise if the signal was set.

        Raises:
            Stopped: it was.
        """
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait, unless the signal is set.

        Raises:
            Stopped: it was set, before or meanwhile.
        """
        self._event.wait(seconds)
        self.check()

    def watch(self, connection: socket.socket) -> None:
        """Shut a connection down when the signal is set.

        Raises:
            Stopped: it was set already.
        """
        with self._lock:
            self._sockets.add(connection)
        self.check()
