"""A study over HTTP, without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from visavox.game_config import GameStudyConfig
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.playing import create_game_app
from visavox.web.game.study_folder import Study, make_study
from visavox.web.game.turn_log import TurnLog


@pytest.fixture
def study(game_pool: GamePool, tmp_path: Path) -> Path:
    make_study(GameStudyConfig(pool=game_pool.folder, out=tmp_path / "study", participants=2, trials=2, attention=1))
    return tmp_path / "study"


@pytest.fixture
def client(study: Path, game_pool: GamePool) -> TestClient:
    app = create_game_app(game_pool, TurnLog.open(study.parent / "game.sqlite"), study=study)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture
def link(study: Path, game_pool: GamePool) -> str:
    return f"/study/{next(iter(Study.load(study, game_pool).numbers))}"


def test_a_study_can_be_taken_from_consent_to_thanks(client: TestClient, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200 and "default-src 'self'" in page.headers["content-security-policy"]
    state = client.get(f"{link}/api/state").json()
    assert state["stage"] == "consent" and state["title"] == "Whose voice is this?"
    assert {block["kind"] for block in state["consent"]} == {"heading", "text", "list"}
    state = client.post(f"{link}/api/agree", json={"agree": True}).json()
    said = json.dumps(state)
    assert "consent" not in state
    assert not any(name in said for name in ("f0", "f1", "m4", "m5", "person", "true", "model"))
    for number in range(3):
        turn = state["turn"]
        assert (state["answered"], state["total"]) == (number, 3)
        face, voice = (client.get(f"{link}/media/{turn[part]}") for part in ("left", "voice"))
        assert (face.headers["content-type"], voice.headers["content-type"]) == ("image/jpeg", "audio/wav")
        assert "last-modified" not in voice.headers or voice.headers["last-modified"].endswith("1970 00:00:00 GMT")
        answer = {"turn": turn["id"], "choice": "right", "reaction_ms": 1.5}
        state = client.post(f"{link}/api/answer", json=answer).json()
    assert state["stage"] == "done"
    assert client.post(f"{link}/api/withdraw", json={"withdraw": True}).json()["stage"] == "withdrawn"


def test_who_has_no_link_is_told_so_in_words(client: TestClient, link: str) -> None:
    for path in ("/study", "/study/guess", f"{link}x"):
        page = client.get(path)
        assert page.status_code == 404 and "This link leads to no study." in page.text
        assert page.headers["content-type"].startswith("text/html")
    for path in ("/study/guess/api/state", "/study/guess/media/x", f"{link}/media/x", "/study/static/secret.txt"):
        problem = client.get(path)
        assert problem.status_code == 404
        assert problem.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("agree", {}), ("agree", {"agree": False}), ("agree", {"agree": True, "name": "Ann"}),
        ("withdraw", {"withdraw": "maybe"}), ("answer", {"turn": "x", "choice": "middle"}),
        ("answer", {"turn": "x" * 65, "choice": "left"}),
    ],
)  # fmt: skip
def test_a_body_that_is_not_as_it_must_be_is_refused(
    client: TestClient, link: str, path: str, body: dict[str, object]
) -> None:
    assert client.post(f"{link}/api/{path}", json=body).status_code == 422
    assert client.get(f"{link}/api/state").json()["stage"] == "consent"


def test_every_file_of_the_page_is_served_and_asks_nobody_else(client: TestClient, link: str) -> None:
    html = client.get(link).text
    for name in ("game.css", "study.css", "study.js", "icon.svg"):
        assert f"static/{name}" in html
        file = client.get(f"/study/static/{name}")
        assert file.status_code == 200 and "http://" not in file.text.replace("http://www.w3.org", "")
    assert "http" not in html
