"""Bearer tokens: a file of names, digests and dates; the tokens themselves are nowhere but with those who use them.

    [{"name": "lab", "sha256": "...", "created": "2026-11-21T10:00:00+00:00", "expires": "2027-11-21T10:00:00+00:00"}]

The file is read again whenever it changes: who is taken out of it is out at once.

Example:
    token = add_token(Path("tokens.json"), "lab", days=365.0)
    TokenFile(Path("tokens.json")).check(token).name        # 'lab'
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visavox.errors import ConfigError, DataError
from visavox.media.files import write_whole
from visavox.web.service_errors import RefusalError

PREFIX = "vv_"
"""Begins every token, so that programs that look for leaked secrets find them."""
TOKEN_BYTES = 32
MAX_TOKEN = 512
"""Characters; what is longer is none of ours and is not even hashed."""
FIELDS = frozenset({"name", "sha256", "created", "expires"})


@dataclass(frozen=True)
class Token:
    """What the file knows of a token."""

    name: str
    """Who uses it."""
    sha256: str
    """Digest of the token, 64 hexadecimal digits."""
    created: str
    """When it was made, UTC, ISO 8601."""
    expires: str
    """When it ends, UTC, ISO 8601."""

    @property
    def ends(self) -> datetime.datetime:
        """When it ends."""
        return datetime.datetime.fromisoformat(self.expires)


def digest(token: str) -> str:
    """Return the SHA-256 of a token, in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def add_token(path: Path, name: str, *, days: float) -> str:
    """Make a token, add it to a file that may not exist yet, and return it: nobody can read it there again.

    Args:
        path: the file; it is made readable for its owner alone.
        name: who will use it; not yet in the file.
        days: until it expires, above 0.

    Raises:
        ConfigError: the name is in the file already, or the time is beyond the calendar.
        DataError: the file is no file of tokens.
        OSError: it cannot be written.
    """
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    now = datetime.datetime.now(datetime.UTC)
    try:
        ends = now + datetime.timedelta(days=days)
    except OverflowError as error:
        raise ConfigError(f"`token_days` must end before the year 9999. Got {days:g}.") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(path.parent):
        known = read_tokens(path) if path.exists() else ()
        if name in {one.name for one in known}:
            raise ConfigError(f"{path} has a token {name!r}. Choose another name, or take it out of the file.")
        made = Token(name, digest(token), now.isoformat(timespec="seconds"), ends.isoformat(timespec="seconds"))
        rows = [asdict(one) for one in (*known, made)]
        previous = os.umask(0o077)
        try:
            write_whole(path, (json.dumps(rows, indent=2) + "\n").encode())
        finally:
            os.umask(previous)
    return token


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return what a file of tokens holds.

    Raises:
        DataError: it is missing, or is no file of tokens.
    """
    remedy = f"Make a token with: visavox serve --tokens {path} --new-token NAME"
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file of tokens. {remedy}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} must be a file of tokens. It cannot be read ({error}). {remedy}") from error
    if not isinstance(rows, list) or not all(_is_token(row) for row in rows):
        raise DataError(f"{path} must be a list of {', '.join(sorted(FIELDS))}. Got something else. {remedy}")
    return tuple(Token(**row) for row in rows)


class TokenFile:
    """Checks tokens against a file, which is read again when it changes.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            DataError: it is missing, or is no file of tokens.
        """
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._known: tuple[Token, ...] = ()
        self.known()

    def known(self) -> Sequence[Token]:
        """Return what the file holds now; while it cannot be read, nobody is known.

        Raises:
            DataError: it is missing, or is no file of tokens.
        """
        with self._lock:
            try:
                found = self.path.stat()
                stamp: tuple[int, ...] = (found.st_ino, found.st_mtime_ns, found.st_size)
            except OSError:
                stamp = ()
            if stamp != self._stamp or not stamp:
                self._stamp, self._known = (), read_tokens(self.path)
                self._stamp = stamp
            return self._known

    def check(self, token: str) -> Token:
        """Return whose token it is.

        Raises:
            RefusalError: 401; unknown, or expired.
            DataError: the file cannot be read any more.
        """
        return self.check_digest(digest(token) if len(token) <= MAX_TOKEN else "")

    def check_digest(self, found: str) -> Token:
        """Return whose digest it is, with the errors of `check`; the time it takes tells nothing about the file."""
        match: Token | None = None
        for one in self.known():
            if hmac.compare_digest(one.sha256.encode(), found.encode()):
                match = one
        if match is None:
            raise refused("The token is not known here. Ask whoever runs the service for one.", "unknown_token")
        if match.ends <= datetime.datetime.now(datetime.UTC):
            raise refused(
                f"The token {match.name!r} expired on {match.ends:%Y-%m-%d at %H:%M} UTC. Ask for a new one.",
                "expired_token",
            )
        return match


def refused(message: str, code: str) -> RefusalError:
    """Return the refusal of a request without a token that is good."""
    error = "" if code == "no_token" else ', error="invalid_token"'
    return RefusalError(message, status=401, code=code, headers={"www-authenticate": f'Bearer realm="visavox"{error}'})


def _is_token(row: Any) -> bool:
    if not isinstance(row, dict) or set(row) != FIELDS or not all(isinstance(value, str) for value in row.values()):
        return False
    try:
        return Token(**row).ends.tzinfo is not None and len(bytes.fromhex(row["sha256"])) == 32
    except ValueError:
        return False


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, so that two who add a token at once lose neither."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
