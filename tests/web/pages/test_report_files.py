"""Reports are found and opened, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from visavox.web.pages.report_files import DEEPEST, REPORTS, find_reports, report_of


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for number, name in enumerate(("old/report.html", "new/deep/leaderboard.html", "new/human.html")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<h1>{number}</h1>", encoding="utf-8")
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    return folder


def test_reports_are_listed_newest_first(runs: Path) -> None:
    found = find_reports([runs])
    assert [report.name for report in found] == [
        "runs/new/human.html",
        "runs/new/deep/leaderboard.html",
        "runs/old/report.html",
    ]
    assert [report.kind for report in found] == [REPORTS["human.html"], REPORTS["leaderboard.html"], "evaluation"]
    assert f"{found[2].modified:%Y-%m-%d %H:%M}" == "2023-11-14 22:13"


def test_each_is_found_again_by_its_key(runs: Path) -> None:
    for report in find_reports([runs]):
        assert report_of([runs], report.key) == report
        assert len(report.key) == 16 and report.key.isalnum()


@pytest.mark.parametrize("key", ["", "..", "../old/report.html", "0" * 16, "%2e%2e%2f", "/etc/passwd"])
def test_no_other_key_opens_anything(key: str, runs: Path) -> None:
    assert report_of([runs], key) is None


def test_other_files_and_hidden_folders_are_no_reports(runs: Path) -> None:
    for name in ("notes.html", "report.json", ".hidden/report.html"):
        (runs / name).parent.mkdir(exist_ok=True)
        (runs / name).write_text("secret", encoding="utf-8")
    assert len(find_reports([runs])) == 3


def test_a_link_that_leads_out_is_not_followed(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    (runs / "report.html").symlink_to(tmp_path / "secret.html")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "report.html").write_text("other", encoding="utf-8")
    (runs / "out").symlink_to(tmp_path / "other")
    assert len(find_reports([runs])) == 3


def test_a_report_below_two_folders_is_listed_once(runs: Path) -> None:
    assert len(find_reports([runs, runs / "new"])) == 3


def test_very_deep_folders_are_left_out(runs: Path) -> None:
    deep = runs.joinpath(*"abcdefgh"[: DEEPEST + 1])
    deep.mkdir(parents=True)
    (deep / "report.html").write_text("deep", encoding="utf-8")
    assert len(find_reports([runs])) == 3


def test_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert find_reports([tmp_path / "nothing"]) == []
