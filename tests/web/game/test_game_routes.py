"""The game over HTTP: pages, cookies, problems, media without a hint of who speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.game_routes import COOKIE, STATIC, static_file
from visavox.web.game.playing import create_game_app
from visavox.web.game.turn_log import TurnLog


@pytest.fixture
def log(tmp_path: Path) -> TurnLog:
    return TurnLog.open(tmp_path / "game.sqlite")


@pytest.fixture
def client(game_pool: GamePool, log: TurnLog) -> Iterator[TestClient]:
    with TestClient(create_game_app(game_pool, log), base_url="http://127.0.0.1") as client:
        yield client


def start(client: TestClient, difficulty: int = 3) -> dict[str, Any]:
    answer = client.post("/game/api/start", json={"difficulty": difficulty})
    assert answer.status_code == 200
    game: dict[str, Any] = answer.json()["game"]
    return game


def refused(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


def test_the_page_asks_for_nothing_elsewhere_and_runs_no_script_inside_it(client: TestClient) -> None:
    answer = client.get("/game")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    everything = answer.text + "".join(client.get(f"/game/static/{name}").text for name in STATIC)
    assert set(re.findall(r"https?://[\w.]+", everything)) <= {"http://www.w3.org"}  # the name space of SVG
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", answer.text)
    for named in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert client.get(f"/{named}").status_code == 200, named


def test_assets_are_in_the_package_and_have_their_types(client: TestClient) -> None:
    for name, kind in STATIC.items():
        answer = client.get(f"/game/static/{name}")
        assert answer.content == static_file(name)
        assert answer.headers["content-type"].startswith(kind)
    refused(client.get("/game/static/game.html"), 404, "not_found")
    refused(client.get("/game/static/..%2F..%2Fpool.py"), 404, "not_found")


def test_pages_of_other_sites_may_not_play(client: TestClient) -> None:
    refused(client.get("/game", headers={"host": "evil.example"}), 421, "wrong_host")
    answer = client.post("/game/api/start", json={}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


def test_the_root_leads_to_the_game(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "game"


def test_a_browser_without_a_game_is_told_about_the_pool_alone(client: TestClient) -> None:
    told = client.get("/game/api/state").json()
    assert told == {"about": {"people": 8, "model": "oracle", "simulated": True, "levels": True}, "game": None}


def test_a_game_goes_on_in_the_same_browser_and_in_no_other(client: TestClient) -> None:
    game = start(client)
    cookie = client.cookies.get(COOKIE)
    assert client.get("/game/api/state").json()["game"] == game
    client.cookies.clear()
    assert client.get("/game/api/state").json()["game"] is None
    client.cookies.set(COOKIE, "somebody else")
    assert client.get("/game/api/state").json()["game"] is None
    client.cookies.clear()
    client.cookies.set(COOKIE, str(cookie))
    assert client.get("/game/api/state").json()["game"] == game


def test_scripts_cannot_read_the_cookie(client: TestClient) -> None:
    said = client.post("/game/api/start", json={}).headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said


def test_a_turn_from_start_to_next(client: TestClient, log: TurnLog) -> None:
    game = start(client, difficulty=1)
    asked = {"turn": game["turn"]["id"], "choice": "left", "reaction_ms": 0.4}
    first, second = (client.post("/game/api/answer", json=asked).json()["game"] for _ in range(2))
    assert first == second
    assert first["turn"]["result"]["yours"] == "left"
    assert first["score"]["answered"] == 1
    assert client.post("/game/api/next").json()["game"]["turn"]["id"] == game["next"]["id"]
    assert [turn.reaction_ms for turn in log.turns(answered_only=True)] == [1]
    assert client.post("/game/api/difficulty", json={"difficulty": 5}).json()["game"]["difficulty"] == 5


def test_starting_again_begins_at_zero_and_keeps_the_turns(client: TestClient, log: TurnLog) -> None:
    game = start(client)
    client.post("/game/api/answer", json={"turn": game["turn"]["id"], "choice": "left"})
    again = start(client)
    assert again["score"]["answered"] == 0
    assert len(log.turns(answered_only=True)) == 1


def test_turns_of_others_and_old_ones_are_problems(client: TestClient) -> None:
    foreign = start(client)["turn"]["id"]
    game = start(client)
    refused(client.post("/game/api/answer", json={"turn": foreign, "choice": "left"}), 404, "no_turn")
    refused(client.post("/game/api/answer", json={"turn": game["next"]["id"], "choice": "left"}), 409, "not_this_turn")
    client.cookies.clear()
    for path, body in (
        ("answer", {"turn": foreign, "choice": "left"}),
        ("next", {}),
        ("difficulty", {"difficulty": 2}),
    ):
        refused(client.post(f"/game/api/{path}", json=body), 404, "no_game")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("start", {"difficulty": 6}),
        ("start", {"difficulty": 0}),
        ("start", {"level": 3}),
        ("difficulty", {"difficulty": "hard"}),
        ("answer", {"turn": "x", "choice": "middle"}),
        ("answer", {"turn": "x" * 65, "choice": "left"}),
        ("answer", {"choice": "left"}),
    ],
)
def test_nonsense_is_a_problem(client: TestClient, path: str, body: dict[str, Any]) -> None:
    start(client)
    answer = client.post(f"/game/api/{path}", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_media_come_whole_and_in_parts_as_safari_asks(client: TestClient) -> None:
    turn = start(client)["turn"]
    voice = client.get(f"/game/media/{turn['voice']}")
    assert (voice.status_code, voice.headers["content-type"], voice.content[:4]) == (200, "audio/wav", b"RIFF")
    part = client.get(f"/game/media/{turn['voice']}", headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b"RI")
    face = client.get(f"/game/media/{turn['left']}")
    assert (face.headers["content-type"], face.content[:2]) == ("image/jpeg", b"\xff\xd8")
    refused(client.get("/game/media/nothing"), 404, "no_media")


def test_headers_of_media_do_not_tell_who_speaks(client: TestClient) -> None:
    """The time of a file would: a person's face and voice are written one after the other."""
    turn = start(client)["turn"]
    headers = [client.get(f"/game/media/{turn[part]}").headers for part in ("voice", "left", "right")]
    assert {answer["last-modified"] for answer in headers} == {"Thu, 01 Jan 1970 00:00:00 GMT"}
    assert len({answer["etag"] for answer in headers}) == 3
    assert all("content-disposition" not in answer for answer in headers)
