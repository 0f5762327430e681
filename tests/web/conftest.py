"""A real browser for the pages and the game, and real servers on this machine for it to look at.

    def test_the_page_opens(served: Serve, page_at: PageAt) -> None:
        page = page_at(served(app), width=390, height=800)
        page.get_by_role("button", name="Play").click()

A page fails its test where anything is asked of another machine, or something goes wrong inside the page. The browser
lives as long as a module of tests: while it does, Playwright's event loop runs in the thread of the tests, so such a
module must not call `asyncio.run`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from visavox.identification_config import EnrollConfig
from visavox.retrieval_config import GalleryBuildConfig
from visavox.service_config import ServeConfig
from visavox.world.people import make_person
from visavox.world.voices.synthetic_voices import Take, speak

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-device-for-media-stream",  # a microphone that plays a file
    "--use-fake-ui-for-media-stream",  # that may be used without a question
)
LOCAL_SCHEMES = ("data", "blob", "about")
START_S = 60.0  # longest start of a server
PATIENCE_MS = 15_000  # longest wait for anything on a page


class PageAt(Protocol):
    """Opens pages."""

    def __call__(self, url: str, *, width: int = ..., height: int = ..., allowed: Sequence[str] = ...) -> Any:
        """Return a Playwright page that shows `url`; errors that hold a text of `allowed` do not fail the test."""


class Serve(Protocol):
    """Serves applications."""

    def __call__(self, app: Any) -> str:
        """Return the address, without a slash at its end, at which an ASGI application is served."""


@dataclass
class Watched:
    """What one page asked for and complained of."""

    requests: list[str] = field(default_factory=list)
    """Addresses of every request, web sockets included."""
    complaints: list[str] = field(default_factory=list)
    """Errors of the page and of its console."""

    def listen(self, page: Any) -> None:
        """Hear what a page does, from before its first request."""
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def foreign(self) -> list[str]:
        """Return the requests that were for another machine."""
        return [url for url in self.requests if not is_local(url)]


def is_local(url: str) -> bool:
    """Return whether a request stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in LOCAL_SCHEMES or parts.hostname == "127.0.0.1"


@pytest.fixture(scope="session")
def spoken_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV of 4 s of a made-up person; the browser's microphone plays it over and over."""
    path = tmp_path_factory.mktemp("microphone") / "voice.wav"
    voice = speak(make_person(0, seed=0).voice, Take(duration_s=4.0), np.random.default_rng(0))
    soundfile.write(path, voice, 16_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def browser(spoken_wav: Path) -> Iterator[Any]:
    """Chromium without a window, under Playwright; the test is skipped where either is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    program = CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    options = [*CHROMIUM_OPTIONS, f"--use-file-for-fake-audio-capture={spoken_wav}"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def page_at(browser: Any) -> Iterator[PageAt]:
    """Open pages that fail the test where they ask another machine for anything, or an error occurs in them."""
    yield from opened_pages(browser)


def opened_pages(browser: Any) -> Iterator[PageAt]:
    """Give a function that opens pages; then close them and check what they did."""
    opened: list[tuple[Any, Watched, tuple[str, ...]]] = []

    def open_page(url: str, *, width: int = 1280, height: int = 900, allowed: Sequence[str] = ()) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            permissions=["microphone"],
            has_touch=width < 600,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watched = Watched()
        watched.listen(page)
        opened.append((context, watched, tuple(allowed)))
        page.goto(url)
        return page

    yield open_page
    for context, _, _ in opened:
        context.close()
    for _, watched, allowed in opened:
        assert watched.requests, "the page asked for nothing: the browser was not listened to"
        assert not watched.foreign(), f"requests left this machine: {watched.foreign()}"
        complaints = [said for said in watched.complaints if not any(text in said for text in allowed)]
        assert not complaints, f"errors in the page: {complaints}"


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread, at a free port of this machine, while the block runs."""
    import uvicorn

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), what="the server's start")
        assert server.started, "the server ended while it started"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def served() -> Iterator[Serve]:
    """Serve applications from threads until the module of tests ends."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))


@contextlib.contextmanager
def serving_command(*options: str, folder: Path) -> Iterator[str]:
    """Run `visavox serve` with these options as a process of its own while the block runs; give its address.

    Args:
        options: of the command, without the port.
        folder: where it runs; its output goes to serve.log in it.
    """
    port = free_port()
    command = [sys.executable, "-m", "visavox", "serve", "--port", str(port), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    log_path = folder / "serve.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or answers(f"{url}/healthz"), what="the server's start")
        assert process.poll() is None, f"the server ended: {log_path.read_text(encoding='utf-8', errors='replace')}"
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the group is the server and its decoders
            process.wait()


@pytest.fixture(scope="module")
def served_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Run `visavox serve` with some options until the module of tests ends; returns its address."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(serving_command(*options, folder=tmp_path_factory.mktemp("served")))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Return whether a server answers at an address, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, OSError):
        return False


def wait_until(is_so: Callable[[], Any], *, what: str, longest_s: float = START_S) -> None:
    """Return as soon as something is so.

    Raises:
        AssertionError: it was not in time.
    """
    end = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < end, f"{what} took longer than {longest_s:g} s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def service_settings(
    small_world: Path, small_embeddings: Path, small_run: Path, tiny_generator: Path, shared_folder: Path
) -> Any:
    """What a service is told that has everything but pages: gallery and people of the small world, a tiny generator."""
    from visavox.pipeline.enrolling import enroll_people
    from visavox.pipeline.gallery.changing import build_gallery

    def make(folder: Path) -> None:
        build_gallery(GalleryBuildConfig(pairs=small_world, out=folder / "gallery", model=str(small_run), workers=1))
        enroll_people(EnrollConfig(embeddings=small_embeddings, out=folder / "people", false_accept=0.2))

    folder = made_once(shared_folder / "service", make)
    return ServeConfig(
        model=str(small_run),
        gallery=folder / "gallery",
        people=folder / "people",
        generator=str(tiny_generator),
        pages=False,
        decoders=1,
        max_faces=6,
    )


@pytest.fixture(scope="session")
def engine(service_settings: Any) -> Iterator[Any]:
    """One engine of these settings for all tests of a process. Change nothing in it."""
    from visavox.web.engine import Engine

    with Engine(service_settings) as started:
        yield started


@pytest.fixture(scope="session")
def client(engine: Any) -> Iterator[Any]:
    """A client of the application around that engine, without a socket."""
    from starlette.testclient import TestClient

    from visavox.web.app import create_app

    app = create_app(engine.settings, engine=engine)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as asking:
        yield asking


@pytest.fixture(scope="session")
def sent(small_world: Path) -> dict[str, Any]:
    """A voice and four faces of the small world: their bytes, and their paths under "paths"."""
    voices, faces = (sorted((small_world / name).iterdir()) for name in ("voices", "faces"))
    chosen = [voices[0], *faces[0:8:2]]
    return {"voice": chosen[0].read_bytes(), "faces": [path.read_bytes() for path in chosen[1:]], "paths": chosen}


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that one of the test processes fills and the others wait for."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder.parent / f"{folder.name}.done").exists():
            folder.mkdir()
            make(folder)
            (folder.parent / f"{folder.name}.done").touch()
    return folder
