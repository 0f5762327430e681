"""Files that are on the disk when a call returns: written, synced, and summed, so that a crash can take nothing back.

Names are given last: a file that a manifest names is whole. The order of the steps is the whole point; it is tested
by killing a process at each of them.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "x.bin"
    >>> write_synced(path, [b"a", b"bc"]).n_bytes, file_sum(path) == write_synced(path, [b"abc"])
    (3, True)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from visavox.errors import DataError

BLOCK_BYTES = 1 << 20
PART = ".part"


@dataclass(frozen=True)
class FileSum:
    """Size and checksum of a file."""

    n_bytes: int
    """Its size."""
    sha256: str
    """Of its content, hexadecimal."""


def write_synced(path: Path, parts: Iterable[bytes]) -> FileSum:
    """Write a new file, wait until it is on the disk, and return its sum; an old one is written over.

    Raises:
        OSError: no room, or no permission.
    """
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
            digest.update(part)
            n_bytes += len(part)
        file.flush()
        os.fsync(file.fileno())
    return FileSum(n_bytes, digest.hexdigest())


def replace_synced(path: Path, data: bytes) -> None:
    """Replace a file in one step that a crash leaves undone or done.

    Raises:
        OSError: no room, or no permission; the old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        write_synced(temporary, [data])
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file that something else wrote is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sum(path: Path) -> FileSum:
    """Return size and checksum of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            n_bytes += len(block)
    return FileSum(n_bytes, digest.hexdigest())


@contextmanager
def disk_errors(what: str, path: Path) -> Iterator[None]:
    """Turn a full or forbidden disk into the one line of it.

    Raises:
        DataError: for any `OSError` inside the block.
    """
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise DataError(f"Cannot write the {what} {path}: {said}. Free space or choose another folder.") from error
