"""The way in for a browser where the service needs a token: a page that takes it, and a cookie that stands for it.

The token goes in the body of a POST, never in an address; the cookie is out of reach of scripts and of other sites.

Example:
    router = create_login_router(TokenFile(Path("tokens.json")), LoginSessions())
"""

from __future__ import annotations

import html
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from visavox.web.login_sessions import COOKIE, LoginSessions
from visavox.web.service_errors import RefusalError
from visavox.web.tokens import TokenFile, digest

MAX_BODY = 4096  # bytes of the form
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 24rem; padding: 0 1rem; color: #1a1a1a; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { padding: .6rem; margin: .4rem 0; }
.problem { color: #a40000; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee; } .problem { color: #ff8a80; } }
"""
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visavox: log in</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/login/static/login.css">
</head>
<body><main><h1>Visavox</h1>{problem}
<form method="post" action="/login?next={next}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></form></main></body></html>
"""


def create_login_router(tokens: TokenFile, sessions: LoginSessions) -> APIRouter:
    """Return the routes /login and /logout."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def page(next: str = "/") -> Response:
        return _page(next)

    @router.get("/login/static/login.css")
    def style() -> Response:
        return Response(STYLE, media_type="text/css")

    @router.post("/login")
    async def log_in(request: Request, next: str = "/") -> Response:
        body = await request.body()
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0] if len(body) <= MAX_BODY else ""
        try:
            tokens.check(given.strip())
        except RefusalError as error:
            return _page(next, str(error), 401)
        response = RedirectResponse(local_path(next), 303)
        response.set_cookie(
            COOKIE,
            sessions.open(digest(given.strip())),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        sessions.close(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router


def local_path(path: str) -> str:
    r"""Return a path if it lies on this service, else the first page.

    Example:
        >>> local_path("/game"), local_path("//elsewhere.example"), local_path("/\\elsewhere.example")
        ('/game', '/', '/')
    """
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else "/"


def _page(next: str, problem: str = "", status: int = 200) -> Response:
    said = f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else ""
    page = PAGE.replace("{problem}", said).replace("{next}", quote(local_path(next)))
    return HTMLResponse(page, status, {"cache-control": "no-store"})
