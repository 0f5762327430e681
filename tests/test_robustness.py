"""The command `robustness`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


@pytest.fixture
def words(small_corpus: Path, small_run: Path, small_splits: Path, tmp_path: Path) -> list[str]:
    command = ["robustness", "--corpus", str(small_corpus), "--model", str(small_run), "--splits", str(small_splits)]
    return [*command, "--out", str(tmp_path / "r"), "--resamples", "100", "--workers", "1", "--conditions"]


def test_the_summary_is_printed_and_the_report_is_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "jpeg", "tilt"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Robustness of ")
    assert said[0].endswith("4 voices and 4 faces of 2 people")
    assert said[1] == (
        "At which level half of the lead over chance is lost (1:2, voice → face, all pairs; face → voice, all pairs):"
    )
    assert said[2].startswith("  Tilt, angle    ")
    assert said[3].startswith("  JPEG, quality  ")
    assert said[-1] == f"Report: {tmp_path / 'r' / 'report.html'}"
    assert {"report.json", "report.md", "report.html"} <= {path.name for path in (tmp_path / "r").iterdir()}
    assert main([*words, "jpeg", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert [section["title"] for section in sections] == [
        "At which level half of the lead over chance is lost",
        "JPEG",
    ]


def test_an_unknown_condition_lists_the_known_ones(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "nois"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Did you mean 'noise'" in said
    assert "telephone" in said
