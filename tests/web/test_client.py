"""The client against a server that answers as a service would, and as none would."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from visavox.errors import MediaError, VisavoxError
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome
from visavox.web import client as client_module
from visavox.web.answers import Embedded, Verified
from visavox.web.client import DrawnFaces, Health, ServiceError, VisavoxClient

FACES = (FaceOutcome("a.jpg", "ok", 0.7, 0.4, 1, ""), FaceOutcome("face 2", "ok", 0.3, 0.3, 1, ""))
MATCH = MatchOutcome("v.wav", "ok", "", 3.1, FACES, "base")
VERIFIED = Verified("v.wav", "ok", "a.jpg", "ok", 0.5, 1.0, 0.7, 0.5, 2.0, (), "base")
EMBEDDED = Embedded("face", "a.jpg", "ok", "", (0.6, 0.8), 0.0)
HIT = SearchHit(1, "a/face", "a", "Ann", 0.42, 0.7, {"gender": "f"})
FOUND = SearchOutcome("v.wav", "voice", "face", "ok", "", (HIT,), 0.2, 0.5, 31, "person", (), "base", "g", 0.1)
NAMED = IdentificationOutcome(
    "p", 2, (AskedWith("face", "a.jpg", "ok", ""),), (Candidate("Ann", 0.9),), False, 0.1, 0.2, 0.05, ()
)
HEALTH = {"status": "starting", "model": "base", "decoders": 2, "requests_running": 0, "requests_waiting": 0}
BUSY = {"status": 503, "code": "queue_full", "detail": "Too many requests wait. Try again in 1 s."}


class Service:
    """Answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.forms: dict[str, list[tuple[str, Any]]] = {}
        self.headers: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.n_busy = 0
        self.answers: dict[str, Response] = {}

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.calls[path] += 1
        self.headers = dict(request.headers)
        form = await request.form()
        self.forms[path] = [
            (name, value if isinstance(value, str) else (value.filename, await value.read()))
            for name, value in form.multi_items()
        ]
        if self.n_busy:
            self.n_busy -= 1
            return JSONResponse(BUSY, 503, {"retry-after": "1"})
        return self.answers[path]


@pytest.fixture(scope="module")
def running(served: Callable[[Any], str]) -> tuple[Service, str]:
    service = Service()
    return service, served(service.app())


@pytest.fixture
def service(running: tuple[Service, str], monkeypatch: pytest.MonkeyPatch) -> Service:
    service = running[0]
    service.calls.clear()
    service.n_busy = 0
    service.answers = {
        "/v1/match": JSONResponse(MATCH.to_dict()),
        "/v1/verify": JSONResponse(VERIFIED.to_dict()),
        "/v1/embed": JSONResponse({"model": "base", "dim": 2, "items": [EMBEDDED.to_dict()]}),
        "/v1/search": JSONResponse(FOUND.to_dict()),
        "/v1/identify": JSONResponse(NAMED.to_dict()),
        "/v1/generate": JSONResponse({"seed": 3, "pictures": [{"png": base64.b64encode(b"PNG").decode()}]}),
        "/v1/model": JSONResponse({"name": "base"}),
        "/healthz": JSONResponse(HEALTH, 503),
    }
    monkeypatch.setattr("visavox.web.client.time.sleep", lambda _: None)
    return service


@pytest.fixture
def client(running: tuple[Service, str]) -> Iterator[VisavoxClient]:
    with VisavoxClient(running[1], "secret", timeout_s=5.0) as client:
        yield client


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    (tmp_path / "v.wav").write_bytes(b"sound")
    return tmp_path / "v.wav"


def test_answers_are_the_records_of_the_commands(service: Service, client: VisavoxClient, voice: Path) -> None:
    assert client.match(voice, [b"1", b"2"]) == MATCH
    assert client.verify(voice, b"1") == VERIFIED
    assert client.embed([voice], [b"1"]) == (EMBEDDED,)
    assert client.search(voice=voice) == FOUND
    assert client.identify(face=b"1") == NAMED
    assert client.generate(voice) == DrawnFaces((b"PNG",), {"seed": 3})
    assert client.model() == {"name": "base"}
    assert client.health() == Health("starting", "base", 2, 0, 0)
    assert client.match(voice, [b"1", b"2"]).best == 0


def test_files_go_out_with_their_names_and_contents(service: Service, client: VisavoxClient, voice: Path) -> None:
    client.match(voice, [str(voice), b"two"])
    assert service.forms["/v1/match"] == [
        ("voice", ("v.wav", b"sound")),
        ("faces", ("v.wav", b"sound")),
        ("faces", ("face 2", b"two")),
    ]
    assert service.headers["authorization"] == "Bearer secret"


