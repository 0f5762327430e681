"""The folder of a report: three files, read back, damaged, unwritable."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.evaluation.measures import Curve, Measure
from visavox.evaluation.report import Baseline, Report, read_report, write_report


@pytest.fixture
def report() -> Report:
    """A small report with an undefined measure."""
    rows = (
        Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.8, 0.7, 0.9, 0.5, 90, 10),
        Measure("matching", "voice_to_face", "same_gender", "accuracy_1_of_2", math.nan, note="no gender labels"),
    )
    curve = Curve("roc", "voice_to_face", "all", (0.0, 1.0), (0.0, 1.0), "x", "y")
    return Report("Prüfung", rows, (curve,), {"seed": 1}, baselines=(Baseline("random", rows[:1]),))


def test_three_files_are_written_and_the_json_reads_back(report: Report, tmp_path: Path) -> None:
    paths = write_report(report, tmp_path / "a" / "b")
    assert [p.name for p in paths] == ["report.json", "report.md", "report.html"]
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["report.html", "report.json", "report.md"]
    assert read_report(tmp_path / "a" / "b") == report
    assert read_report(str(paths[0])) == report


def test_the_json_is_strict_and_its_measures_are_a_list_of_rows(report: Report, tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    path, _, _ = write_report(report, tmp_path)
    values = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert values["measures"][0]["value"] == 0.8
    assert values["measures"][1]["value"] is None
    assert values["provenance"] == {"seed": 1}


def test_the_three_files_tell_the_same_value(report: Report, tmp_path: Path) -> None:
    for path in write_report(report, tmp_path)[1:]:
        text = path.read_text(encoding="utf-8")
        assert "80.0 %" in text
        assert "70.0–90.0" in text
        assert "no gender labels" in text


def test_an_earlier_report_is_replaced(report: Report, tmp_path: Path) -> None:
    write_report(Report("old", (), (), {}), tmp_path)
    write_report(report, tmp_path)
    assert read_report(tmp_path).title == "Prüfung"
    assert "old" not in (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first = [p.read_bytes() for p in write_report(report, tmp_path / "one")]
    assert first == [p.read_bytes() for p in write_report(report, tmp_path / "two")]


def test_a_folder_that_is_a_file_is_one_line_of_error(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"must be written to .*file, which failed: .*Name another folder") as caught:
        write_report(report, tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_report_and_no_parts(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()  # a file cannot replace a folder
    with pytest.raises(DataError, match="must be written"):
        write_report(report, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json", "report.md"]
    assert read_report(tmp_path) == report


def test_no_report_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"report\.json cannot be read: No such file.*visavox evaluate"):
        read_report(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"format": "visavox-report-1", '])
def test_what_is_not_json_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(DataError, match="It is damaged"):
        read_report(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"format": "another"}'])
def test_other_json_is_no_report_and_the_file_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(DataError, match=r"report\.json: A report must have the format"):
        read_report(tmp_path)


def test_a_cut_json_never_reads_as_a_report(report: Report, tmp_path: Path) -> None:
    path = write_report(report, tmp_path)[0]
    text = path.read_text(encoding="utf-8").rstrip()
    for end in range(0, len(text), 97):
        path.write_text(text[:end], encoding="utf-8")
        with pytest.raises(DataError):
            read_report(tmp_path)
