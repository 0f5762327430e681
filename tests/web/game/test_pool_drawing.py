"""The default pool is drawn by a process of its own, when somebody first wants to play."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from visavox.errors import DataError
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game import pool_drawing
from visavox.web.game.game_routes import create_game_router
from visavox.web.game.pool import default_pool_folder
from visavox.web.game.pool_drawing import NotDrawnYetError, PoolDrawing
from visavox.web.game.turn_log import TurnLog
from visavox.web.problems import install_problem_handlers

DRAW = """
import pathlib, shutil, sys, time
print(3, 8, flush=True)
go_on, source, target = map(pathlib.Path, sys.argv[1:])
while not go_on.exists():
    time.sleep(0.01)
target.parent.mkdir(parents=True, exist_ok=True)
shutil.copytree(source, target)
"""


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the user without a pool."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def drawing(cache: Path, game_pool: GamePool, tmp_path: Path) -> Any:
    """Draws the small pool as soon as there is a file called go."""
    command = [sys.executable, "-c", DRAW, str(tmp_path / "go"), str(game_pool.folder), str(default_pool_folder())]
    drawing = PoolDrawing(command)
    yield drawing
    drawing.close()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_there(drawing: PoolDrawing) -> bool:
    try:
        return len(drawing.pool().items) == 8
    except NotDrawnYetError:
        return False


def progress(drawing: PoolDrawing) -> tuple[int, int]:
    with pytest.raises(NotDrawnYetError) as raised:
        drawing.pool()
    return raised.value.done, raised.value.total


def test_the_first_who_asks_begins_and_is_told_how_far_it_is(drawing: PoolDrawing, tmp_path: Path) -> None:
    assert drawing._process is None  # nobody has asked
    assert progress(drawing) == (0, 0)
    process = drawing._process
    until(lambda: progress(drawing) == (3, 8))
    with pytest.raises(NotDrawnYetError, match="are being drawn, 3 of 8 so far. It happens once"):
        drawing.pool()
    (tmp_path / "go").touch()
    until(lambda: is_there(drawing))
    assert drawing._process is process
    assert drawing.pool() is drawing.pool()


def test_a_pool_that_is_there_is_taken_without_a_process(drawing: PoolDrawing, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    progress(drawing)
    until(lambda: is_there(drawing))
    second = PoolDrawing(["false"])
    assert len(second.pool().items) == 8
    assert second._process is None


def test_what_cannot_be_drawn_is_one_line_and_tried_again(cache: Path) -> None:
    drawing = PoolDrawing([sys.executable, "-c", "import sys; sys.exit('warning\\nThe disk is full.')"])
    progress(drawing)
    assert drawing._process is not None
    drawing._process.wait(20)
    with pytest.raises(DataError, match="^The people of the game cannot be drawn: The disk is full.$"):
        drawing.pool()
    assert progress(drawing) == (0, 0)
    drawing.close()


def test_the_process_ends_with_the_service(drawing: PoolDrawing) -> None:
    progress(drawing)
    process = drawing._process
    assert process is not None and process.poll() is None
    drawing.close()
    assert process.returncode is not None
    progress(drawing)  # and nobody begins again
    assert drawing._process is process


def test_the_page_says_so_and_then_is_the_game(drawing: PoolDrawing, tmp_path: Path) -> None:
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(create_game_router(drawing, TurnLog.open(tmp_path / "game.sqlite")))
    client = TestClient(app)
    page = client.get("/game")
    assert page.status_code == 200 and "are being drawn" in page.text and 'http-equiv="refresh"' in page.text
    assert page.headers["cache-control"] == "no-store"
    until(lambda: "3 of 8 so far" in client.get("/game").text)
    for answer in (client.get("/game/api/state"), client.post("/game/api/start", json={"difficulty": 1})):
        assert (answer.status_code, answer.json()["code"]) == (503, "drawing")
        assert answer.headers["retry-after"] == str(pool_drawing.RETRY_S)
    assert client.get("/game/static/game.css").status_code == 200
    (tmp_path / "go").touch()
    until(lambda: "are being drawn" not in client.get("/game").text)
    assert client.get("/game/api/state").json()["about"]["people"] == 8
    assert client.post("/game/api/start", json={"difficulty": 1}).json()["game"]["turn"]["number"] == 1


def test_the_process_prints_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pool_drawing.os, "nice", lambda _: 0)
    monkeypatch.setattr(pool_drawing.signal, "signal", lambda *_: None)
    monkeypatch.setattr(pool_drawing, "open_pool", lambda _, progress: progress(2, 60))
    assert pool_drawing.main() == 0
    assert capsys.readouterr().out == "2 60\n"

    def broken(_: None, progress: object) -> None:
        raise DataError("The default pool must be kept in /x: read-only.")

    monkeypatch.setattr(pool_drawing, "open_pool", broken)
    assert pool_drawing.main() == 2
    assert capsys.readouterr().err == "The default pool must be kept in /x: read-only.\n"
