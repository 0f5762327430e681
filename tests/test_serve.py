"""The command `serve`: a real process, asked over a real connection, stopped by a real signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
import httpx
from tests.web.game.conftest import write_pool

from visavox.__main__ import main
from visavox.errors import MissingDependencyError
from visavox.game_config import GameStudyConfig
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.serve import check_installed, describe
from visavox.web.game.study_folder import Study, make_study
from visavox.web.running import Started
from visavox.web.tokens import TokenFile, add_token


def start(*options: str, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "visavox", "serve", "--port", "0", "--no-pages", "--decoders", "1", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_service_answers_as_the_command_does_and_stops_when_told(
    small_world: Path, small_run: Path, tmp_path: Path
) -> None:
    voice = sorted((small_world / "voices").iterdir())[0]
    faces = sorted((small_world / "faces").iterdir())[0:4:2]
    process = start("--model", str(small_run), "--json", "--quiet", cwd=tmp_path)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert set(told) == {"url", "loaded", "absent"} and told["absent"]["gallery"] == "--gallery FOLDER"
        files = [("voice", (voice.name, voice.read_bytes())), *(("faces", (p.name, p.read_bytes())) for p in faces)]
        with httpx.Client(base_url=told["url"], trust_env=False, timeout=60) as client:
            answer = client.post("/v1/match", files=files)
            assert "server" not in answer.headers
            port = int(told["url"].rsplit(":", 1)[1])
            other = subprocess.run(
                [sys.executable, "-m", "visavox", "serve", "--port", str(port), "--no-pages"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert other.returncode == 2 and other.stderr.count("\n") == 1
        assert f"Port {port} of 127.0.0.1 is in use" in other.stderr
        expected = VoiceFaceModel.from_pretrained(small_run).match(voice, faces).probabilities
        assert [face["probability"] for face in answer.json()["faces"]] == pytest.approx(list(expected), abs=1e-5)
        process.send_signal(signal.SIGTERM)
        said, complaints = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, said, complaints) == (0, "", ""), "nothing of what was uploaded is said anywhere"
    assert list(tmp_path.iterdir()) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_told_twice_it_leaves_what_runs_and_says_so(small_run: Path, tmp_path: Path) -> None:
    process = start("--model", str(small_run), "--json", cwd=tmp_path)
    try:
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["url"].rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"POST /v1/match HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n")
            connection.sendall(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")
            time.sleep(0.3)  # the request has begun, and its body does not end
            process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=5)  # sooner than the patience that it has with requests
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Traceback" not in complaints


@pytest.mark.slow
def test_a_study_is_open_to_its_participants_where_all_else_needs_a_token(small_run: Path, tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool", list("ffffmmmm"))
    make_study(GameStudyConfig(pool=pool.folder, out=tmp_path / "study", participants=2, trials=2, attention=1))
    link = next(iter(Study.load(tmp_path / "study", pool).numbers))
    token = add_token(tmp_path / "tokens.json", "lab", days=1.0)
    options = ("--tokens", "tokens.json", "--study", "study", "--game", "pool", "--json")
    process = start("--model", str(small_run), *options, cwd=tmp_path)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with httpx.Client(base_url=told["url"], trust_env=False, timeout=60) as client:
            assert client.get(f"/study/{link}").status_code == 200
            assert client.get("/study/static/study.js").status_code == 200
            agreed = client.post(f"/study/{link}/api/agree", json={"agree": True}).json()
            turn = agreed["turn"]
            assert client.get(f"/study/{link}/media/{turn['voice']}").headers["content-type"] == "audio/wav"
            answer = {"turn": turn["id"], "choice": "left", "reaction_ms": 5}
            assert client.post(f"/study/{link}/api/answer", json=answer).json()["answered"] == 1
            assert client.get("/study/guess").status_code == 404
            assert client.get("/v1/model").status_code == 401
            bearer = {"authorization": f"Bearer {token}"}
            assert client.get("/v1/model", headers=bearer).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and "Traceback" not in complaints


def test_a_token_is_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tokens.json"
    assert main(["serve", "--tokens", str(path), "--new-token", "lab", "--token-days", "2"]) == 0
    said = capsys.readouterr()
    assert TokenFile(path).check(said.out.strip()).name == "lab"
    assert "shown once and ends in 2 days" in said.err
    assert main(["serve", "--tokens", str(path), "--new-token", "robot", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert TokenFile(path).check(told["token"]).name == told["name"] == "robot"
    assert main(["serve", "--tokens", str(path), "--new-token", "lab"]) == 2
    assert "has a token 'lab'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "so it needs tokens. Make one with: visavox serve"),
        (["--tokens", "absent.json"], 1, "there is no such file of tokens"),
        (["--model", "absent"], 2, "Unknown model"),
        (["--model", "world", "--gallery", "absent"], 1, "absent"),
        (["--model", "world", "--people", "absent"], 1, "Make one with: visavox enroll"),
        (["--model", "world", "--generator", "absent"], 2, "absent"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--port", "0", "--no-pages", *words]) == code
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and shown.out == ""


def test_a_missing_package_is_named_with_its_extra() -> None:
    check_installed(("json",))
    with pytest.raises(MissingDependencyError, match=r"needs no_such_package.* pip install 'visavox\[web\]'"):
        check_installed(("json", "no_such_package"))


def test_what_runs_is_told_and_what_is_not_with_its_option() -> None:
    text = describe(Started("http://127.0.0.1:1", {"model": "base"}, {"gallery": "--gallery FOLDER"}))
    assert text.splitlines() == [
        "Visavox answers at http://127.0.0.1:1 (Ctrl-C stops it)",
        "  model    base",
        "  gallery  none; add it with: --gallery FOLDER",
    ]
