"""Bodies that are too large, too slow or never end are refused over real connections, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
import httpx
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from visavox.web.limits import MAX_ADDRESS, MAX_FIELD_BYTES, MAX_HEADERS, MAX_NAME, RequestLimits, read_form
from visavox.web.problems import MEDIA_TYPE, install_problem_handlers

MAX_BYTES = 100_000
TIMEOUT_S = 0.6


def application() -> FastAPI:
    """Something to protect."""
    app = FastAPI()
    install_problem_handlers(app)

    @app.post("/v1/body")
    @app.post("/page/body")
    async def body(request: Request) -> dict[str, int]:
        return {"n": len(await request.body())}

    @app.post("/v1/form")
    async def form(request: Request) -> dict[str, Any]:
        parts = (await read_form(request, max_files=2, max_fields=3)).multi_items()
        return {"parts": [[k, v if isinstance(v, str) else [v.filename, len(await v.read())]] for k, v in parts]}

    @app.get("/v1/slow")
    @app.get("/page/slow")
    async def slow() -> str:
        await asyncio.sleep(2 * TIMEOUT_S)
        return "done"

    @app.get("/page/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for _ in range(3):
                yield b"x"
                await asyncio.sleep(0.25)

        return StreamingResponse(parts())

    @app.get("/v1/bug")
    async def bug() -> None:
        raise KeyError("bug")

    app.add_middleware(RequestLimits, max_body_bytes=MAX_BYTES, timeout_s=TIMEOUT_S)
    return app


@pytest.fixture(scope="module", autouse=True)
def short_linger() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visavox.web.limits.LINGER_S", 0.2)
        yield


@pytest.fixture(scope="module")
def url(served: Callable[[Any], str]) -> str:
    return served(application())


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
        yield client
        assert client.post("/v1/body", content=b"abc").json() == {"n": 3}, "the server goes on"


def problem_in(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of a refusal, which also closes the connection where the body was not read."""
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA_TYPE), response.text
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    return problem


def in_parts(n_bytes: int, size: int = 10_000) -> Iterator[bytes]:
    """A body without a length."""
    for at in range(0, n_bytes, size):
        yield b"x" * min(size, n_bytes - at)


