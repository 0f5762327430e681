"""Clips are fetched a few ahead of their use, and nothing is left behind when the use ends."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from visavox.corpus.sources.base import ClipRecord
from visavox.errors import MediaError, MissingDependencyError
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.fetcher import FetchedMedia, Fetcher
from visavox.media.fetching.stop_signal import StopSignal
from visavox.pipeline.fetching_ahead import AHEAD, FetchedClip, fetch_ahead


class ToldFetcher(Fetcher):
    """Fetches as it is told, and counts."""

    def __init__(self, folder: Path, act: Callable[[str, StopSignal], None] = lambda *_: None) -> None:
        super().__init__(folder, FetchSettings())
        folder.mkdir(exist_ok=True)
        self.act = act
        self.asked: list[tuple[str, float | None, float | None]] = []
        self.n_at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()

    def fetch(
        self, address: str, *, start_s: float | None = None, end_s: float | None = None, stop: StopSignal | None = None
    ) -> FetchedMedia:
        assert stop is not None
        with self.lock:
            self.asked.append((address, start_s, end_s))
            self.n_at_once += 1
            self.most_at_once = max(self.most_at_once, self.n_at_once)
        try:
            self.act(address, stop)
        finally:
            with self.lock:
                self.n_at_once -= 1
        path = self.folder / address.replace("/", "_")
        path.write_bytes(b"video")
        return FetchedMedia(path, 1.5, is_temporary=True)


def far(n_clips: int) -> Iterator[ClipRecord]:
    for index in range(n_clips):
        yield ClipRecord(f"c{index}", address=f"youtube:{index}", start_s=float(index), end_s=index + 3.0)


def n_threads_alive() -> int:
    return sum(thread.name.startswith("fetch-") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """After each test none of its threads is alive."""
    before = n_threads_alive()
    yield
    assert n_threads_alive() == before


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n_clips", [0, 1, 40])
def test_every_clip_comes_once(tmp_path: Path, n_threads: int, n_clips: int) -> None:
    clips = list(fetch_ahead(far(n_clips), ToldFetcher(tmp_path / "d"), n_threads=n_threads))
    assert Counter(clip.record.clip for clip in clips) == Counter(f"c{index}" for index in range(n_clips))
    for clip in clips:
        assert clip.path is not None and clip.path.read_bytes() == b"video"
        assert (clip.begin_s, clip.is_temporary, clip.problem) == (1.5, True, None)


def test_clips_at_hand_and_those_with_a_problem_pass_in_their_order(tmp_path: Path) -> None:
    fetcher = ToldFetcher(tmp_path / "d")
    records = [
        ClipRecord("near", face_path=tmp_path, voice_path=tmp_path),
        ClipRecord("broken", address="youtube:1", problem=("malformed_row", "row 3")),
        ClipRecord("near too", face_path=tmp_path),
    ]
    assert list(fetch_ahead(records, fetcher, n_threads=2)) == [FetchedClip(record) for record in records]
    assert fetcher.asked == []


def test_only_the_times_of_a_whole_video_are_a_section(tmp_path: Path) -> None:
    fetcher = ToldFetcher(tmp_path / "d")
    records = [ClipRecord(str(w), address=str(w), start_s=1.0, end_s=2.0, is_whole_video=w) for w in (True, False)]
    list(fetch_ahead(records, fetcher, n_threads=1))
    assert fetcher.asked == [("True", 1.0, 2.0), ("False", None, None)]


def test_a_failed_fetch_is_a_clip_with_a_problem(tmp_path: Path) -> None:
    def fail(address: str, stop: StopSignal) -> None:
        if address == "youtube:2":
            raise MediaError("gone", status="removed")

    clips = {c.record.clip: c for c in fetch_ahead(far(4), ToldFetcher(tmp_path / "d", fail), n_threads=2)}
    problem = clips["c2"].problem
    assert problem is not None and problem.status == "removed"
    assert clips["c2"].path is None and not clips["c2"].is_temporary
    assert all(clips[name].problem is None for name in ("c0", "c1", "c3"))


def test_a_library_that_stumbles_over_one_video_leaves_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    """A segment at 1e300 s was too much for the demuxer's numbers: the OverflowError ended the run, and so did it in
    every run after it, at the same clip.
    """

    def fail(address: str, stop: StopSignal) -> None:
        if address == "youtube:2":
            raise OverflowError("int too large\nto convert")

    clips = {c.record.clip: c for c in fetch_ahead(far(4), ToldFetcher(tmp_path / "d", fail), n_threads=2)}
    problem = clips["c2"].problem
    assert problem is not None and problem.status == "unexpected_error"
    assert str(problem) == "youtube:2: OverflowError: int too large to convert"
    assert all(clips[name].problem is None for name in ("c0", "c1", "c3"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_lost_ends_the_run_instead_of_leaving_it_to_wait(tmp_path: Path) -> None:
    def fail(address: str, stop: StopSignal) -> None:
        raise GeneratorExit

    with pytest.raises(RuntimeError, match="A thread that fetches was lost"):
        list(fetch_ahead(far(50), ToldFetcher(tmp_path / "d", fail), n_threads=2))


@pytest.mark.parametrize("error", [MissingDependencyError("pip install"), OSError("read-only")])
def test_what_no_clip_is_to_blame_for_stops_the_run(tmp_path: Path, error: Exception) -> None:
    def fail(address: str, stop: StopSignal) -> None:
        raise error

    with pytest.raises(type(error)):
        list(fetch_ahead(far(50), ToldFetcher(tmp_path / "d", fail), n_threads=2))
    assert list((tmp_path / "d").iterdir()) == []


def test_nothing_happens_before_the_first_clip_is_asked_for(tmp_path: Path) -> None:
    def never() -> Iterator[ClipRecord]:
        raise AssertionError("a record was taken")
        yield

    fetch_ahead(never(), ToldFetcher(tmp_path / "d"), n_threads=2)
    with pytest.raises(ValueError, match="at least 1"):
        fetch_ahead(never(), ToldFetcher(tmp_path / "d"), n_threads=0)


def test_it_is_few_clips_ahead_and_few_threads_wide(tmp_path: Path) -> None:
    """The records are taken in the thread that asks for clips, since a source may be bound to it."""
    n_taken, n_given, here = 0, 0, threading.get_ident()

    def records() -> Iterator[ClipRecord]:
        nonlocal n_taken
        for record in far(200):
            assert threading.get_ident() == here
            n_taken += 1
            assert n_taken - n_given <= AHEAD * 2 + 1
            yield record

    fetcher = ToldFetcher(tmp_path / "d", lambda *_: time.sleep(0.001))
    for _ in fetch_ahead(records(), fetcher, n_threads=2):
        n_given += 1
    assert n_given == 200
    assert fetcher.most_at_once == 2


def test_a_slow_fetch_does_not_hold_up_what_is_ready(tmp_path: Path) -> None:
    released = threading.Event()

    def act(address: str, stop: StopSignal) -> None:
        if address == "youtube:0":
            assert released.wait(5)

    clips = fetch_ahead(far(6), ToldFetcher(tmp_path / "d", act), n_threads=2)
    first = [next(clips).record.clip for _ in range(5)]
    released.set()
    assert sorted(first) == ["c1", "c2", "c3", "c4", "c5"]
    assert [clip.record.clip for clip in clips] == ["c0"]


@pytest.mark.parametrize("how", ["closed", "exception", "forgotten"])
def test_when_it_is_left_threads_end_and_files_go(tmp_path: Path, how: str) -> None:
    def wait(address: str, stop: StopSignal) -> None:
        if address not in ("youtube:0", "youtube:1"):
            stop.sleep(60)

    began_s = time.monotonic()
    clips = fetch_ahead(far(50), ToldFetcher(tmp_path / "d", wait), n_threads=3)
    taken = next(clips)
    if how == "closed":
        clips.close()
    elif how == "exception":
        with pytest.raises(KeyboardInterrupt), closing(clips):
            raise KeyboardInterrupt
    else:
        del clips
        gc.collect()
    assert time.monotonic() - began_s < 20  # the fetches would wait for 60; a collection alone takes a second
    assert list((tmp_path / "d").iterdir()) == [taken.path]


def test_a_source_that_fails_ends_the_threads_too(tmp_path: Path) -> None:
    def records() -> Iterator[ClipRecord]:
        yield from far(3)
        raise LookupError("the list is broken")

    with pytest.raises(LookupError):
        list(fetch_ahead(records(), ToldFetcher(tmp_path / "d", lambda _, stop: stop.sleep(60)), n_threads=2))


def test_one_fetcher_serves_run_after_run(tmp_path: Path) -> None:
    fetcher = ToldFetcher(tmp_path / "d")
    for _ in range(2):
        with closing(fetch_ahead(far(9), fetcher, n_threads=2)) as clips:
            next(clips)
    assert len(list(fetch_ahead(far(9), fetcher, n_threads=2))) == 9


def test_over_a_real_server_on_loopback(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    for index in range(5):
        (tmp_path / "site" / f"-{index} é.mp4").write_bytes(bytes([0, index]) * 1000)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    SimpleHTTPRequestHandler.log_message = lambda *_: None  # type: ignore[method-assign,assignment]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        records = [ClipRecord(str(index), address=f"{base}/-{index} é.mp4") for index in range(6)]
        settings = FetchSettings(requests_per_minute=0, attempts=2, first_wait_s=0.001)
        clips = {c.record.clip: c for c in fetch_ahead(records, Fetcher(tmp_path / "d", settings), n_threads=3)}
        server.shutdown()
        thread.join(5)
    for index in range(5):
        path = clips[str(index)].path
        assert path is not None and path.read_bytes() == bytes([0, index]) * 1000
    problem = clips["5"].problem
    assert problem is not None and problem.status == "removed"
