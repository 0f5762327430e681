"""Several runs side by side: one column a run, never two protocols in it."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from visavox.errors import ConfigError, DataError
from visavox.evaluation.comparison import compare_reports, compare_runs, same_trials
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Report
from visavox.evaluation.report import write_report

NAN = math.nan


def made(
    title: str, value: float, *, trials: str = "t1", catalog: str = "c1", protocols: tuple[str, ...] = ("matching",)
) -> Report:
    measures = tuple(
        Measure(p, d, "all", "accuracy_1_of_2", value, value - 0.05, value + 0.05, 0.5, 90, 10)
        for p in protocols
        for d in ("voice_to_face", "face_to_voice")
    )
    return Report(title, measures, (), {"corpus": "made up", "catalog_hash": catalog, "trial_hash": trials})


def tables(html: str) -> list[str]:
    return re.findall(r"<h3>(.*?)</h3>", html)


def drawn(title: str, leading: str, value: float) -> Report:
    """A report on drawn faces: its leader, the leader's shuffled voices and a control."""
    values = {leading: value, f"{leading}, shuffled voices": 0.5, "gender only": 0.74}
    measures = tuple(
        Measure("reconstruction", who, "dlib_all", "accuracy_1_of_2", v, v - 0.05, v + 0.05, 0.5, 90, 10)
        for who, v in values.items()
    )
    about = {"judge": "dlib", "leading": leading}
    return Report(title, measures, (), {"corpus": "c", "trial_hash": "t", "reconstruction": about})


def test_drawers_of_two_names_stand_in_one_table() -> None:
    comparison = compare_runs({"a": drawn("a", "decoder", 0.8), "b": drawn("b", "mine, diffusion", 0.7)})
    assert tables(comparison.html) == [
        "Drawn faces, what leads each run",
        "Drawn faces, what leads each run, shuffled voices",
        "Drawn faces, gender only",
    ]
    line = "| 1:2 accuracy, all pairs, by dlib | 80.0 % (75.0–85.0) | 70.0 % (65.0–75.0) | 50.0 % |"
    assert line in comparison.markdown


def test_one_run_makes_a_comparison() -> None:
    comparison = compare_runs({"one": made("one", 0.8)})
    assert "1 run<" in comparison.html
    assert "| measure | one | chance |" in comparison.markdown


def test_three_runs_of_the_same_trials_stand_in_one_table_a_direction() -> None:
    runs = {name: made(name, value) for name, value in (("a", 0.7), ("b", 0.8), ("c", 0.9))}
    comparison = compare_runs(runs)
    assert tables(comparison.html) == ["Matching, voice → face", "Matching, face → voice"]
    line = "| 1:2 accuracy, all pairs | 70.0 % (65.0–75.0) | 80.0 % (75.0–85.0) | 90.0 % (85.0–95.0) | 50.0 % |"
    assert comparison.markdown.count(line) == 2
    assert comparison.html.count("<svg") == 2
    assert comparison.html.count('class="dot') == 6


def test_no_table_holds_two_protocols() -> None:
    runs = {"a": made("a", 0.8, protocols=("matching", "listed")), "b": made("b", 0.7, protocols=("listed",))}
    comparison = compare_runs(runs)
    assert tables(comparison.html) == [
        "Matching, voice → face",
        "Matching, face → voice",
        "Listed, voice → face",
        "Listed, face → voice",
    ]
    sections = comparison.markdown.split("### ")[1:]
    assert all(section.count("| 1:2 accuracy") == 1 for section in sections)
    assert "undefined" in sections[0]
    assert "undefined" not in sections[2]


def test_runs_on_other_trials_get_tables_of_their_own() -> None:
    runs = {
        "a": made("a", 0.8),
        "b": made("b", 0.7, trials="t2"),
        "c": made("c", 0.6),
        "d": made("d", 0.5, catalog="c2"),
    }
    assert [list(group) for group in same_trials(runs)] == [["a", "c"], ["b"], ["d"]]
    comparison = compare_runs(runs)
    assert len(tables(comparison.html)) == 6
    assert "Trials 2 of 3" in comparison.html
    assert "| measure | a | c | chance |" in comparison.markdown


def test_without_hashes_the_corpus_decides() -> None:
    runs = {n: Report(n, (), (), {"corpus": c}) for n, c in (("a", "x"), ("b", "y"), ("c", "x"))}
    assert [list(group) for group in same_trials(runs)] == [["a", "c"], ["b"]]


def test_a_run_without_a_measure_is_undefined_there() -> None:
    runs = {"a": made("a", 0.8), "b": Report("b", (), (), made("b", 0.1).provenance)}
    assert "| 80.0 % (75.0–85.0) | undefined | 50.0 % |" in compare_runs(runs).markdown


def test_nan_is_undefined() -> None:
    comparison = compare_runs({"a": made("a", NAN)})
    assert "undefined" in comparison.markdown
    assert re.search(r"\bnan\b", comparison.html) is None


def test_the_page_is_self_contained_and_closed() -> None:
    class Balance(HTMLParser):
        depth = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.depth += tag != "meta"

        def handle_endtag(self, tag: str) -> None:
            self.depth -= 1

    html = compare_runs({"a": made("a", 0.8), "b": made("b", 0.7)}).html
    balance = Balance()
    balance.feed(html)
    assert balance.depth == 0
    assert re.search(r"https?:|<script|<link", html) is None


def test_names_of_runs_are_escaped() -> None:
    comparison = compare_runs({"<b>|&": made("x", 0.8)})
    assert "<b>|&" not in comparison.html
    assert "&lt;b&gt;|&amp;" in comparison.html
    assert "&lt;b>\\|&amp;" in comparison.markdown


def test_folders_are_read_in_their_order(tmp_path: Path) -> None:
    for name, value in (("one", 0.8), ("two", 0.7)):
        write_report(made(name, value), tmp_path / name)
    comparison = compare_reports([tmp_path / "two", str(tmp_path / "one")])
    assert "| measure | two | one | chance |" in comparison.markdown


def test_reports_of_one_title_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(made("base", 0.8), tmp_path / name)
    comparison = compare_reports([tmp_path / "one", tmp_path / "two", tmp_path / "two"])
    assert "| measure | base (one) | base (two) | base (two)\\* | chance |" in comparison.markdown


def test_nothing_to_compare_is_a_wrong_request() -> None:
    with pytest.raises(ConfigError, match="needs at least one report"):
        compare_runs({})


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty"):
        compare_reports([tmp_path / "empty"])


def test_the_in_between_sizes_of_the_curve_are_folded_away() -> None:
    def sized(title: str, *sizes: int) -> Report:
        rows = (
            Measure("matching", "voice_to_face", "all", f"accuracy_1_of_{n}", 0.6, 0.5, 0.7, 1 / n, 9, 3) for n in sizes
        )
        return Report(title, tuple(rows), (), {"catalog_hash": "c"})

    html = compare_runs({"a": sized("a", 2, 4, 5)}).html
    shown, folded = html.split("<details>")
    assert "1:2 accuracy, all pairs" in shown
    assert "1:5 accuracy, all pairs" in shown
    assert "1:4 accuracy, all pairs" in folded
    assert "<details>" not in compare_runs({"a": sized("a", 2, 5)}).html
    assert "1:4 accuracy, all pairs" in compare_runs({"a": sized("a", 4)}).html
