"""One writer at a time: the lock of a folder, which the system takes back however a process ends.

Readers need no lock. On a system without `fcntl` nothing is held.

Example:
    with writer_lock(Path("gallery")):
        ...
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.errors import DataError

LOCK_FILE = ".lock"
WAIT_S = 10.0
STEP_S = 0.05


@contextmanager
def writer_lock(folder: Path, *, wait_s: float | None = None) -> Iterator[None]:
    """Hold a folder for writing, after waiting for whoever holds it.

    Args:
        folder: is made if it is missing.
        wait_s: seconds to wait, 0 or more; `WAIT_S` by default.

    Raises:
        DataError: somebody else held it all the time, or the folder cannot be written.
    """
    patience_s = WAIT_S if wait_s is None else wait_s
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK_FILE).open("a")
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror}. Choose another folder.") from error
    with file:
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise DataError(
                        f"{folder} is being written by another process, which did not end within {patience_s:g} s. "
                        "Nothing was changed: run the same command again when it has ended."
                    ) from error
                time.sleep(STEP_S)
        yield
