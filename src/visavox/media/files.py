"""A media file on disk: is it there to be read, and written whole or not at all.

Not about formats: `audio`, `images` and `video` know those.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "face.jpg", b"bytes of a face")
    ...     sorted(p.name for p in Path(folder).iterdir())
    ['face.jpg']
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from visavox.errors import MediaError


def check_file(path: Path, what: str) -> None:
    """Raise unless `path` is a regular file that holds at least one byte and may be read.

    Args:
        path: the file.
        what: what it should hold, for the message and the status: "audio", "image" or "video".

    Raises:
        MediaError: status `missing_file` (nothing there, or a folder), `empty_file` (0 bytes), or
            `unreadable_audio`, `unreadable_image`, `unreadable_video` (no permission).
    """
    try:
        if not path.is_file():
            problem = "does not exist"
            if path.exists():
                problem = f"is a {'folder' if path.is_dir() else 'device or pipe'}, not a file"
            raise MediaError(f"{path}: the {what} file {problem}. Correct the path.", status="missing_file")
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: the {what} file is empty (0 bytes). Fetch it again.", status="empty_file")
        readable = os.access(path, os.R_OK)
    except (PermissionError, ValueError):  # a closed parent folder; a null byte in the name
        readable = False
    if not readable:
        raise MediaError(
            f"{path!s}: the {what} file may not be read. Give yourself permission to read it.".replace("\0", "\\0"),
            status=f"unreadable_{what}",
        )


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file, the new file, or none, but never a half.

    The bytes go to a temporary file in the same folder that then takes the name; when that fails (a full disk),
    the temporary file is removed.

    Args:
        path: the file to make or to replace; its folder must exist.
        data: its whole content.

    Raises:
        OSError: as the disk reports it (full, read-only, no such folder).
    """
    # A short name of its own, since "<name>.tmp" would pass the 255 bytes of a name that is nearly that long.
    unfinished = path.parent / f".{os.getpid()}-{uuid.uuid4().hex}.tmp"
    try:
        with unfinished.open("xb") as file:
            file.write(data)
        unfinished.replace(path)
    finally:  # also on Ctrl-C: nothing half written may stay; after the rename there is nothing left to remove
        unfinished.unlink(missing_ok=True)
