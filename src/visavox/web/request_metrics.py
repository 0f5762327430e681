"""Counts every request: its route, its status, its seconds.

Plain ASGI, outermost, so that refusals are counted too. Paths are never counted, only the patterns of routes: the
number of series stays what it is, whatever is asked for.

Example:
    app.add_middleware(RequestMetrics, metrics=engine.metrics)
"""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavox.web.service_metrics import ServiceMetrics

KNOWN = ("game", "study", "docs", "login", "reports")
"""First parts of paths that stand for all below them."""


class RequestMetrics:
    """Middleware that tells the metrics of every request.

    Args:
        app: what answers.
        metrics: is told.
    """

    def __init__(self, app: ASGIApp, *, metrics: ServiceMetrics) -> None:
        """Store the arguments."""
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 499  # nobody was answered, as where the connection is lost

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            self.metrics.request(route_of(scope), status, time.monotonic() - began)


def route_of(scope: Scope) -> str:
    """Return the pattern of the route that answered, or what stands for the others.

    Example:
        >>> route_of({"path": "/game/turns/17"}), route_of({"path": "/no/such/place"})
        ('/game', 'other')
    """
    first = str(scope["path"]).split("/")[1:2]
    if first and first[0] in KNOWN:
        return f"/{first[0]}"
    return str(getattr(scope.get("route"), "path", "") or "other")
