"""Fetches the videos of the next clips while the present one is prepared.

Threads, since they wait for servers; few, and few clips ahead, so that neither servers nor the disk are flooded. Clips
come as they are ready: those with files at hand at once, in the order of the source, the others as their fetches end.

Example (needs a server):
    with closing(fetch_ahead(source, fetcher, n_threads=4)) as clips:
        for clip in clips:
            clip.path, clip.problem
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from visavox.corpus.sources.base import ClipRecord
from visavox.errors import MediaError, VisavoxError
from visavox.media.fetching.addresses import shown_url
from visavox.media.fetching.fetcher import Fetcher
from visavox.media.fetching.stop_signal import Stopped, StopSignal
from visavox.pipeline.clip_failures import named_failure

AHEAD = 4
"""Clips that are on their way or wait to be prepared, at most, in parts of the threads."""
END_WITHIN_S = 5.0
"""How long an ended run waits for its threads; one that looks a name up cannot be woken, and is left behind."""


@dataclass(frozen=True)
class FetchedClip:
    """A clip whose video is at hand, or could not be fetched."""

    record: ClipRecord
    """As the source gave it."""
    path: Path | None = None
    """The video that its address named; None where it has no address or the fetch failed."""
    begin_s: float = 0.0
    """Second of the video at which the file begins."""
    is_temporary: bool = False
    """The file was fetched for this clip, and may be removed after it."""
    problem: MediaError | None = None
    """Why the fetch failed."""


@dataclass(frozen=True)
class _Broken:
    """What no clip is to blame for."""

    error: BaseException


def fetch_ahead(
    records: Iterable[ClipRecord], fetcher: Fetcher, *, n_threads: int
) -> Generator[FetchedClip, None, None]:
    """Yield every clip once, with its video.

    Args:
        records: taken one by one, in this thread, `AHEAD * n_threads` ahead at most.
        fetcher: brings the videos.
        n_threads: videos fetched at a time, 1 or more.

    Yields:
        Clips without an address, and those whose record has a problem already, as they come; the others with a file or
        a problem, in the order in which they are ready.

    Raises:
        ValueError: `n_threads` is less than 1.
        MissingDependencyError: what fetches an address is not installed.
        OSError: the folder for the videos cannot be written.

    Edges:
        Closed, or left by an exception or Ctrl-C, it ends the threads: what they were fetching is removed, and so is
        what they had fetched for clips that were not taken.
    """
    if n_threads < 1:
        raise ValueError(f"`n_threads` must be at least 1. Got {n_threads}.")
    return _fetched(records, fetcher, n_threads)


def _fetched(records: Iterable[ClipRecord], fetcher: Fetcher, n_threads: int) -> Generator[FetchedClip, None, None]:
    crew = _Crew(fetcher, n_threads)
    try:
        for record in records:
            if record.problem is not None or not record.address:
                yield FetchedClip(record)
                continue
            crew.send(record)
            while crew.n_away >= AHEAD * n_threads or crew.has_ready():
                yield crew.take()
        while crew.n_away:
            yield crew.take()
    finally:
        crew.end()


class _Crew:
    """Threads that fetch. Only the thread that made them sends and takes."""

    def __init__(self, fetcher: Fetcher, n_threads: int) -> None:
        self.n_away = 0
        """Clips that were sent and not taken."""
        self._fetcher = fetcher
        self._n_threads = n_threads
        self._stop = StopSignal()
        self._jobs: queue.SimpleQueue[ClipRecord | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[FetchedClip | _Broken] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def send(self, record: ClipRecord) -> None:
        """Have a clip fetched."""
        if len(self._threads) < self._n_threads:
            # Daemons, so that one that cannot be woken does not keep a program from ending.
            thread = threading.Thread(target=self._work, name=f"fetch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self.n_away += 1
        self._jobs.put(record)

    def has_ready(self) -> bool:
        """Whether `take` would not wait."""
        return not self._ready.empty()

    def take(self) -> FetchedClip:
        """Return the next clip that is ready, or raise what stopped its thread."""
        clip = self._ready.get()
        self.n_away -= 1
        if isinstance(clip, _Broken):
            raise clip.error
        return clip

    def end(self) -> None:
        """End the threads and remove what nobody will take."""
        self._stop.set()
        for _ in self._threads:
            self._jobs.put(None)
        until_s = time.monotonic() + END_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        while self.has_ready():
            _discard(self._ready.get())

    def _work(self) -> None:
        while (record := self._jobs.get()) is not None:
            clip: FetchedClip | _Broken = _Broken(RuntimeError("A thread that fetches was lost; it has said why."))
            try:
                clip = self._fetch(record)
            except Stopped:
                clip = _Broken(KeyboardInterrupt())
            except (VisavoxError, OSError) as error:
                clip = _Broken(error)
            finally:  # also where the thread dies, since somebody waits
                if self._stop.is_set():  # too late for `end` to see it
                    _discard(clip)
                else:
                    self._ready.put(clip)

    def _fetch(self, record: ClipRecord) -> FetchedClip:
        # Of what is no whole video the times are no positions.
        start_s, end_s = (record.start_s, record.end_s) if record.is_whole_video else (None, None)
        fetch = partial(self._fetcher.fetch, record.address, start_s=start_s, end_s=end_s, stop=self._stop)
        try:
            # A library that stumbles over this one video would do so in every run.
            media = named_failure(fetch, at=shown_url(record.address), passed=(VisavoxError, OSError, Stopped))
        except MediaError as error:
            return FetchedClip(record, problem=error)
        return FetchedClip(record, media.path, media.begin_s, media.is_temporary)


def _discard(clip: FetchedClip | _Broken) -> None:
    if isinstance(clip, FetchedClip) and clip.is_temporary and clip.path is not None:
        clip.path.unlink(missing_ok=True)
