"""The service as an ASGI application: the interface for programs, its page, the pages and the game.

What listens, and when it stops, is not its affair: `visavox.web.running` does that.

Example:
    app = create_app(ServeConfig(model="world", pages=False))
    uvicorn.run(app)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI

from visavox.generation.picture_files import software
from visavox.service_config import ServeConfig, is_loopback
from visavox.web.access import AccessControl
from visavox.web.engine import MEGABYTE, Engine
from visavox.web.limits import RequestLimits
from visavox.web.login_sessions import LoginSessions
from visavox.web.openapi_page import create_docs_router
from visavox.web.openapi_schema import completed_schema
from visavox.web.problems import install_problem_handlers
from visavox.web.request_metrics import RequestMetrics
from visavox.web.routes import drawing, health, matching, searching
from visavox.web.routes.login import create_login_router
from visavox.web.tokens import TokenFile

if TYPE_CHECKING:
    from visavox.web.game.pool_drawing import PoolDrawing

ROUTERS = (matching.router, searching.router, drawing.router, health.router)
SPARE_THREADS = 8
"""Threads beyond those that requests may hold, for health and pages."""
ABOUT = "Match voices and faces of people that the model has never met. Answers are guesses with probabilities."


def create_app(settings: ServeConfig, *, engine: Engine | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: what it offers and its limits.
        engine: one that is started and closed elsewhere; by default one of its own, started with the application.

    Raises:
        ConfigError, DataError: something that `settings` name is missing, damaged or of another model.
    """
    own = Engine(settings) if engine is None else None
    drawing: PoolDrawing | None = None
    used = own if own is not None else engine
    assert used is not None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = (
            used.queue.n_workers + used.queue.max_waiting + SPARE_THREADS
        )
        if own is not None:
            await anyio.to_thread.run_sync(own.start)
        try:
            yield
        finally:
            if drawing is not None:
                await anyio.to_thread.run_sync(drawing.close)
            if own is not None:
                await anyio.to_thread.run_sync(own.close)

    app = FastAPI(
        title="Visavox",
        version=software().removeprefix("visavox").strip() or "0",
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    api = app
    app.state.engine = used
    install_problem_handlers(app)
    for router in (*ROUTERS, create_docs_router()):
        app.include_router(router)
    tokens = TokenFile(settings.tokens) if settings.tokens is not None else None
    sessions = LoginSessions()
    if tokens is not None:
        app.include_router(create_login_router(tokens, sessions))
    app.openapi = lambda: completed_schema(api)  # type: ignore[method-assign]
    if settings.pages or settings.study is not None:
        drawing = _add_game(app, settings)
    if settings.pages:
        from visavox.web.pages.mounting import mount_pages  # Gradio takes seconds to import

        app = mount_pages(app, used, settings)
    # The last that is added is the first that is asked.
    app.add_middleware(AccessControl, is_local=is_loopback(settings.host), tokens=tokens, sessions=sessions)
    app.add_middleware(
        RequestLimits, max_body_bytes=int(settings.max_upload_mb * MEGABYTE), timeout_s=settings.timeout_s
    )
    app.add_middleware(RequestMetrics, metrics=used.metrics)
    return app


def _add_game(app: FastAPI, settings: ServeConfig) -> PoolDrawing | None:
    """Hang the game on the service, and the study where there is one; return what is to be closed."""
    from visavox.web.game.game_routes import create_game_router  # what serves programs alone goes without
    from visavox.web.game.pool import GamePool, open_pool
    from visavox.web.game.pool_drawing import PoolDrawing
    from visavox.web.game.turn_log import TurnLog
    from visavox.web.game.user_folders import default_log

    # A study is of a pool that is there; the pool of the game alone is drawn when somebody wants to play.
    pool = PoolDrawing() if settings.game is None and settings.study is None else open_pool(settings.game)
    if settings.pages:
        app.include_router(create_game_router(pool, TurnLog.open(settings.log or default_log())))
    if settings.study is not None:
        from visavox.web.game.study_routes import create_study_router

        assert isinstance(pool, GamePool)
        app.include_router(create_study_router(settings.study, pool))
    return pool if isinstance(pool, PoolDrawing) else None
