"""The command `simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_a_set_is_drawn_and_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--people", "2", "--clips", "1", "--out", str(tmp_path / "w")]
    assert main(words) == 0
    assert "2 clips of 2 people" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "w").iterdir()} >= {"faces", "voices", "clips.csv"}
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 2


def test_another_seed_is_refused_until_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--people", "1", "--clips", "1", "--out", str(tmp_path / "w"), "--quiet"]
    assert main(words) == 0
    assert main([*words, "--seed", "5"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*words, "--seed", "5", "--overwrite"]) == 0


def test_no_people_is_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--people", "0", "--out", str(tmp_path / "w")]) == 2
    assert "at least 1" in capsys.readouterr().err
