"""A study over HTTP: one page a participant, what it asks for, and media under opaque names.

    GET  /study/LINK                  the page; /study/static/* is what it is made of
    GET  /study/LINK/api/state        where the participant stands
    POST /study/LINK/api/agree        {"agree": true}
    POST /study/LINK/api/answer       {"turn": "...", "choice": "left", "reaction_ms": 1800}
    POST /study/LINK/api/withdraw     {"withdraw": true}
    GET  /study/LINK/media/TOKEN      a face or a voice

Whoever has a link is its participant: no cookie, no password. The rules are `visavox.web.game.study_keeping`.

Example:
    app.include_router(create_study_router(Path("study"), open_pool(Path("pool"))))
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.game_routes import MEDIA_HEADERS, PAGE_HEADERS, static_file
from visavox.web.game.study_folder import Study
from visavox.web.game.study_keeping import StudyKeeper, StudyState
from visavox.web.service_errors import RefusalError

STATIC = {
    "game.css": "text/css",
    "study.css": "text/css",
    "study.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
API_HEADERS = {"cache-control": "no-store"}


class AgreeBody(BaseModel):
    """Consent, which must be given."""

    model_config = ConfigDict(extra="forbid")
    agree: Literal[True]


class WithdrawBody(BaseModel):
    """The wish that all answers be deleted."""

    model_config = ConfigDict(extra="forbid")
    withdraw: Literal[True]


class StudyAnswerBody(BaseModel):
    """Which face belongs to the voice, as the participant says."""

    model_config = ConfigDict(extra="forbid")
    turn: Annotated[str, Field(max_length=64)]
    choice: Literal["left", "right"]
    reaction_ms: float | None = None


def create_study_router(folder: Path, pool: GamePool) -> APIRouter:
    """Return a study as routes below /study; they need the problem handlers of `visavox.web.problems`.

    Args:
        folder: of the study, made by `game study`.
        pool: the one that it was planned for.

    Raises:
        DataError: the study is missing, damaged, or of another pool.
    """
    study = Study.load(folder, pool)
    router = APIRouter(prefix="/study", include_in_schema=False)
    keeper = StudyKeeper(study, pool)
    files = {name: static_file(name) for name in ("study.html", "no_study.html", *STATIC)}
    text = {"title": study.title, "consent": [dataclasses.asdict(block) for block in study.consent]}

    def told(state: StudyState, response: Response) -> dict[str, Any]:
        response.headers.update(API_HEADERS)
        return {**(text if state.stage == "consent" else {"title": study.title}), **dataclasses.asdict(state)}

    @router.get("")
    def nobody() -> Response:
        return _page(files["no_study.html"], status=404)

    @router.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in STATIC:
            raise RefusalError("There is no such file.", status=404, code="not_found")
        return Response(files[name], media_type=STATIC[name], headers=PAGE_HEADERS)

    @router.get("/{token}")
    def page(token: str) -> Response:
        is_known = token in study.numbers
        return _page(files["study.html" if is_known else "no_study.html"], status=200 if is_known else 404)

    @router.get("/{token}/api/state")
    def state(token: str, response: Response) -> dict[str, Any]:
        return told(keeper.state(token), response)

    @router.post("/{token}/api/agree")
    def agree(token: str, _body: AgreeBody, response: Response) -> dict[str, Any]:
        return told(keeper.agree(token), response)

    @router.post("/{token}/api/answer")
    def answer(token: str, body: StudyAnswerBody, response: Response) -> dict[str, Any]:
        return told(keeper.answer(token, body.turn, body.choice, body.reaction_ms), response)

    @router.post("/{token}/api/withdraw")
    def withdraw(token: str, _body: WithdrawBody, response: Response) -> dict[str, Any]:
        return told(keeper.withdraw(token), response)

    @router.get("/{token}/media/{media_token}")
    def media(token: str, media_token: str) -> Response:
        file = keeper.media(token, media_token)
        if file is None:
            raise RefusalError("There is no such face or voice. Load the page again.", status=404, code="no_media")
        kind = "audio/wav" if file.suffix == ".wav" else "image/jpeg"
        return FileResponse(file, media_type=kind, headers={**MEDIA_HEADERS, "etag": f'"{media_token}"'})

    return router


def _page(html: bytes, *, status: int) -> Response:
    return Response(html, status_code=status, media_type="text/html", headers=PAGE_HEADERS)
