"""A media file on disk: is it there to be read, does it stay as it is meanwhile, and written whole or not at all.

Not about what a file holds: `audio`, `images` and `video` know that.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "face.jpg", b"bytes of a face")
    ...     sorted(p.name for p in Path(folder).iterdir())
    ['face.jpg']
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from visavox.errors import MediaError

BOX_KINDS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"styp", b"sidx"})
"""Kinds of the outermost boxes of MP4 and QuickTime files."""
ALONE: Mapping[str, str] = {"protocol_whitelist": "none"}
"""Options for `av.open` of a file that is read. A playlist, a concat script or a session description may be called
talk.mp4, and ffmpeg would open the files, addresses and ports that it names, and wait for them: none is opened."""

MAX_SHOWN = 200  # characters of a path that is too long


def check_file(path: Path, what: str) -> None:
    """Raise unless `path` is a regular file that holds at least one byte and may be read.

    Args:
        path: the file.
        what: what it should hold, for the message and the status: "audio", "image" or "video".

    Raises:
        MediaError: status `missing_file` (nothing there, a folder, a name that is too long), `empty_file` (0 bytes), or
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
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        shown = f"{str(path)[:MAX_SHOWN]}..."
        raise MediaError(
            f"{shown}: no file can have so long a name. Correct the path.", status="missing_file"
        ) from error
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


@contextlib.contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Raise where a file is written to while the block reads it, whatever else went wrong in there with the file.

    Args:
        path: a file that exists.

    Raises:
        MediaError: status `growing_file`: its size or time of change is another after the block than before.
    """
    before = _stamp(path)
    problem: MediaError | None = None
    try:
        yield
    except MediaError as error:
        problem = error
    after = _stamp(path)
    if after != before:
        raise MediaError(
            f"{path}: the file was written to while it was read ({before[0]} bytes before, {after[0]} after). "
            "Wait until it is whole.",
            status="growing_file",
        ) from problem
    if problem is not None:
        raise problem


def _stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds; both 0 for a file that has gone."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def missing_bytes(path: Path) -> int:
    r"""Return how far the outermost boxes of an MP4 reach beyond the end of the file; 0 for whole or other files.

    Args:
        path: a file that may be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "cut.mp4").write_bytes(b"\0\0\0\x20ftypmp42" + bytes(10))
        ...     missing_bytes(Path(folder) / "cut.mp4")
        22
        10
    """
    length = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at + 8 <= length:
            file.seek(at)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if kind not in BOX_KINDS:
                return 0
            if size == 1:  # the size is too large for four bytes and follows
                size = int.from_bytes(header[8:16], "big")
            if size < 8:  # 0: up to the end of the file
                return 0
            at += size
    return max(0, at - length)


def unreadable(path: Path, what: str, reason: str) -> MediaError:
    """Return the error for a stream that cannot be decoded: its file is cut short, or else `reason`.

    Args:
        path: the file.
        what: "audio" or "video".
        reason: why, in a few words.
    """
    missing = missing_bytes(path)
    if missing:
        return MediaError(
            f"{path}: the file is cut short, at least {missing} bytes are missing at its end. Fetch it again.",
            status="truncated",
        )
    words = "sound" if what == "audio" else "picture"
    return MediaError(
        f"{path}: no {words} can be decoded ({reason}). Convert the file or drop it.", status=f"unreadable_{what}"
    )
