"""The command `trials`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_counts_usage_and_reasons_are_printed(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trials", "--corpus", str(small_corpus), "--out", str(tmp_path), "--strata", "all", "age"]
    assert main([*words, "--candidates", "2", "9"]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path}: 16 clips of 8 people; visavox; seed 0" in said
    assert "matching_voice_to_face_all_2" in said
    assert "negative: a person 6 to 6, a clip 3 to 3 times" in said
    assert "skipped matching_voice_to_face_all_9: No 1:9 trial" in said
    assert "Same-age trials need age labels. Got none. Give a column 'age' in clips.csv." in said
    assert main([*words, "--candidates", "2", "9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["matching_voice_to_face_all_2"] == 48
    assert main([*words, "--candidates", "2", "9", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_an_unknown_stratum_is_bad_use(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", "--corpus", str(small_corpus), "--out", str(tmp_path), "--strata", "sex"]) == 2
    said = capsys.readouterr().err
    assert "`strata` must be 'all' or some of gender" in said
    assert said.count("\n") == 1
