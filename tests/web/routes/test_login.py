"""The way in for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI
from starlette.testclient import TestClient

from visavox.web.access import AccessControl
from visavox.web.login_sessions import COOKIE, LoginSessions
from visavox.web.routes.login import create_login_router, local_path
from visavox.web.tokens import TokenFile, add_token


@pytest.fixture
def way_in(tmp_path: Path) -> tuple[Any, str]:
    token = add_token(tmp_path / "tokens.json", "lab", days=1.0)
    tokens, sessions = TokenFile(tmp_path / "tokens.json"), LoginSessions()
    app = FastAPI()
    app.include_router(create_login_router(tokens, sessions))

    @app.get("/game")
    def inside() -> str:
        return "inside"

    app.add_middleware(AccessControl, is_local=True, tokens=tokens, sessions=sessions)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False), token


def test_a_token_opens_a_session_and_leaving_ends_it(way_in: tuple[Any, str]) -> None:
    client, token = way_in
    page = client.get("/login?next=/game")
    assert page.status_code == 200 and 'action="/login?next=/game"' in page.text
    assert "<script" not in page.text and client.get("/login/static/login.css").status_code == 200
    entered = client.post("/login?next=/game", data={"token": f" {token} "})
    assert (entered.status_code, entered.headers["location"]) == (303, "/game")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and token not in cookie
    assert client.get("/game").json() == "inside"
    stolen = client.cookies[COOKIE]
    assert client.post("/logout").headers["location"] == "/login"
    client.cookies.set(COOKIE, stolen)
    assert client.get("/game").status_code == 401


def test_a_wrong_token_is_told_on_the_page(way_in: tuple[Any, str]) -> None:
    client, _ = way_in
    for data in ({"token": "<b>wrong"}, {}, {"token": "x" * 10_000}):
        told = client.post("/login", data=data)
        assert told.status_code == 401 and 'role="alert"' in told.text
        assert "<b>wrong" not in told.text and "set-cookie" not in told.headers


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "game", "", "/a\nb"])
def test_nobody_is_led_away(path: str) -> None:
    assert local_path(path) == "/"


def test_paths_in_the_page_are_escaped(way_in: tuple[Any, str]) -> None:
    client, _ = way_in
    page = client.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in page.text
