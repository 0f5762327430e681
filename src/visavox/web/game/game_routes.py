"""The game over HTTP: one page, its three assets, what the page asks for, and media under opaque names.

    GET  /game                    the page; /game/static/* is what it is made of
    GET  /game/api/state          where the player of this browser stands
    POST /game/api/start          begin anew: {"difficulty": 3}
    POST /game/api/answer         {"turn": "...", "choice": "left", "reaction_ms": 1800}
    POST /game/api/next           go on to the next turn
    POST /game/api/difficulty     {"difficulty": 5}, from the next turn on
    GET  /game/media/TOKEN        a face or a voice

A browser is known by a cookie that scripts cannot read. The rules are `visavox.web.game.game_keeping`.

Example:
    app.include_router(create_game_router(open_pool(), TurnLog.open(Path("game.sqlite"))))
"""

from __future__ import annotations

import dataclasses
import importlib.resources
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.dealing import DEFAULT_DIFFICULTY, MAX_DIFFICULTY, MIN_DIFFICULTY
from visavox.web.game.game_keeping import GameKeeper, GameState
from visavox.web.game.pool_drawing import NotDrawnYetError, PoolDrawing
from visavox.web.game.turn_log import TurnLog
from visavox.web.service_errors import RefusalError

COOKIE = "visavox_game"
COOKIE_S = 30 * 24 * 3600  # a game is remembered for a month
STATIC = {"game.css": "text/css", "game.js": "text/javascript", "icon.svg": "image/svg+xml"}
PAGE_HEADERS = {"cache-control": "no-cache"}  # so that an update of the package is seen
MEDIA_HEADERS = {
    "cache-control": "private, max-age=3600",
    # The time of the file would tell which face was written together with which voice.
    "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT",
}

Session = Annotated[str | None, Cookie(alias=COOKIE)]
Level = Annotated[int, Field(ge=MIN_DIFFICULTY, le=MAX_DIFFICULTY)]


class DifficultyBody(BaseModel):
    """How hard turns are to be."""

    model_config = ConfigDict(extra="forbid")
    difficulty: Level = DEFAULT_DIFFICULTY


class AnswerBody(BaseModel):
    """Which face belongs to the voice, as the player says."""

    model_config = ConfigDict(extra="forbid")
    turn: Annotated[str, Field(max_length=64)]
    choice: Literal["left", "right"]
    reaction_ms: float | None = None


def static_file(name: str) -> bytes:
    """Return one of the files that pages are made of."""
    return importlib.resources.files("visavox.web.game").joinpath("static", name).read_bytes()


def waiting_page(error: NotDrawnYetError) -> str:
    """Return the page that is shown while people are drawn; it loads itself again until the game is there."""
    how_far = f" {error.done} of {error.total} so far." if error.total else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Whose voice is this?</title>'
        f'<meta http-equiv="refresh" content="{error.retry_after_s}"><link rel="icon" href="game/static/icon.svg">'
        '<link rel="stylesheet" href="game/static/game.css"></head><body><main id="app" data-screen="start">'
        '<section id="start" aria-labelledby="title"><img class="logo" src="game/static/icon.svg" alt="" width="64" '
        'height="64"><h1 id="title">Whose voice is this?</h1><p class="lead" role="status">The people of the game are '
        f"being drawn.{how_far} This happens once and takes a minute at most; the page goes on by itself.</p></section>"
        "</main></body></html>"
    )


def create_game_router(pool: GamePool | PoolDrawing, log: TurnLog) -> APIRouter:
    """Return the game as routes below /game.

    They need the problem handlers of `visavox.web.problems`, and the headers that `visavox.web.access` sends along.

    Args:
        pool: whom to guess, or what draws them; until they are there the page says so and the rest answers 503.
        log: where turns go.
    """
    router = APIRouter(prefix="/game", include_in_schema=False)
    keepers: list[GameKeeper] = []
    files = {name: static_file(name) for name in ("game.html", *STATIC)}

    def keeper() -> GameKeeper:
        if not keepers:
            keepers.append(GameKeeper(pool.pool() if isinstance(pool, PoolDrawing) else pool, log))
        return keepers[0]

    if not isinstance(pool, PoolDrawing):
        keeper()  # whoever is in the pool is in the log from the beginning

    def on(session: str | None) -> str:
        if session is None or not keeper().is_on(session):
            raise RefusalError("No game is on in this browser. Start one.", status=404, code="no_game")
        return session

    def told(state: GameState | None) -> dict[str, Any]:
        return {"about": _about(keeper().pool), "game": None if state is None else dataclasses.asdict(state)}

    @router.get("")
    def page() -> Response:
        try:
            keeper()
        except NotDrawnYetError as error:
            return Response(waiting_page(error), media_type="text/html", headers={"cache-control": "no-store"})
        return Response(files["game.html"], media_type="text/html", headers=PAGE_HEADERS)

    @router.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in STATIC:
            raise RefusalError("There is no such file.", status=404, code="not_found")
        return Response(files[name], media_type=STATIC[name], headers=PAGE_HEADERS)

    @router.get("/api/state")
    def state(response: Response, session: Session = None) -> dict[str, Any]:
        response.headers["cache-control"] = "no-store"
        return told(keeper().state(session) if session is not None and keeper().is_on(session) else None)

    @router.post("/api/start")
    def start(body: DifficultyBody, response: Response) -> dict[str, Any]:
        session = keeper().start(body.difficulty)
        response.set_cookie(COOKIE, session, max_age=COOKIE_S, httponly=True, samesite="lax")
        return told(keeper().state(session))

    @router.post("/api/answer")
    def answer(body: AnswerBody, session: Session = None) -> dict[str, Any]:
        return told(keeper().answer(on(session), body.turn, body.choice, body.reaction_ms))

    @router.post("/api/next")
    def advance(session: Session = None) -> dict[str, Any]:
        return told(keeper().advance(on(session)))

    @router.post("/api/difficulty")
    def difficulty(body: DifficultyBody, session: Session = None) -> dict[str, Any]:
        return told(keeper().set_difficulty(on(session), body.difficulty))

    @router.get("/media/{token}")
    def media(token: str) -> Response:
        file = keeper().media(token)
        if file is None:
            raise RefusalError("There is no such face or voice. Load the page again.", status=404, code="no_media")
        kind = "audio/wav" if file.suffix == ".wav" else "image/jpeg"
        return FileResponse(file, media_type=kind, headers={**MEDIA_HEADERS, "etag": f'"{token}"'})

    return router


def _about(pool: GamePool) -> dict[str, Any]:
    """Return what the page says of those who are guessed."""
    return {"people": len(pool.items), "model": pool.model, "simulated": pool.simulated, "levels": pool.has_levels}
