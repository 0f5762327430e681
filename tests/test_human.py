"""The command `human`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.pipeline.human_baseline import COLUMNS


@pytest.fixture
def game(tmp_path: Path) -> Path:
    rows = [",".join(COLUMNS), "p,a,b,a,a,2024-08-16 14:02:01", "q,a,b,a,b,2024-08-16 14:02:05"]
    (tmp_path / "FaceTones_game_log.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "females.txt").write_text("a\nb", encoding="utf-8")
    (tmp_path / "male.txt").write_text("c", encoding="utf-8")
    return tmp_path


def test_the_accuracies_are_printed(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["human", str(game), "--out", str(game / "out"), "--resamples", "100"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"{game}: 2 turns of 2 players" in said
    assert "two women:              2 turns  people 50.0 (9.5–90.5)" in said
    assert f"Report: {game / 'out' / 'human.html'}" in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["n_turns"] == 2


def test_a_missing_log_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["human", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert "There is no" in error
    assert len(error.splitlines()) == 1
