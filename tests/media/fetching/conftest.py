"""A server of our own on loopback that behaves as it is told, and small videos for it to serve."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.stop_signal import StopSignal
from visavox.media.fetching.web_client import WebClient

MAX_REQUESTS = 400  # of one test: a client that asks without end fails


@dataclass
class Page:
    """What the server has under one path, and how it gives it."""

    body: bytes = b""
    kind: str = "video/mp4"
    has_ranges: bool = True
    codes: list[int] = field(default_factory=list)
    """Status codes of the first answers; after them it is 200 or 206."""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes of the body after which each connection is cut."""
    n_cuts: int = 1000
    """Connections that are cut, then no more."""
    claimed_length: int | None = None
    """Content-Length that is sent instead of the true one; -1 sends none."""
    wait_s: float = 0.0
    """Wait before the answer."""
    etag: str = ""
    redirect: str = ""
    on_request: Callable[[Server, str], None] | None = None


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    range: str
    headers: dict[str, str]


class Server(ThreadingHTTPServer):
    """Serves `pages` by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self.n_sent = 0
        self.released = threading.Event()
        """Set at the end of the test, so that slow answers do not hold it up."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def give(self, path: str, body: bytes = b"", **page: Any) -> str:
        """Serve a body; return its URL."""
        self.pages[path] = Page(body, **page)
        return self.url(path)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET(is_head=True)

    def do_GET(self, *, is_head: bool = False) -> None:
        path = self.path.partition("?")[0]
        wanted = self.headers.get("Range", "")
        self.server.asked.append(Asked(self.path, wanted, dict(self.headers)))
        page = self.server.pages.get(path)
        if page is None or len(self.server.asked) > MAX_REQUESTS:
            self.send_error(404)
            return
        if page.on_request is not None:
            page.on_request(self.server, wanted)
        if page.wait_s:
            self.server.released.wait(page.wait_s)
        code = page.codes.pop(0) if page.codes else 302 if page.redirect else 200
        if code != 200:
            self.send_response(code)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if page.redirect:
                self.send_header("Location", page.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._send(page, wanted, is_head=is_head)

    def _send(self, page: Page, wanted: str, *, is_head: bool) -> None:
        body, first = page.body, 0
        condition = self.headers.get("If-Range", "")
        if wanted and page.has_ranges and condition in ("", page.etag):
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end) if end else len(body) - 1, len(body) - 1)
            if first >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            body = body[first : last + 1]
        else:
            self.send_response(200)
        self.send_header("Content-Type", page.kind)
        if page.etag:
            self.send_header("ETag", page.etag)
        for name, value in page.headers.items():
            self.send_header(name, value)
        length = len(body) if page.claimed_length is None else page.claimed_length
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if is_head:
            return
        if page.cut_after is not None and len(body) > page.cut_after and page.n_cuts > 0:
            page.n_cuts -= 1
            body = body[: page.cut_after]
        self.server.n_sent += len(body)
        self.wfile.write(body)
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def client() -> WebClient:
    return WebClient(timeout_s=2.0, stop=StopSignal())


@pytest.fixture
def quick() -> FetchSettings:
    """Settings that wait for nothing."""
    return FetchSettings(attempts=3, requests_per_minute=0, timeout_s=2.0, first_wait_s=0.001, max_wait_s=0.01)


@dataclass(frozen=True)
class Film:
    """A video whose frames and sound are known to be all different."""

    path: Path
    data: bytes


def _write_film(
    path: Path,
    *,
    seconds: float = 6.0,
    format: str = "mp4",
    picture: str = "libx264",
    sound: str | None = "aac",
    options: dict[str, str] | None = None,
    n_between: int = 2,
    key_every: int = 20,
) -> Film:
    """Write moving noise of 29.97 frames a second, with B-frames, and a sweep of 48 kHz."""
    rng = np.random.default_rng(0)
    rate, fps = 48_000, Fraction(30_000, 1001)
    with av.open(str(path), "w", format=format, options=options or {}) as container:
        film = container.add_stream(picture, rate=fps)
        film.width, film.height, film.pix_fmt, film.gop_size = 64, 48, "yuv420p", key_every
        film.codec_context.max_b_frames = n_between
        film.codec_context.thread_count = 1
        tone = container.add_stream(sound, rate=rate) if sound else None
        if tone is not None:
            tone.layout = "mono"
        n_sent = 0
        for index in range(round(seconds * fps)):
            image = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            container.mux(film.encode(av.VideoFrame.from_ndarray(image)))
            while tone is not None and n_sent < (index + 1) / fps * rate:
                times = np.arange(n_sent, n_sent + 1024) / rate
                block = 0.5 * np.sin(2 * np.pi * (100 + 10 * times) * times)
                frame = av.AudioFrame.from_ndarray(block[None].astype(np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = rate, n_sent, Fraction(1, rate)
                container.mux(tone.encode(frame))
                n_sent += 1024
        container.mux(film.encode())
        if tone is not None:
            container.mux(tone.encode())
    return Film(path, path.read_bytes())


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Six seconds of MP4."""
    return _write_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="session")
def write_film() -> Callable[..., Film]:
    """Write a film: see `_write_film`."""
    return _write_film


@pytest.fixture(scope="session")
def frames_of() -> Callable[[Path], list[tuple[float, np.ndarray]]]:
    """Every frame of a video with its time from the first moment of the file, the slow way."""

    def frames_of(path: Path) -> list[tuple[float, np.ndarray]]:
        with av.open(str(path)) as container:
            zero_s = (container.start_time or 0) / av.time_base
            return [(frame.time - zero_s, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]

    return frames_of


@pytest.fixture(scope="session")
def sound_of() -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """Times of every sample from the first moment of the file, and the samples."""

    def sound_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
        times, samples = [], []
        with av.open(str(path)) as container:
            zero_s = (container.start_time or 0) / av.time_base
            for frame in container.decode(audio=0):
                block = frame.to_ndarray()[0].astype(float)
                times.append(frame.time - zero_s + np.arange(len(block)) / frame.rate)
                samples.append(block)
        return np.concatenate(times), np.concatenate(samples)

    return sound_of
