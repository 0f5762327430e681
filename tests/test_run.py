"""The command `run`: a whole recipe in one folder, then everything skipped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from visavox.__main__ import main

RECIPE = """
name: tiny
steps:
  - simulate: {out: world, people: 4, clips: 1, layout: pairs}
  - prepare: {root: "{out}/world", out: corpus, workers: 1}
  - embed: {corpus: corpus, out: embeddings}
  - split: {corpus: corpus, out: splits, validation: 0, test: 0.5, folds: 0, candidates: 2}
  - train: {embeddings: embeddings, splits: splits, out: runs/a, associator: {name: cca, n_components: 2}}
  - evaluate:
      model: "{out}/runs/a"
      embeddings: embeddings
      splits: splits
      corpus: corpus
      world: world
      out: evaluation
      resamples: 100
next: |
  What comes next, in {out}:
    visavox match
"""


@pytest.mark.slow
def test_a_recipe_goes_from_nothing_to_a_report_and_is_then_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    words = ["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"Report: {tmp_path / 'out' / 'evaluation' / 'report.html'}" in said
    assert "  1:2 matching, voice to face, all: " in said.split("Report: ")[1]
    assert re.search(r"^    total +\d+\.\d s$", said, flags=re.MULTILINE)
    next_steps = f"What comes next, in {tmp_path / 'out'}:\n  visavox match"
    assert said.endswith(f"\n\n{next_steps}\n")
    report = json.loads((tmp_path / "out" / "evaluation" / "report.json").read_text(encoding="utf-8"))
    assert report["measures"]
    assert report["next_steps"] == next_steps
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*words, "--json"]) == 0
    assert [line["state"] for line in json.loads(capsys.readouterr().out)] == ["skipped"] * 6


def test_a_wrong_recipe_is_bad_use_before_anything_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE.replace("candidates", "candidate"), encoding="utf-8")
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "step 4 (split) takes no 'candidate'" in said
    assert not (tmp_path / "out").exists()
