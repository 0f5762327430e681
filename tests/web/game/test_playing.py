"""`visavox game play`: the address, the port, what is said, and a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from visavox.game_config import GamePlayConfig
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.playing import started_lines
from visavox.web.game.turn_log import TurnLog


def test_what_is_said_begins_with_the_address(game_pool: GamePool, tmp_path: Path) -> None:
    lines = started_lines(GamePlayConfig(), 8765, game_pool, tmp_path / "game.sqlite").splitlines()
    assert lines[0] == "http://127.0.0.1:8765/game"
    assert lines[1] == f"8 people, against the model oracle; turns go to {tmp_path / 'game.sqlite'}"
    assert started_lines(GamePlayConfig(quiet=True), 1, game_pool, tmp_path) == "http://127.0.0.1:1/game\n"
    assert "http://[::1]:1/game" in started_lines(GamePlayConfig(host="::1"), 1, game_pool, tmp_path)


def test_an_open_address_and_a_study_are_told(game_pool: GamePool, tmp_path: Path) -> None:
    config = GamePlayConfig(host="0.0.0.0", study=tmp_path)
    said = started_lines(config, 1, game_pool, tmp_path)
    assert "Anybody who can reach 0.0.0.0 can play" in said
    assert f"/study/... for the participants of {tmp_path}" in said


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped(game_pool: GamePool, tmp_path: Path) -> None:
    log = tmp_path / "game.sqlite"
    command = [sys.executable, "-m", "visavox", "game", "play", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--pool", str(game_pool.folder), "--log", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        request = urllib.request.Request(
            f"{url}/api/start", data=b'{"difficulty": 1}', headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["game"]["turn"]["number"] == 1
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
    assert (process.returncode, complaints) == (0, "")
    assert len(TurnLog.open(log).turns()) == 2
