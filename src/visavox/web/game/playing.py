"""The game alone, on one address: what `visavox game play` serves. `visavox serve` offers it beside all else.

Example:
    app = create_game_app(open_pool(), TurnLog.open(Path("game.sqlite")))
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from visavox.game_config import GamePlayConfig
from visavox.service_config import is_loopback
from visavox.web.access import AccessControl
from visavox.web.addresses import bind, url_of
from visavox.web.game.game_routes import create_game_router
from visavox.web.game.pool import GamePool, open_pool
from visavox.web.game.study_routes import create_study_router
from visavox.web.game.turn_log import TurnLog
from visavox.web.game.user_folders import default_log
from visavox.web.limits import RequestLimits
from visavox.web.login_sessions import LoginSessions
from visavox.web.problems import install_problem_handlers

MAX_BODY_BYTES = 64 * 1024  # no request of the game is longer than a line
TIMEOUT_S = 30.0
GRACE_S = 2  # for requests that are on when the server is told to end


def create_game_app(pool: GamePool, log: TurnLog, *, study: Path | None = None, is_local: bool = True) -> FastAPI:
    """Return an application with the game at /game and, if one is named, a study at /study.

    Args:
        pool: whom to guess.
        log: where turns of the game go; those of a study go to its own.
        study: folder of a study.
        is_local: answer under names of this machine alone.

    Raises:
        DataError: the study is missing or damaged.
    """
    app = FastAPI(title="Visavox: the game", docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app)
    app.include_router(create_game_router(pool, log))
    if study is not None:
        app.include_router(create_study_router(study, pool))

    @app.get("/", include_in_schema=False)
    def to_the_game() -> RedirectResponse:
        return RedirectResponse("game")

    app.add_middleware(AccessControl, is_local=is_local, tokens=None, sessions=LoginSessions())
    app.add_middleware(RequestLimits, max_body_bytes=MAX_BODY_BYTES, timeout_s=TIMEOUT_S)
    return app


def play(config: GamePlayConfig, progress: Callable[[int, int], None] | None = None) -> None:
    """Serve the game until somebody stops it (Ctrl-C), and say where.

    Raises:
        ConfigError: the port is out of range or in use, or the address is none of this machine.
        DataError: the pool, the log or the study cannot be used.
    """
    with bind(config.host, config.port) as listener:
        pool = open_pool(config.pool, progress)
        path = config.log or default_log()
        app = create_game_app(pool, TurnLog.open(path), study=config.study, is_local=is_loopback(config.host))
        listener.listen()  # whoever reads the address may ask at once
        sys.stdout.write(started_lines(config, listener.getsockname()[1], pool, path))
        sys.stdout.flush()
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S
        )
        with contextlib.suppress(KeyboardInterrupt):  # to be stopped is how it ends
            uvicorn.Server(settings).run(sockets=[listener])


def started_lines(config: GamePlayConfig, port: int, pool: GamePool, log: Path) -> str:
    """Return what is said when the game is on, the address first."""
    url = url_of(config.host, port)
    lines = [f"{url}/game"]
    if config.study is not None:
        lines.append(f"{url}/study/... for the participants of {config.study}, by their links in links.csv")
    if not config.quiet:
        lines += [f"{len(pool.items)} people, against the model {pool.model}; turns go to {log}"]
        if not is_loopback(config.host):
            lines.append(f"Anybody who can reach {config.host} can play. Ctrl-C ends it.")
        else:
            lines.append("Ctrl-C ends it.")
    return "".join(f"{line}\n" for line in lines)
