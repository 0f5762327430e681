"""Writing a file so that a kill or a full disk leaves the old one or the new one, never a half.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "new" / "x.txt"
    >>> with atomic_file(path, what="note") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('whole', 1)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.errors import DataError


@contextmanager
def atomic_file(path: Path, *, what: str) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place when the block ends without an error.

    Args:
        path: the file to write; its folder is created.
        what: what the file is, for the message.

    Raises:
        DataError: it cannot be written (a full disk, a read-only folder, a folder in the way); the temporary file is
            removed. Errors of other kinds pass unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as e:
        said = e.strerror or e  # without the temporary name
        raise DataError(f"Cannot write the {what} {path}: {said}. Free space or choose another folder.") from e
    finally:
        # Removing must not hide what went wrong: where a file is in place of the folder it fails as well.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