def talk(url: str, *parts: bytes, pause_s: float = 0.0) -> tuple[bytes, float]:
    """Write to a server without a client's help; return all that it says until it hangs up, and the seconds it took."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), timeout=15) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause_s)
        said = b""
        while more := connection.recv(65_536):
            said += more
    return said, time.monotonic() - start


@pytest.mark.parametrize("path", ["/v1/body", "/page/body"])
def test_a_body_at_the_limit_passes_with_and_without_a_length(client: httpx.Client, path: str) -> None:
    assert client.post(path, content=b"x" * MAX_BYTES).json() == {"n": MAX_BYTES}
    assert client.post(path, content=in_parts(MAX_BYTES)).json() == {"n": MAX_BYTES}
    assert client.post(path).json() == {"n": 0}


@pytest.mark.parametrize("path", ["/v1/body", "/page/body"])
@pytest.mark.parametrize("content", [b"x" * (MAX_BYTES + 1), in_parts], ids=["with a length", "without"])
def test_a_byte_more_is_refused_and_the_connection_is_closed(client: httpx.Client, path: str, content: Any) -> None:
    response = client.post(path, content=content if isinstance(content, bytes) else content(MAX_BYTES + 1))
    problem_in(response, 413, "body_too_large")
    assert response.headers["connection"] == "close"
    assert "100000 bytes" in response.json()["detail"]


def test_a_length_that_lies_is_refused_before_a_byte_is_sent(url: str) -> None:
    said, _ = talk(url, b"POST /v1/body HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in said


@pytest.mark.parametrize("path", [b"/v1/body", b"/page/body"])
@pytest.mark.parametrize("head", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
def test_a_body_that_never_ends_is_given_up_in_time(url: str, path: bytes, head: bytes) -> None:
    said, seconds = talk(url, b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n", b"3\r\nabc\r\n")
    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.split(b"\r\n\r\n", 1)[1])["code"] == "request_timeout"
    assert TIMEOUT_S <= seconds < 10


def test_a_body_that_drips_is_given_up_although_something_comes_all_the_time(url: str) -> None:
    drops = [b"1\r\nx\r\n"] * 8
    said, _ = talk(url, b"POST /v1/body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", *drops, pause_s=0.1)
    assert said.startswith(b"HTTP/1.1 408 ")


def test_an_answer_to_a_program_that_takes_too_long_is_given_up(client: httpx.Client) -> None:
    response = client.get("/v1/slow")
    problem_in(response, 503, "time_limit")
    assert response.headers["retry-after"] == "1"
    assert client.get("/page/slow").json() == "done"
    assert client.get("/page/stream").content == b"xxx"


def test_what_the_application_answers_and_raises_passes_unchanged(client: httpx.Client) -> None:
    problem_in(client.get("/v1/nothing"), 404, "not_found")
    problem_in(client.get("/v1/bug"), 500, "internal_error")


def test_too_many_headers_and_too_long_an_address(client: httpx.Client) -> None:
    many = {f"x-{i}": "a" for i in range(MAX_HEADERS)}
    problem_in(client.get("/v1/nothing", headers=many), 431, "headers_too_large")
    problem_in(client.get("/v1/" + "a" * MAX_ADDRESS), 414, "address_too_long")
    problem_in(client.get("/v1/nothing", params={"q": "a" * MAX_ADDRESS}), 414, "address_too_long")


def test_a_form_is_read_with_its_names(client: httpx.Client) -> None:
    files = [("voice", ("../a b.wav", b"123")), ("faces", ("b.jpg", b"x" * 50_000))]
    answer = client.post("/v1/form", files=files, data={"k": "1"}).json()
    assert answer["parts"] == [["k", "1"], ["voice", ["../a b.wav", 3]], ["faces", ["b.jpg", 50_000]]]


@pytest.mark.parametrize(
    ("sent", "status", "code", "words"),
    [
        ({"files": [("f", ("a", b"1"))] * 3}, 400, "bad_form", "Too many files"),
        ({"files": [("f", ("a", b"1"))], "data": dict.fromkeys("abcd", "1")}, 400, "bad_form", "Too many fields"),
        ({"files": [("f", ("n" * (MAX_NAME + 1), b"1"))]}, 422, "name_too_long", "may have 1024 characters"),
        ({"files": [("f", ("n" * 10_000, b"1"))]}, 400, "bad_form", "Invalid multipart data"),
        ({"files": [("f", (None, b"1" * (MAX_FIELD_BYTES + 1)))]}, 400, "bad_form", "Part exceeded maximum size"),
        ({"json": {}}, 415, "unsupported_media_type", "Got application/json"),
        ({}, 415, "unsupported_media_type", "Got nothing"),
    ],
)
def test_forms_that_are_none_are_refused(
    client: httpx.Client, sent: dict[str, Any], status: int, code: str, words: str
) -> None:
    assert words in problem_in(client.post("/v1/form", **sent), status, code)["detail"]


@pytest.mark.parametrize("head", [b"", b"; boundary=x", b"; boundary=" + b"b" * 500, b"; boundary=x; charset=\xff"])
@pytest.mark.parametrize("body", [b"", b"junk", b"--x\r\n\r\n\r\n--x--", b"--x\r\nContent-Disposition: form-data"])
def test_broken_forms_are_a_bad_request_or_hold_nothing(client: httpx.Client, head: bytes, body: bytes) -> None:
    response = client.post("/v1/form", content=body, headers=[(b"content-type", b"multipart/form-data" + head)])
    if response.status_code == 200:
        assert response.json() == {"parts": []}
    else:
        problem_in(response, 400, "bad_form")


def test_files_of_a_form_stay_in_memory(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was made on the disk")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    response = httpx.post(f"{url}/v1/form", files=[("f", ("a", b"x" * 90_000))], trust_env=False)
    assert response.json()["parts"] == [["f", ["a", 90_000]]]
