"""Tests of the commands `game ...` as a user types them: text, JSON, silence, one line for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from visavox import game
from visavox.__main__ import COMMANDS, config_class, main
from visavox.config import CommandConfig
from visavox.errors import MissingDependencyError
from visavox.game_config import GameExportConfig, GameReportConfig
from visavox.web.game.turn_log import TurnLog


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = TurnLog.open(tmp_path / "game.sqlite")
    log.add_items({"ann": "f", "bob": "m"})
    turn = log.add_turn(
        log.start_session("game", {}),
        "game",
        true_item="ann",
        false_item="bob",
        left_item="ann",
        model_choice="ann",
    )
    log.answer(turn.id, "bob")
    return log.path


def test_every_command_of_the_game_is_done_here() -> None:
    wanted = {config_class(name) for words, (name, _) in COMMANDS.items() if words.startswith("game ")}
    assert set(game.WORK) == wanted


def test_export_prints_text_or_json_or_nothing(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["game", "export", str(log), "--overwrite", "--out", str(tmp_path / "log.csv")]
    assert main(words) == 0
    assert f"{tmp_path / 'log.csv'}: 1 turn of 1 player" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_turns"] == 1
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_import_takes_what_export_wrote(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["game", "export", str(log), "--out", str(tmp_path / "log.csv"), "--quiet"])
    assert main(["game", "import", str(tmp_path / "log.csv"), "--out", str(tmp_path / "again.sqlite")]) == 0
    assert "1 turn of 1 player added" in capsys.readouterr().out
    assert len(TurnLog.open(tmp_path / "again.sqlite").turns(answered_only=True)) == 1


def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["game", "export", str(tmp_path / "none.sqlite"), "--out", str(tmp_path / "log.csv")]) == 1
    assert main(["game", "play", "--port", "99999"]) == 2
    assert main(["game", "pool", "--out", str(tmp_path / "pool"), "--people", "2"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 3
    assert all(line.startswith("visavox: ") for line in said.err.splitlines())


@dataclass(frozen=True)
class Said:
    """An outcome that is made of a path and a number."""

    out: Path
    number: int

    def describe(self) -> str:
        return f"{self.number} in {self.out}\n"


def test_what_has_said_everything_itself_is_not_said_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`game report` prints its figures itself, and returns nothing."""
    asked: list[CommandConfig] = []
    monkeypatch.setattr("visavox.pipeline.human_baseline.run_report", asked.append, raising=False)
    config = GameReportConfig(log=Path("log"), out=Path("out"))
    assert game.run(config) == 0
    assert asked == [config]
    assert capsys.readouterr().out == ""


def test_an_outcome_is_json_of_its_fields() -> None:
    assert game.as_json(Said(Path("a"), 3)) == {"out": "a", "number": 3}


@pytest.mark.parametrize(("missing", "is_ours"), [("fastapi", True), ("uvicorn.config", True), ("visavox.lost", False)])
def test_a_missing_package_of_the_web_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str, is_ours: bool
) -> None:
    def lost(_name: str) -> object:
        raise ModuleNotFoundError(name=missing)

    monkeypatch.setattr(game.importlib, "import_module", lost)
    config = GameExportConfig(log=Path("log"), out=Path("out"))
    expected = MissingDependencyError if is_ours else ModuleNotFoundError
    with pytest.raises(expected) as caught:
        game.run(config)
    assert ("pip install 'visavox[web]'" in str(caught.value)) == is_ours


def test_help_brings_neither_a_server_nor_a_network() -> None:
    code = (
        "import sys; from visavox.__main__ import main; main(['game', '--help']); import visavox.game; "
        "assert not {'fastapi', 'uvicorn', 'torch', 'numpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "game pool" in done.stdout
