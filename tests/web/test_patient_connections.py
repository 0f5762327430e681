"""Connections that never become a request are closed; those that do, however slow the answer, are not."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn")
import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from visavox.web import patient_connections
from visavox.web.patient_connections import PatientProtocol

HEAD_S = 0.4


async def quick(_: Request) -> Response:
    return PlainTextResponse("quick")


async def slow(_: Request) -> Response:
    await asyncio.sleep(3 * HEAD_S)
    return PlainTextResponse("slow")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/quick", quick), Route("/slow", slow)])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", http=PatientProtocol, timeout_keep_alive=9
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patient_connections, "HEAD_S", HEAD_S)
        patch.setattr(patient_connections, "MAX_CONNECTIONS", 5)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield int(server.servers[0].sockets[0].getsockname()[1])
        server.should_exit = True
        thread.join(10)


def connected(port: int) -> socket.socket:
    """A connection on which nothing is said yet."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    start = time.monotonic()
    with connected(port) as connection:
        assert connection.recv(100) == b""
    assert time.monotonic() - start >= 0.9 * HEAD_S


def test_a_head_that_drips_is_closed(port: int) -> None:
    with connected(port) as connection, pytest.raises(OSError, match="reset|Broken pipe"):
        for letter in b"GET /quick HTTP/1.1\r\nHost: x\r\nX-Drip: " + b"a" * 100:
            connection.sendall(bytes([letter]))
            time.sleep(0.02)


def test_a_slow_answer_is_waited_for(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
        assert client.get("/slow").text == "slow"
        assert client.get("/slow").text == "slow"


def test_a_connection_that_is_used_again_in_time_stays_open(port: int) -> None:
    with connected(port) as connection:
        for _ in range(5):
            connection.sendall(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
            said = b""
            while not said.endswith(b"quick"):
                said += connection.recv(1000)
                assert said, "closed"
            time.sleep(0.6 * HEAD_S)


def test_one_connection_too_many_is_closed_at_once(port: int) -> None:
    held = [connected(port) for _ in range(5)]
    try:
        time.sleep(0.1)
        start = time.monotonic()
        with connected(port) as connection:
            assert connection.recv(100) == b""
        assert time.monotonic() - start < HEAD_S / 2
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.1)
    assert httpx.get(f"http://127.0.0.1:{port}/quick", trust_env=False).text == "quick"
