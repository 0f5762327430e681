"""The command `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.world.ceiling import measure_ceiling
from visavox.world.population import Population


def test_main_figures_are_printed_and_the_report_is_named(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--model", str(small_run), "--embeddings", str(small_embeddings)]
    words += ["--splits", str(small_splits), "--out", str(tmp_path), "--resamples", "100"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "4 voices and 4 faces of 2 people" in said
    assert "1:2 matching, voice to face, all: " in said
    assert f"Report: {tmp_path / 'report.html'}" in said
    assert main([*words, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert set(row) >= {"protocol", "direction", "group", "measure", "value", "low", "high", "chance", "count"}


def test_an_unknown_model_lists_the_boxed_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", "bas", "--pairs", str(tmp_path), "--out", str(tmp_path / "r")]) != 0
    said = capsys.readouterr().err
    assert "base" in said
    assert said.count("\n") == 1


def test_a_comparison_is_named_beside_the_report(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--model", str(small_run), "--embeddings", str(small_embeddings)]
    words += ["--splits", str(small_splits), "--resamples", "100"]
    assert main([*words, "--out", str(tmp_path / "a")]) == 0
    assert "Comparison" not in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "b"), "--compare", str(tmp_path / "a")]) == 0
    page = tmp_path / "b" / "comparison.html"
    assert page.is_file()
    assert f"Comparison: {page}" in capsys.readouterr().out


def test_on_a_known_world_the_share_of_the_knowable_is_printed(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ceiling = measure_ceiling(Population(), n_trials=2000).to_json()
    (tmp_path / "world.json").write_text(json.dumps({"ceiling": ceiling}), encoding="utf-8")
    words = ["evaluate", "--model", str(small_run), "--embeddings", str(small_embeddings), "--resamples", "100"]
    words += ["--splits", str(small_splits), "--out", str(tmp_path / "r"), "--world", str(tmp_path / "world.json")]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert "of what a voice can tell about a face here" in said[1]
    assert any(line.startswith("  share of the knowable, voice to face, all: ") for line in said)
    assert any("ceiling" in line for line in said if line.startswith("  1:2 matching"))
    assert main([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    shares = [row for row in rows if row["measure"] == "share_of_knowable"]
    assert {(row["direction"], row["group"]) for row in shares} >= {("voice_to_face", "all"), ("face_to_voice", "all")}
    assert main([*words[:-1], str(tmp_path / "none")]) == 1
    assert "A world must be a folder with a world.json" in capsys.readouterr().err
