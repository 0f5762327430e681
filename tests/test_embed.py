"""The command `embed`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_shapes_are_printed(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["embed", "--corpus", str(small_corpus), "--out", str(tmp_path)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "16 voices x 256 by ge2e" in said
    assert "16 faces x 519 by dlib" in said
    assert main([*words, "--json"]) == 0
    assert [row["dim"] for row in json.loads(capsys.readouterr().out)] == [256, 519]


def test_a_face_encoder_for_voices_is_bad_use(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", "--corpus", str(small_corpus), "--out", str(tmp_path), "--voice-encoder", "dlib"]) == 2
    assert "Give a voice encoder" in capsys.readouterr().err


def test_options_of_an_encoder_are_given_as_yaml(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["embed", "--corpus", str(small_corpus), "--out", str(tmp_path), "--cache", str(tmp_path / "cache")]
    assert main([*words, "--voice-encoder", "{name: ge2e, output: hidden}"]) == 0
    assert "16 voices x 1024" in capsys.readouterr().out
