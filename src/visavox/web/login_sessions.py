"""Who has logged in with a browser: a random name in a cookie stands for a token, which itself is in no cookie.

A session lives as long as the token is in its file and has not expired, and no longer than the service runs.

Example:
    >>> sessions = LoginSessions()
    >>> sessions.digest_of(sessions.open("ab" * 32)) == "ab" * 32
    True
"""

from __future__ import annotations

import hashlib
import secrets
import threading

COOKIE = "visavox_session"
MAX_SESSIONS = 10_000
"""Sessions that are remembered; the oldest goes for the next."""


class LoginSessions:
    """Names of cookies to digests of tokens."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = threading.Lock()
        self._digests: dict[str, str] = {}

    def open(self, digest: str) -> str:
        """Return the value of a new cookie that stands for the token of a digest."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._digests) >= MAX_SESSIONS:
                del self._digests[next(iter(self._digests))]
            self._digests[_key(name)] = digest
        return name

    def digest_of(self, cookie: str) -> str | None:
        """Return the digest that a cookie stands for, None where it stands for nothing."""
        return self._digests.get(_key(cookie))

    def close(self, cookie: str) -> None:
        """Forget a cookie."""
        with self._lock:
            self._digests.pop(_key(cookie), None)


def _key(cookie: str) -> str:
    """Return what a cookie is looked up by; a digest, so that the time of a look-up tells nothing of the others."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
