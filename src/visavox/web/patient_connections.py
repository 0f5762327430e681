"""Connections that are opened and then say nothing, or say it letter by letter, are closed in time.

Requests whose head has arrived are the affair of `visavox.web.limits`; before that no application knows of them, and
uvicorn itself waits for ever.

Example:
    uvicorn.Config(app, http=PatientProtocol)
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
"""Seconds in which the head of a request must arrive on a connection that has none under way."""
MAX_CONNECTIONS = 800
"""Open connections; a process may have 1024 files on most systems, and one connection is one."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, with patience that ends."""

    _timer: asyncio.TimerHandle | None = None
    _seen: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch a connection, or close it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._seen = self.cycle
        self._timer = self.loop.call_later(HEAD_S, self._look)

    def _look(self) -> None:
        """Close the connection where nothing is under way and nothing new has come since the last look."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # a websocket has taken it over
            return
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is self._seen:
            self.transport.close()
        else:
            self._watch()
