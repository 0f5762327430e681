"""Who may ask: the right host, the right page, the right token. Faces and voices of people are at stake.

    Host      on this machine only names of this machine: a page of another site that points its name here is refused
    Origin    what changes anything must come from our own pages, or from a program, which sends no origin
    token     where the service has a file of them: a bearer header, or the cookie that /login sets

Plain ASGI. Headers that keep browsers within bounds go with every answer.

Example:
    app.add_middleware(AccessControl, is_local=True, tokens=None, sessions=LoginSessions())
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavox.errors import VisavoxError, one_line
from visavox.service_config import is_loopback
from visavox.web.login_sessions import COOKIE, LoginSessions
from visavox.web.problems import headers_of, problem_of, problem_response
from visavox.web.security_headers import headers_for
from visavox.web.service_errors import RefusalError
from visavox.web.tokens import TokenFile, refused

OPEN = ("/healthz", "/login", "/favicon.ico", "/study")
"""Paths that need no token."""
OPEN_BELOW = ("/study/", "/login/static/", "/game/static/")
"""Beginnings of more of them."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""What changes nothing."""
DRAINED_S = 2.0
"""Seconds for which the body of a refused request is thrown away, so that the sender sees the answer."""


class AccessControl:
    """Middleware that lets in whom it should.

    Args:
        app: what answers.
        is_local: whether the service listens on this machine alone; then it is held to names of this machine.
        tokens: the file of tokens; None lets in everybody.
        sessions: who has logged in with a browser.
    """

    def __init__(self, app: ASGIApp, *, is_local: bool, tokens: TokenFile | None, sessions: LoginSessions) -> None:
        """Store the arguments."""
        self.app = app
        self.is_local = is_local
        self.tokens = tokens
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            check_host(connection.headers, is_local=self.is_local)
            check_origin(scope.get("method", "WEBSOCKET"), connection.headers)
            self._check_token(connection)
        except VisavoxError as error:
            await self._refuse(error, connection, receive, send)
            return
        await self.app(scope, receive, _with_headers(send, headers_for(scope["path"])))

    def _check_token(self, connection: HTTPConnection) -> None:
        path = connection.url.path
        if self.tokens is None or path in OPEN or path.startswith(OPEN_BELOW):
            return
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token.strip():
            self.tokens.check(token.strip())
            return
        found = self.sessions.digest_of(connection.cookies.get(COOKIE, ""))
        if found is None:
            raise refused(
                "This needs a token. Send it as `Authorization: Bearer TOKEN`, or log in at /login.", "no_token"
            )
        self.tokens.check_digest(found)

    async def _refuse(self, error: VisavoxError, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        if connection.scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        problem = problem_of(error)
        response: Response = problem_response(problem, headers_of(error))
        path = connection.url.path
        wants_page = "text/html" in connection.headers.get("accept", "") and connection.scope["method"] == "GET"
        if problem.status == 401 and wants_page and not path.startswith("/v1/"):
            response = RedirectResponse(f"/login?next={quote(path)}", 303, {"cache-control": "no-store"})
        send = _with_headers(send, headers_for(path))
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def check_host(headers: Mapping[str, str], *, is_local: bool) -> None:
    """Raise where a service of this machine alone is asked under the name of another.

    Raises:
        RefusalError: 421.
    """
    if not is_local:
        return
    host = headers.get("host", "")
    if not is_loopback(_name_of(host)):
        raise RefusalError(
            f"This service answers to this machine alone: localhost or 127.0.0.1. Got {one_line(host[:60])!r}.",
            status=421,
            code="wrong_host",
        )


def check_origin(method: str, headers: Mapping[str, str]) -> None:
    """Raise where a page of another site wants to change or to upload something.

    Args:
        method: of HTTP, or "WEBSOCKET".
        headers: of the request.

    Raises:
        RefusalError: 403.
    """
    if method in SAFE_METHODS:
        return
    origin, host = headers.get("origin"), headers.get("host", "")
    theirs = None if origin is None else _address(origin)
    comes_from_here = origin is None or (
        theirs is not None and theirs == _address(f"//{host}", origin.partition(":")[0])
    )
    if not comes_from_here or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise RefusalError(
            f"Pages of other sites may not ask this service. Got the origin {one_line((origin or 'none')[:60])}. "
            "Open its own pages, or ask from a program.",
            status=403,
            code="cross_origin",
        )


def _name_of(host: str) -> str:
    """Return the name in a Host header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _address(url: str, scheme: str = "") -> tuple[str, int] | None:
    """Return name and port of an origin; None where it has none, as the origin "null"."""
    try:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}.get(parts.scheme or scheme)
        port = parts.port or usual
        return (parts.hostname, port) if parts.hostname and port and usual else None
    except ValueError:
        return None


def _with_headers(send: Send, more: Mapping[str, str]) -> Send:
    """Return a `send` that adds headers to the answer, where it has none of these names."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in more.items():
                headers.setdefault(name, value)
            message = {**message, "headers": headers.raw}
        await send(message)

    return sending


async def _drain(receive: Receive) -> None:
    """Throw away what is still sent, for a moment."""
    try:
        async with asyncio.timeout(DRAINED_S):
            more: Any = True
            while more:
                message = await receive()
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
