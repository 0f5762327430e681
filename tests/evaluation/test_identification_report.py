"""The whole report on an identification experiment: its sections, its page, its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.evaluation.identification_record import Experiment
from visavox.evaluation.identification_report import ReportSettings, clips_hash, identification_report
from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report, write_report
from visavox.evaluation.tables import figure_lines, knowable_summary

Build = Callable[..., Experiment]
SETTINGS = ReportSettings(seed=3, n_resamples=100, provenance={"version": "9.9", "seed": 3}, next_steps="visavox run x")


@pytest.fixture(scope="module")
def report(made_up_experiment: Build) -> Report:
    one, other = made_up_experiment("session"), made_up_experiment("clip", shift=0.5, seed=2)
    return identification_report(one, other=other, settings=SETTINGS, paths={})


def test_every_section_is_there_in_its_order(report: Report) -> None:
    assert [section.title for section in report.sections] == [
        "The table of the original and ours, top-1",
        "The table of the original and ours, top-5",
        "The leak of the original",
        "Whether the order of the rows holds",
        "Train beside test, split by clip",
        "Train beside test, split by session",
        "What it costs",
        "Accuracy against cost",
        "Differences",
        "Confusion between people",
        "Open set: strangers ask too",
        "Over-fitting",
        "The search of net-face",
    ]
    assert report.title == "Identification of 7 people on a made-up world"


def test_one_split_alone_has_no_leak(made_up_experiment: Build) -> None:
    alone = identification_report(made_up_experiment("clip"), settings=SETTINGS, paths={})
    assert "The leak of the original" not in [section.title for section in alone.sections]
    assert alone.provenance["identification"]["other_split"] is None
    assert {m.group for m in alone.measures} == {"train_by_clip", "validation_by_clip", "test_by_clip"}


def test_the_leak_is_by_clip_less_by_session_whichever_is_named_first(made_up_experiment: Build) -> None:
    one, other = made_up_experiment("session"), made_up_experiment("clip", shift=1.5, seed=2)
    sections = [
        next(s for s in identification_report(a, other=b, settings=SETTINGS, paths={}).sections if "leak" in s.title)
        for a, b in ((one, other), (other, one))
    ]
    assert sections[0] == sections[1]
    assert sections[0].rows[-1][3][0] > 0


def test_the_provenance_says_where_the_figures_come_from(report: Report, made_up_experiment: Build) -> None:
    told = report.provenance
    assert (told["version"], told["corpus"], told["catalog_hash"]) == ("9.9", "a made-up world", "c0ffee")
    assert told["counts"] == {"people": 7, "clips": {"train": 28, "validation": 14, "test": 21, "strangers": 12}}
    about = told["identification"]
    assert (about["split_by"], about["other_split"], about["n_known"]) == ("session", "clip", 7)
    assert about["chosen_on"] == "validation"
    assert "search" not in about["networks"]["net-face"] and about["networks"]["net-face"]["network"] == {"name": "vit"}
    assert told["trial_hash"] == clips_hash(made_up_experiment())
    assert len(told["caveats"]) == 3


def test_the_hash_is_of_clips_and_people_whatever_their_order(made_up_experiment: Build) -> None:
    one = made_up_experiment()
    swapped = dataclasses.replace(
        one,
        clips={**one.clips, "test": one.clips["test"][::-1]},
        labels={**one.labels, "test": one.labels["test"][::-1]},
    )
    assert clips_hash(swapped) == clips_hash(one)
    moved = dataclasses.replace(one, labels={**one.labels, "test": one.labels["test"][::-1]})
    assert clips_hash(moved) != clips_hash(one)
    assert len(clips_hash(one)) == 64


def test_the_folder_reads_back_and_asks_nothing_of_the_network(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    assert read_report(tmp_path) == report
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "names the right one of 7 people <strong>" in page
    assert "http" not in page.replace("http-equiv", "")
    order = [page.index(f"<h2>{title}") for title in (
        "What the figures do not say", "The table of the original", "The hardest clips", "All measures",
        "Where the figures come from", "What to type next",
    )]  # fmt: skip
    assert order == sorted(order)
    assert "<details><summary>Show them." in page
    assert page.count('<circle class="dot') > 16 and 'class="cell own"' in page
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "## The leak of the original" in text


def test_the_terminal_shows_the_best_and_then_every_test_row(report: Report) -> None:
    lines = knowable_summary(report)
    best = report.provenance["identification"]["best"]
    assert "names the right one of 7 people" in lines[0] and f"It is {best}" in lines[1]
    rows = figure_lines(report)
    assert len(rows) == 8
    assert all(row.startswith("  top-1, ") and "chance 14.3" in row for row in rows)
    assert not any("train" in row for row in rows)


def test_one_seed_gives_one_report(made_up_experiment: Build) -> None:
    one, other = (identification_report(made_up_experiment(), settings=SETTINGS, paths={}) for _ in range(2))
    assert one == other
    moved = dataclasses.replace(SETTINGS, seed=4)
    assert identification_report(made_up_experiment(), settings=moved, paths={}).measures != one.measures


def test_two_runs_that_cannot_be_compared_are_refused(made_up_experiment: Build) -> None:
    one = made_up_experiment("session", rows=("sum",))
    with pytest.raises(DataError, match="Both are split by session. Name a run on the other split with --against"):
        identification_report(one, other=one, settings=SETTINGS, paths={})
    with pytest.raises(DataError, match="None of sum is among net-face. Train both from one recipe"):
        identification_report(one, other=made_up_experiment("clip", rows=("net-face",)), settings=SETTINGS, paths={})


def test_without_validation_clips_the_best_is_chosen_on_the_test_clips(made_up_experiment: Build) -> None:
    experiment = made_up_experiment("", rows=("net-voice", "net-face"))
    bare = tuple(dataclasses.replace(c, probabilities={"test": c.probabilities["test"]}) for c in experiment.contenders)
    told = identification_report(dataclasses.replace(experiment, contenders=bare), settings=SETTINGS, paths={})
    about = told.provenance["identification"]
    assert (about["best"], about["chosen_on"], about["kind"]) == ("net-face", "test", "network")
    assert about["shown"] == ["face"]
    titles = [section.title for section in told.sections]
    assert "Open set: strangers ask too" not in titles
    assert titles[0] == "The table of the original and ours, top-1"
