"""Which route a request is counted under."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.web.request_metrics import RequestMetrics, route_of


class Told:
    def __init__(self) -> None:
        self.requests: list[tuple[str, int]] = []

    def request(self, route: str, status: int, took_s: float) -> None:
        assert took_s >= 0
        self.requests.append((route, status))


def ask(scope: dict[str, Any], messages: list[dict[str, Any]], error: Exception | None = None) -> Told:
    told = Told()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    async def send(_: Any) -> None: ...

    asyncio.run(RequestMetrics(app, metrics=told)(scope, send, send))  # type: ignore[arg-type]
    return told


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/v1/match", "route": SimpleNamespace(path="/v1/match")}, "/v1/match"),
        ({"path": "/reports/3/x.html", "route": SimpleNamespace(path="/reports/{n}/{p}")}, "/reports"),
        ({"path": "/study/secret-link"}, "/study"),
        ({"path": "/a/b/c"}, "other"),
        ({"path": ""}, "other"),
    ],
)
def test_a_route_is_a_pattern_and_no_path(scope: dict[str, Any], expected: str) -> None:
    assert route_of(scope) == expected


def test_the_status_that_was_sent_is_counted() -> None:
    start = {"type": "http.response.start", "status": 418}
    assert ask({"type": "http", "path": "/x"}, [start]).requests == [("other", 418)]
    assert ask({"type": "http", "path": "/x"}, []).requests == [("other", 499)]
    assert ask({"type": "lifespan"}, []).requests == []


def test_a_request_that_fails_is_counted_too() -> None:
    with pytest.raises(KeyError):
        ask({"type": "http", "path": "/x"}, [], KeyError())
