"""A real service against every hostile file, name and connection: refused in time, alive, and right afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
import httpx
from benchmarks.service_load import Case, hammer
from tests.web.hostile_media import (
    FILE_NAMES,
    Upload,
    hostile_faces,
    hostile_voices,
    playlists,
    portrait,
    voice_file,
)

from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.web.client import ServiceError, VisavoxClient
from visavox.web.problems import MEDIA_TYPE

pytestmark = pytest.mark.slow

SECONDS = 10.0  # that any one of these may take on a busy machine


@pytest.fixture(scope="module")
def url(served_command: Callable[..., str]) -> str:
    return served_command("--model", "world", "--no-pages", "--timeout-s", "20", "--max-voice-s", "60")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A good request with its answer from files, without a service."""
    folder = tmp_path_factory.mktemp("good")
    voice, faces = voice_file(seed=1), (portrait(1), portrait(2))
    for name, data in zip("vab", (voice, *faces), strict=True):
        (folder / name).write_bytes(data)
    outcome = VoiceFaceModel.from_pretrained("world").match(folder / "v", [folder / "a", folder / "b"])
    assert outcome.decided
    similarities = [face.similarity or 0.0 for face in outcome.faces]
    return Case(voice, faces, tuple(p or 0.0 for p in outcome.probabilities), tuple(similarities))


@pytest.fixture
def http(url: str, case: Case) -> Iterator[httpx.Client]:
    """A client of a service that must answer rightly after each test."""
    with httpx.Client(base_url=url, timeout=SECONDS + 20, trust_env=False) as client:
        yield client
    with VisavoxClient(url) as good:
        assert good.match(case.voice, case.faces).probabilities == pytest.approx(case.probabilities, abs=1e-5)
        assert good.health().status == "ok"


def problem_in(response: httpx.Response, name: str) -> dict[str, Any]:
    """The problem that refuses something; it shows nothing of the server."""
    assert 400 <= response.status_code < 500, f"{name}: {response.status_code} {response.text[:300]}"
    assert response.headers["content-type"] == MEDIA_TYPE, name
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert problem["detail"].isprintable(), name
    for secret in ("/proc", "/tmp", "Traceback", "site-packages"):
        assert secret not in response.text, name
    return problem


def post(http: httpx.Client, upload: Upload, field: str, case: Case) -> httpx.Response:
    """Send a file as the voice or the face of a pair whose other half is good."""
    sent = (upload.file_name, upload.data)
    files = {"voice": sent, "face": case.faces[0]} if field == "voice" else {"voice": case.voice, "face": sent}
    start = time.monotonic()
    response = http.post("/v1/verify", files=files)
    assert time.monotonic() - start < SECONDS, upload.name
    return response


@pytest.mark.parametrize("field", ["voice", "face"])
def test_every_hostile_file_is_refused_in_time(http: httpx.Client, case: Case, field: str) -> None:
    for upload in hostile_voices() if field == "voice" else hostile_faces():
        response = post(http, upload, field, case)
        if response.status_code != 200 or not upload.may_pass:
            problem_in(response, upload.name)


def test_tricks_in_names_neither_work_nor_come_back(http: httpx.Client, case: Case) -> None:
    for name in FILE_NAMES:
        response = post(http, Upload("a trick", name, b"no voice"), "voice", case)
        problem_in(response, repr(name[:50]))
        assert "x-injected" not in response.headers
        assert "\u202e" not in response.text
        assert len(response.text) < 2000


def test_nothing_that_a_file_names_is_called(http: httpx.Client, case: Case, tmp_path: Path) -> None:
    calls: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "secret.wav").write_bytes(voice_file())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        for upload in playlists(address, str(tmp_path / "secret.wav")):
            for field in ("voice", "face"):
                problem_in(post(http, upload, field, case), upload.name)
    finally:
        server.shutdown()
        server.server_close()
    assert calls == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"files": {"voice": b"1"}, "data": {"unknown": "1"}}, 422),
        ({"files": {"voice": b"1"}}, 422),
        ({"json": {"voice": "1"}}, 415),
        ({"content": b"junk", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
        ({"files": {"voice": b"1", "face": b"2"}, "data": {"prior": "7"}}, 422),
        ({"files": {"voice": b"1", "face": b"2"}, "data": {"prior": "nan"}}, 422),
        ({"files": [("voice", ("a", b"1")), ("voice", ("b", b"2")), ("face", ("c", b"3"))]}, 422),
        ({"files": [("voice", (str(i), b"1")) for i in range(500)]}, 400),
        ({"files": {"voice": b"x" * 33_000_000}}, 413),
    ],
)
def test_forms_that_make_no_sense_are_refused(http: httpx.Client, sent: dict[str, Any], status: int) -> None:
    assert problem_in(http.post("/v1/verify", **sent), "a form")["status"] == status


def test_a_service_without_a_gallery_says_what_adds_one(http: httpx.Client, case: Case, url: str) -> None:
    with VisavoxClient(url) as client:
        for ask in (
            lambda: client.search(face=b"x"),
            lambda: client.identify(face=b"x"),
            lambda: client.generate(b"x"),
        ):
            with pytest.raises(ServiceError, match="visavox serve --") as caught:
                ask()
            assert caught.value.status == 404


def test_clients_that_send_garbage_do_not_disturb_the_others(http: httpx.Client, case: Case, url: str) -> None:
    tally = hammer(url, [case], clients=4, seconds=5.0, garbage=0.5, seed=1)
    assert tally.failures == []
    assert tally.statuses["good 200"] > 0
    assert sum(n for kind, n in tally.statuses.items() if kind.startswith("garbage 4")) > 0
