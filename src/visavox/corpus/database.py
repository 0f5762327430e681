"""How the package opens SQLite files: one writer, many readers, and errors a user can act on.

The catalog and the embedding cache share it. It holds no tables of its own.

Example:
    >>> with translated_errors(Path("x.sqlite"), remedy="Delete it."):
    ...     raise sqlite3.DatabaseError("file is not a database")
    Traceback (most recent call last):
    ...
    visavox.errors.DataError: x.sqlite is damaged (file is not a database). Delete it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.errors import DataError

WAIT_FOR_LOCK_S = 30.0

# SQLite reports a full disk in several ways: ENOSPC as "full", a file size limit or a quota as "I/O error".
FULL_DISK = ("database or disk is full", "disk i/o error")


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open `path` for writing, creating it if needed, with write-ahead logging.

    Transactions are explicit (`BEGIN`, `COMMIT`); a killed process loses at most the transaction it was in.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=WAIT_FOR_LOCK_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # NORMAL: a kill loses nothing, a power cut at most the last transactions; the file is sound after either.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open `path` for reading only; works while a writer writes, and in a folder that cannot be written."""
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=WAIT_FOR_LOCK_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if not path.exists() or (log.exists() and log.stat().st_size > 0):
            raise
        # A write-ahead database needs a -shm file beside it even for reading. Where the folder refuses one and the
        # log is empty, nobody is writing, and the file can be read as it stands.
        connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: commit at the end, roll back if anything at all was raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # Still open only if something was raised; a failed write may have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def translated_errors(path: Path, *, remedy: str) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into a `DataError` of one line.

    Args:
        path: the file, for the message.
        remedy: a sentence on what to do about a damaged file.
    """
    try:
        yield
    except sqlite3.OperationalError as e:
        text = str(e).lower()
        if any(words in text for words in FULL_DISK):
            raise DataError(
                f"No room to write {path} ({e}). Free space and run the same command again: "
                "what was done is kept and skipped."
            ) from e
        if "locked" in text:
            raise DataError(f"{path} is being written by another process. Wait for it to end, or end it.") from e
        if "readonly" in text or "unable to open" in text:
            raise DataError(f"{path} cannot be opened ({e}). Choose a folder that exists and can be written.") from e
        raise DataError(f"{path} cannot be used ({e}). {remedy}") from e
    except sqlite3.DatabaseError as e:
        raise DataError(f"{path} is damaged ({e}). {remedy}") from e
    except OSError as e:
        raise DataError(f"{path} cannot be used ({e}). Choose a folder that exists and can be written.") from e


def remove_database(path: Path) -> None:
    """Delete a database with its write-ahead log; a missing one is no error."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
