"""The commands `gallery ...`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_a_gallery_from_its_making_to_its_export(
    small_embeddings: Path, small_corpus: Path, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, source = str(tmp_path / "g"), ["--embeddings", str(small_embeddings), "--corpus", str(small_corpus)]
    assert main(["gallery", "build", *source, "--model", str(small_run), "--out", gallery, "--workers", "1"]) == 0
    assert "16 voices of 8 people and 16 faces of 8 people" in capsys.readouterr().out
    assert main(["gallery", "add", gallery, *source, "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_replaced"] == 32
    assert main(["gallery", "info", gallery, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["info"]
    assert (told["backend"], told["modalities"]["face"]["n_rows"], told["generation"]) == ("local", 16, 2)
    assert main(["gallery", "remove", gallery, "--people", "nobody"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("visavox: No person of the 8 in")
    assert said.count("\n") == 1
    assert main(["gallery", "info", gallery, "--verify", "--quiet"]) == 0
    assert "fits its checksums" in capsys.readouterr().out
    assert main(["gallery", "export", gallery, "--out", str(tmp_path / "exported"), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in (tmp_path / "exported").iterdir()) == [
        "clips.csv",
        "face.parquet",
        "faces",
        "voice.parquet",
        "voices",
    ]


@pytest.mark.parametrize(
    "words", [["info"], ["add", "--pairs", "p"], ["remove", "--people", "x"], ["export", "--out", "o"]]
)
def test_a_folder_without_a_gallery_is_one_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", words[0], str(tmp_path / "none"), *words[1:]]) == 1
    said = capsys.readouterr().err
    assert "holds no gallery. Make one with: visavox gallery build" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
