"""What visitors give to a page: bytes for the engine, and files of Gradio that do not outlive the visit.

Gradio writes each upload to a file before any code of ours runs. Those files lie in a folder of this process that
nobody else may read; they go when the visitor closes the page, gives another file, or after a quarter of an hour, and
the folder goes with the process. No file is opened but as bytes: decoding is the engine's, in processes of its own.

Example:
    >>> folder = upload_folder()
    >>> folder.is_dir(), oct(folder.stat().st_mode & 0o777)
    (True, '0o700')
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from visavox.errors import ConfigError
from visavox.web.upload_names import shown_name

SWEEP_S, KEEP_S = 60, 900
"""Every so many seconds, files older than so many go: Gradio's own sweep."""
GRADIO_FOLDER = "GRADIO_TEMP_DIR"


@functools.cache
def upload_folder() -> Path:
    """Return the folder of this process for uploads, and tell Gradio of it; it goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="visavox-uploads-"))
    os.environ[GRADIO_FOLDER] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Visits:
    """Which files each visitor has given; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Store the folder, outside of which nothing is removed."""
        self.folder = folder.resolve()
        self._lock = threading.Lock()
        self._given: dict[str, dict[str, frozenset[str]]] = {}

    def give(self, visitor: str, place: str, files: Iterable[str]) -> None:
        """Note the files that a place of a visitor's page holds now, and remove those that it held before.

        Args:
            visitor: of the session.
            place: of the page: "match voice".
            files: all that it holds; none where it was emptied.
        """
        now = frozenset(files)
        with self._lock:
            before = self._given.setdefault(visitor, {}).get(place, frozenset())
            self._given[visitor][place] = now
            gone = before - self._held()
        self._remove(gone)

    def leave(self, visitor: str) -> None:
        """Remove all that a visitor has given."""
        with self._lock:
            places = self._given.pop(visitor, {})
            gone = frozenset[str]().union(*places.values()) - self._held()
        self._remove(gone)

    def _held(self) -> frozenset[str]:
        """Files that anybody still holds: two visitors with the same picture share Gradio's file."""
        return frozenset[str]().union(*(files for places in self._given.values() for files in places.values()))

    def _remove(self, files: Iterable[str]) -> None:
        for name in files:
            path = Path(name).resolve()
            if self.folder in path.parents:
                path.unlink(missing_ok=True)


def read_upload(file: str | None, *, what: str) -> tuple[bytes, str]:
    """Return the bytes of an upload and its name for messages.

    Args:
        file: as Gradio gives it; None where nothing was given.
        what: "a voice", for the message.

    Raises:
        ConfigError: nothing was given, or its file was removed since.

    Edges:
        Who asks without a browser may name any file, and Gradio lets some of them pass: a file outside of
        `upload_folder` is treated as one that is gone.
    """
    if not file:
        raise ConfigError(f"There is no {what} yet. Record or drop one.")
    path = Path(file).resolve()
    try:
        if upload_folder().resolve() not in path.parents:
            raise FileNotFoundError(file)
        return path.read_bytes(), shown_name(path.name, instead=what)
    except OSError as error:
        raise ConfigError(f"The {what} {shown_name(path.name)} is not kept any more. Give it once more.") from error
