"""Who may ask: host, origin, token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI, Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from visavox.web.access import AccessControl, check_host, check_origin
from visavox.web.login_sessions import COOKIE, LoginSessions
from visavox.web.problems import MEDIA_TYPE
from visavox.web.service_errors import RefusalError
from visavox.web.tokens import TokenFile, add_token, digest


def application(
    tokens: TokenFile | None = None, sessions: LoginSessions | None = None, *, is_local: bool = True
) -> Any:
    app = FastAPI()

    @app.get("/{path:path}")
    def read(path: str) -> str:
        return path

    @app.post("/{path:path}")
    async def write(path: str, request: Request) -> int:
        return len(await request.body())

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    app.add_middleware(AccessControl, is_local=is_local, tokens=tokens, sessions=sessions or LoginSessions())
    return TestClient(app, base_url="http://127.0.0.1:8765")


@pytest.fixture
def token_file(tmp_path: Path) -> tuple[str, TokenFile]:
    token = add_token(tmp_path / "tokens.json", "lab", days=1.0)
    return token, TokenFile(tmp_path / "tokens.json")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8765", "[::1]:80", "localhost:1"])
def test_names_of_this_machine_are_answered(host: str) -> None:
    check_host({"host": host}, is_local=True)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7", "", "[::1", "localhost.evil"]
)
def test_a_name_that_was_pointed_here_is_refused(host: str) -> None:
    with pytest.raises(RefusalError, match="answers to this machine alone") as raised:
        check_host({"host": host}, is_local=True)
    assert (raised.value.status, raised.value.code) == (421, "wrong_host")
    check_host({"host": host}, is_local=False)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:8765"),
        ("http://127.0.0.1:8765", "127.0.0.1:8765"),
        ("http://LOCALHOST", "localhost:80"),
        ("https://faces.example", "faces.example"),
    ],
)
def test_our_pages_and_programs_may_write(origin: str | None, host: str) -> None:
    check_origin("POST", {"host": host} | ({"origin": origin} if origin else {}))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1"},
        {"origin": "file://"},
        {"origin": "http://127.0.0.1:99999999"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "WEBSOCKET"])
def test_pages_of_other_sites_may_not(headers: dict[str, str], method: str) -> None:
    with pytest.raises(RefusalError, match="Pages of other sites") as raised:
        check_origin(method, {"host": "127.0.0.1:8765", **headers})
    assert (raised.value.status, raised.value.code) == (403, "cross_origin")
    check_origin("GET", {"host": "127.0.0.1:8765", **headers})


def test_a_refusal_is_a_problem_with_the_headers_of_all_answers() -> None:
    asked = application().post("/v1/match", content=b"x" * 100_000, headers={"origin": "http://evil.example"})
    assert (asked.status_code, asked.headers["content-type"]) == (403, MEDIA_TYPE)
    assert asked.json()["code"] == "cross_origin"
    assert asked.headers["x-content-type-options"] == "nosniff"
    good = application().get("/v1/x")
    assert good.headers["content-security-policy"].startswith("default-src 'none'")


def test_everything_but_what_is_open_needs_a_token(token_file: tuple[str, TokenFile]) -> None:
    token, tokens = token_file
    client = application(tokens)
    for path in ("/healthz", "/study/abc", "/study", "/game/static/game.css", "/login"):
        assert client.get(path).status_code == 200, path
    for path in ("/v1/model", "/metrics", "/docs", "/openapi.json", "/", "/game", "/studyhall", "/healthz/x"):
        refused = client.get(path)
        assert refused.status_code == 401, path
        assert refused.headers["www-authenticate"] == 'Bearer realm="visavox"'
        assert client.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200, path
    assert client.post("/v1/match", headers={"authorization": f"bearer  {token} "}).status_code == 200


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic {token}", "{token}", "Bearer", "Bearer {token}x"])
def test_what_is_no_good_token_lets_nobody_in(token_file: tuple[str, TokenFile], header: str) -> None:
    token, tokens = token_file
    asked = application(tokens).get("/v1/model", headers={"authorization": header.format(token=token)})
    assert asked.status_code == 401
    assert asked.json()["code"] in ("no_token", "unknown_token")


def test_a_cookie_stands_for_a_token_as_long_as_that_is_good(token_file: tuple[str, TokenFile]) -> None:
    token, tokens = token_file
    sessions = LoginSessions()
    client = application(tokens, sessions)
    client.cookies.set(COOKIE, sessions.open(digest(token)))
    assert client.get("/match").status_code == 200
    tokens.path.write_text("[]", encoding="utf-8")
    assert client.get("/match").json()["code"] == "unknown_token"


def test_a_browser_is_shown_the_way_in(token_file: tuple[str, TokenFile]) -> None:
    client = application(token_file[1])
    asked = client.get("/match", headers={"accept": "text/html,*/*"}, follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/match")
    assert client.get("/v1/model", headers={"accept": "text/html"}, follow_redirects=False).status_code == 401


def test_a_socket_of_another_site_is_closed() -> None:
    client = application()
    with client.websocket_connect("/ws", headers={"host": "127.0.0.1"}) as socket:
        assert socket.receive_text() == "hello"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/ws", headers={"host": "127.0.0.1", "origin": "http://evil.example"}),
    ):
        pass