def test_options_go_out_as_fields(service: Service, client: VisavoxClient) -> None:
    client.search(face=b"f", k=3, where={"gender": "f"}, p_nobody=0.25, by="clip")
    form = dict(service.forms["/v1/search"])
    assert json.loads(form.pop("where")) == {"gender": "f"}
    assert form == {
        "face": ("face", b"f"), "k": "3", "against": "auto", "by": "clip", "p_nobody": "0.25", "effort": "0",
    }  # fmt: skip
    client.identify(voice=b"v", face=b"f")
    assert dict(service.forms["/v1/identify"]) == {
        "voice": ("voice", b"v"), "face": ("face", b"f"), "top": "5", "combine": "scores",
    }  # fmt: skip
    client.generate(b"v", samples=2, guidance=0.0)
    assert dict(service.forms["/v1/generate"]) == {
        "voice": ("voice", b"v"), "samples": "2", "seed": "0", "guidance": "0.0",
    }  # fmt: skip


def test_a_problem_is_one_line_with_its_status_and_code(service: Service, client: VisavoxClient) -> None:
    problem = {"status": 422, "code": "no_face", "detail": "a.jpg: no face.\nIt is empty.", "instance": "urn:uuid:1"}
    service.answers["/v1/verify"] = JSONResponse(problem, 422)
    with pytest.raises(ServiceError, match=r"^a\.jpg: no face\.\\nIt is empty\.$") as caught:
        client.verify(b"v", b"f")
    assert (caught.value.status, caught.value.code) == (422, "no_face")
    assert caught.value.problem["instance"] == "urn:uuid:1"
    assert isinstance(caught.value, VisavoxError)
    assert service.calls["/v1/verify"] == 1


def test_a_busy_service_is_asked_again_until_it_answers(service: Service, client: VisavoxClient) -> None:
    service.n_busy = client_module.MAX_TRIES - 1
    assert client.verify(b"v", b"f") == VERIFIED
    assert service.calls["/v1/verify"] == client_module.MAX_TRIES


def test_a_service_that_stays_busy_is_given_up(
    service: Service, client: VisavoxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.n_busy = 100
    with pytest.raises(ServiceError, match="Too many requests wait") as caught:
        client.verify(b"v", b"f")
    assert (caught.value.status, service.calls["/v1/verify"]) == (503, client_module.MAX_TRIES)
    monkeypatch.setattr(client_module, "MAX_WAIT_S", 0.5)  # less than the second that it asks for
    with pytest.raises(ServiceError):
        client.verify(b"v", b"f")
    assert service.calls["/v1/verify"] == client_module.MAX_TRIES + 1


def test_other_failures_are_not_tried_twice(service: Service, client: VisavoxClient) -> None:
    for status in (500, 503):  # a 503 that does not say when
        service.answers["/v1/model"] = JSONResponse({"title": "Oh"}, status)
        with pytest.raises(ServiceError, match="Oh") as caught:
            client.model()
        assert caught.value.status == status
    assert service.calls["/v1/model"] == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PlainTextResponse("<html>", 200), "status 200 and no JSON object"),
        (PlainTextResponse("Bad gateway", 502), "status 502 and no JSON object"),
        (JSONResponse([1]), "no JSON object"),
        (JSONResponse({**MATCH.to_dict(), "speech_s": "3"}), "`speech_s` must be of type float"),
        (JSONResponse({}), "`voice` is missing"),
    ],
)
def test_another_program_at_that_address_is_told_apart(
    service: Service, client: VisavoxClient, answer: Response, words: str
) -> None:
    service.answers["/v1/match"] = answer
    with pytest.raises(ServiceError, match=f"must be one of Visavox.*{words}") as caught:
        client.match(b"v", [b"1", b"2"])
    assert caught.value.code == "not_understood"


def test_lists_that_are_none_are_not_understood(service: Service, client: VisavoxClient) -> None:
    service.answers["/v1/embed"] = JSONResponse({"items": 3})
    service.answers["/v1/generate"] = JSONResponse({"pictures": [{"png": "*"}]})
    for ask in (lambda: client.embed([b"v"]), lambda: client.generate(b"v")):
        with pytest.raises(ServiceError, match="must be one of Visavox"):
            ask()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "nonsense", "ftp://127.0.0.1"])
def test_nobody_at_the_address_is_one_line(address: str) -> None:
    with (
        VisavoxClient(address) as client,
        pytest.raises(ServiceError, match="cannot be reached.*Is `visavox serve` running there") as caught,
    ):
        client.health()
    assert (caught.value.status, caught.value.code) == (0, "unreachable")


def test_a_file_that_is_not_there_is_told_before_anything_is_sent(service: Service, client: VisavoxClient) -> None:
    with pytest.raises(MediaError, match=r"nothing\.wav: the media file does not exist"):
        client.match("nothing.wav", [b"1", b"2"])
    assert not service.calls


def test_importing_the_client_loads_no_networks() -> None:
    code = "import sys, visavox.web.client; print([m for m in ('torch', 'fastapi', 'faiss', 'av') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
