"""What a failed request means: the status of its clip, and whether it is worth another try.

Example:
    >>> error = refusal(404, "a.org/v.mp4")
    >>> error.status, isinstance(error, PassingError)
    ('removed', False)
    >>> isinstance(refusal(503, "a.org/v.mp4"), PassingError)
    True
"""

from __future__ import annotations

import email.utils
import errno
import http
import http.client
import socket
import ssl
import time
import urllib.error

from visavox.errors import MediaError, one_line

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk says that is full, or that lets this user write no more."""
NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
"""What a machine says that has no network, or no way to a host."""
TRY_AGAIN = frozenset({408, 425, 429})
"""Codes below 500 that say: later."""
STATUS_OF_CODE = {401: "private", 402: "private", 403: "private", 404: "removed", 410: "removed", 451: "region"}
"""Codes that say what is the case with the video."""
MEANING = {
    "private": "The server does not give it to us: give --cookies of an account that may see it.",
    "removed": "It does not exist any more: drop the row.",
    "region": "It is not shown in this country: drop the row.",
    "unsupported_address": "Nothing here can fetch that: correct the list.",
}


class PassingError(MediaError):
    """A failure that may be over at the next try; status `network`."""

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        """Store the message and the seconds that the server wants us to wait."""
        super().__init__(message, status="network")
        self.wait_s = wait_s


class UnreachedError(PassingError):
    """The host was not reached at all: no network, no such name, nobody there. It costs the host nothing."""


def refusal(code: int, shown: str, *, retry_after: str = "") -> MediaError:
    """Return the error for an HTTP status code that is not a success.

    Args:
        code: of the answer.
        shown: the address, for the message.
        retry_after: the header of that name.
    """
    try:
        words = f"{code} {http.HTTPStatus(code).phrase}"
    except ValueError:
        words = str(code)
    if code >= 500 or code in TRY_AGAIN:
        return PassingError(
            f"{shown}: the server answered {words}. Run prepare again.", wait_s=retry_after_s(retry_after)
        )
    status = STATUS_OF_CODE.get(code, "unsupported_address")
    return MediaError(f"{shown}: the server answered {words}. {MEANING[status]}", status=status)


def retry_after_s(header: str, *, now_s: float | None = None) -> float:
    """Return the seconds of a Retry-After header, 0 where it is missing, past or unreadable.

    Example:
        >>> retry_after_s("7"), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", now_s=20.0), retry_after_s("soon")
        (7.0, 40.0, 0.0)
    """
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, moment.timestamp() - (time.time() if now_s is None else now_s))


def connection_failure(error: Exception, shown: str) -> MediaError:
    """Return the error for a connection that could not be made, broke or timed out.

    Args:
        error: what urllib, http.client or the socket raised.
        shown: the address, for the message.
    """
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        # Another try would meet the same certificate.
        return MediaError(
            f"{shown}: the certificate of the server is not valid ({one_line(cause.verify_message)}). Set the clock "
            "and the certificates of this machine right, and run prepare again.",
            status="network",
        )
    if isinstance(cause, http.client.InvalidURL) or (isinstance(cause, str) and "unknown url type" in cause):
        return MediaError(f"{shown}: {MEANING['unsupported_address']}", status="unsupported_address")
    kind = PassingError
    if isinstance(cause, TimeoutError):
        what = "the server did not answer in time"
    elif isinstance(cause, socket.gaierror):
        what, kind = "its name was not found", UnreachedError
    elif isinstance(cause, ConnectionRefusedError):
        what, kind = "the server refused the connection", UnreachedError
    else:
        what = f"the connection failed ({one_line(str(cause)) or type(cause).__name__})"
        if isinstance(cause, OSError) and cause.errno in NO_WAY:
            kind = UnreachedError
    return kind(f"{shown}: {what}. Run prepare again.")


def disk_failure(error: OSError, shown: str) -> MediaError:
    """Return the error for a file that could not be written, or raise where the disk is broken rather than full.

    Raises:
        OSError: it is not for want of room: every clip would fail alike.
    """
    if error.errno not in NO_ROOM:
        raise error
    return MediaError(
        f"{shown}: no room on the disk for it ({error.strerror}). Free space and run prepare again.", status="disk"
    )
