"""Failures that belong to the service and not to what was uploaded; each knows its status of HTTP.

Not about how they are written: that is `visavox.web.problems`.

Example:
    >>> error = RefusalError("This service has no gallery. Start it with --gallery.", status=404, code="no_gallery")
    >>> error.status, error.code
    (404, 'no_gallery')
"""

from __future__ import annotations

from collections.abc import Mapping

from visavox.errors import VisavoxError

RETRY_AFTER_S = 1
"""Seconds after which a request that met a busy service should come again."""


class RefusalError(VisavoxError):
    """A request that the service will not or cannot answer.

    Attributes:
        status: of HTTP: 400 to 499, or 503.
        code: a short name for programs: "no_gallery".
        headers: that go with the answer.
    """

    def __init__(self, message: str, *, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        """Store a one-line message with its status and code."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


class UnavailableError(RefusalError):
    """The service is busy, or a part of it is starting again: 503 with Retry-After."""

    def __init__(self, message: str, *, code: str = "unavailable", retry_after_s: int = RETRY_AFTER_S) -> None:
        """Store a one-line message and when to try again, in whole seconds."""
        super().__init__(message, status=503, code=code, headers={"retry-after": str(retry_after_s)})
        self.retry_after_s = retry_after_s
