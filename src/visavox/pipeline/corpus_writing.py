"""Putting a prepared clip into its corpus: its files under their final names, then its rows in one transaction.

One process does this, whatever prepared the clips. A kill between the two leaves files that no row names; the same
clip, prepared again, replaces them with the same bytes.

Example:
    writer = CorpusWriter(Path("corpus"), catalog)
    writer.add(prepared)
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from visavox.corpus.catalog import Catalog
from visavox.corpus.items import MODALITIES, OK, MediaItem
from visavox.corpus.statuses import TRANSIENT
from visavox.errors import DataError
from visavox.pipeline.clip_failures import NO_ROOM
from visavox.pipeline.clip_preparation import PreparedClip

UNFINISHED = ".unfinished"
LOCK = ".lock"
DOWNLOADS = "downloads"
MEDIA_FOLDERS = ("faces", "voices")
MAX_CLIPS_WITHOUT_ROOM = 20
OUT_OF_REACH = TRANSIENT | {"missing_file", "removed", "private", "region", "age", "too_large", "not_a_video"}
"""Statuses of a clip whose media could not be looked at."""


class CorpusWriter:
    """Adds clips to the folder and the catalog of a corpus.

    Args:
        corpus: the folder.
        catalog: open for writing.
        redo: clips that are in the catalog and are prepared anew.
    """

    def __init__(self, corpus: Path, catalog: Catalog, redo: frozenset[str] = frozenset()) -> None:
        """Store the arguments."""
        self.corpus = corpus
        self.catalog = catalog
        self.redo = redo
        self._n_without_room = 0

    def add(self, prepared: PreparedClip) -> None:
        """Add a clip.

        Raises:
            OSError: the disk is broken or read-only.
            DataError: the catalog cannot be written, or one clip after the other finds no room on the disk.
        """
        prepared = self._in_place(prepared)
        clip = prepared.job.record.clip
        before = [item for item in self.catalog.find(clip) if item.clip == clip] if clip in self.redo else []
        items = _with_what_was_good(before, prepared.items)
        self.catalog.add_clip(items, replace=clip in self.redo)
        for path in {item.path for item in before} - {item.path for item in items} - {None}:
            (self.corpus / str(path)).unlink(missing_ok=True)
        if prepared.job.is_temporary and prepared.job.fetched is not None:
            prepared.job.fetched.unlink(missing_ok=True)
        self._watch_the_disk(prepared)

    def _in_place(self, prepared: PreparedClip) -> PreparedClip:
        """Give files their final names; a clip for which there is no room becomes rows that say so."""
        try:
            for name, final in prepared.files:
                (self.corpus / UNFINISHED / name).replace(self.corpus / final)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            reason = f"there was no room on the disk for its files ({error.strerror})."
            rows = tuple(
                replace(item, status="disk", reason=reason, path=None, digest=None, quality={})
                if item.status == OK
                else item
                for item in prepared.items
            )
            return replace(prepared, items=rows, files=())
        return prepared

    def _watch_the_disk(self, prepared: PreparedClip) -> None:
        has_room = not any(item.status == "disk" for item in prepared.items)
        self._n_without_room = 0 if has_room else self._n_without_room + 1
        if self._n_without_room == MAX_CLIPS_WITHOUT_ROOM:
            raise DataError(
                f"The disk of {self.corpus} is full: {MAX_CLIPS_WITHOUT_ROOM} clips in a row found no room. Free space "
                "and run the same command again: what was done is kept, and these clips are tried again."
            )


def _with_what_was_good(before: Sequence[MediaItem], items: Sequence[MediaItem]) -> list[MediaItem]:
    """Return the new rows of a clip, but the old ones of a modality that was good and whose files are out of reach now.

    What is out of reach says nothing about the face or the voice that is there already.
    """
    kept: list[MediaItem] = []
    for modality in MODALITIES:
        old = [item for item in before if item.modality == modality]
        new = [item for item in items if item.modality == modality]
        is_lost = bool(new) and all(item.status in OUT_OF_REACH for item in new)
        kept += old if is_lost and any(item.status == OK for item in old) else new
    return kept


def clear_unfinished(corpus: Path) -> Path:
    """Remove what a run that was killed left half done, and return the empty folder for work in progress."""
    folder = corpus / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def sole_writer(corpus: Path) -> Iterator[None]:
    """Hold the corpus for this process; the system lets go of it however the process ends.

    Raises:
        DataError: another process is preparing into it.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows, where nothing is held
        yield
        return
    with (corpus / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                f"{corpus} is being written by another `prepare`. Wait for it to end, end it, or choose another folder."
            ) from error
        yield
