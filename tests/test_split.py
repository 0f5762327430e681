"""The command `split`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.corpus.catalog import CATALOG, Catalog


def test_counts_trials_and_audit_are_printed(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["split", "--corpus", str(small_corpus), "--out", str(tmp_path)]
    words += ["--validation", "0.25", "--test", "0.5", "--folds", "2", "--candidates", "2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "clips train 4, validation 4, test 8; 2 folds; seed 0" in said
    assert "matching_voice_to_face_all_2" in said
    assert "0 errors" in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["audit_errors"] == 0


def test_impossible_shares_are_bad_use(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", "--corpus", str(small_corpus), "--out", str(tmp_path), "--test", "1.5"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_lists_that_cannot_be_drawn_are_named_with_the_reason(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["split", "--corpus", str(small_corpus), "--out", str(tmp_path), "--validation", "0.25", "--test", "0.5"]
    assert main([*words, "--folds", "2", "--candidates", "9"]) == 0
    said = capsys.readouterr().out
    assert "skipped matching_voice_to_face_all_9: No 1:9 trial" in said


def test_people_outside_a_published_split_are_counted(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Catalog.open(small_corpus / CATALOG) as catalog:
        people = sorted({item.identity for item in catalog.items()})
    listed = tmp_path / "identity_splits.txt"
    words = ["split", "--corpus", str(small_corpus), "--out", str(tmp_path / "out"), "--published", str(listed)]
    words += ["--folds", "0"]
    listed.write_text("\n".join(f"{name} 4" for name in people[:2]), encoding="utf-8")
    assert main(words) == 0
    shown = ", ".join(people[2:5])
    said = capsys.readouterr().out
    assert f"outside people that the published split does not name: {len(people) - 2} ({shown}, ...)" in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outside"] == {"people": len(people) - 2, "some": people[2:5]}
    listed.write_text("\n".join(f"{name} 4" for name in people), encoding="utf-8")
    assert main([*words, "--overwrite"]) == 0
    assert "outside people" not in capsys.readouterr().out
