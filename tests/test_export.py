"""The command `export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.models.associators.cca import CCA


@pytest.mark.slow
def test_an_associator_is_exported_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CCA(4, 3, n_components=2).save_pretrained(tmp_path / "m")
    words = ["export", str(tmp_path / "m"), "--to", "onnx", "--out", str(tmp_path / "o")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "voice_tower.onnx: voice encoder vectors (batch, 4) -> unit rows (batch, 2); differs by " in said
    assert "not exported: face_encoder: the folder is an associator alone" in said
    assert main(words) == 2
    assert "Give --overwrite to replace it" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "none"), "--out", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert "Unknown model" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()
