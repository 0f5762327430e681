"""The command `train`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_the_outcome_is_printed(
    small_embeddings: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "train",
        "--embeddings",
        str(small_embeddings),
        "--splits",
        str(small_splits),
        "--out",
        str(tmp_path / "r"),
    ]
    words += ["--associator", "{name: cca, n_components: 3}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "8 pairs of 4 people" in said
    assert "validation 1:2 voice to face: " in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_pairs"] == 8


def test_an_unknown_associator_is_bad_use(
    small_embeddings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--embeddings", str(small_embeddings), "--out", str(tmp_path / "r"), "--associator", "towers"]
    assert main(words) == 2
    assert "two_tower" in capsys.readouterr().err


def test_missing_embeddings_name_the_command_that_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--embeddings", str(tmp_path), "--out", str(tmp_path / "r")]) == 1
    assert "visavox embed" in capsys.readouterr().err
