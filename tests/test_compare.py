"""The command `compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from visavox.__main__ import main


@pytest.fixture
def recipe(small_embeddings: Path, tmp_path: Path) -> Path:
    values = {
        "name": "two",
        "resamples": 100,
        "arenas": [{"name": "small", "embeddings": str(small_embeddings), "folds": 2}],
        "methods": [
            {"name": "one", "associator": {"name": "cca", "n_components": 2}},
            {"name": "other", "associator": {"name": "cca", "n_components": 1}},
        ],
    }
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "two.yaml"


def test_the_ranking_is_printed_and_written(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(recipe), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("small: 1:2 accuracy, voice to face, ")
    assert said[0].endswith("people, 2 folds")
    assert {line.split()[0] for line in said[1:]} == {"one", "other"}
    assert (tmp_path / "out" / "leaderboard.html").is_file()
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reference"] == "one"
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_by_default_the_folder_has_the_name_of_the_recipe(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", str(recipe), "--workers", "1", "--quiet"]) == 0
    assert (tmp_path / "runs" / "two" / "leaderboard.md").is_file()


def test_a_wrong_recipe_is_bad_use_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path / "no.yaml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
