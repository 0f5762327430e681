"""Errors by group."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.bias import MAX_GROUPS, bias_section
from visavox.evaluation.contest import build_contest
from visavox.evaluation.subset_accuracy import Bench


def section(two_tables, attributes, *, worse: str | None = None, n: int = 60):
    voice, face = two_tables(n, attributes=attributes, noise=0.6)
    if worse is not None:  # voices of one group say nothing
        vectors = voice.vectors.copy()
        rows = [label == worse for label in voice.attribute("gender")]
        vectors[rows] = np.random.default_rng(9).normal(size=(sum(rows), 16)) / 4
        voice = voice.replace_vectors(vectors, "e")
    contest = build_contest(voice, face, direction="voice_to_face")
    bench = Bench(contest, n_resamples=100, seed=0)
    return bias_section(voice, face, contest, bench), contest, bench


def test_the_group_that_is_recognised_worse_stands_out(two_tables) -> None:
    genders = ["f", "m", "m"] * 20
    found, contest, bench = section(two_tables, {"gender": genders}, worse="f")
    rows = {row[0]: row[1:] for row in found.rows}
    assert list(rows) == ["gender: f", "gender: m", "gender: largest gap"]
    negatives = contest.groups[0].negatives
    for label in "fm":
        mask = np.array(genders) == label
        assert rows[f"gender: {label}"][0] == bench.accuracy(negatives, probes=mask).cell
        assert rows[f"gender: {label}"][1] == bench.curve_figures(negatives, probes=mask)[1].cell
    assert rows["gender: f"][2:] == (20, 20)
    gap, low, high = rows["gender: largest gap"][0]
    assert gap == pytest.approx(rows["gender: m"][0][0] - rows["gender: f"][0][0])
    assert 0 < low < gap < high
    rate_gap = rows["gender: largest gap"][1]
    assert rate_gap[0] == pytest.approx(rows["gender: f"][1][0] - rows["gender: m"][1][0])
    assert found.title == "Errors by group, voice → face"


def test_a_gap_between_equal_groups_holds_0(two_tables) -> None:
    found, _, _ = section(two_tables, {"gender": ["f", "m"] * 30})
    gap, low, high = found.rows[-1][1]
    assert low < 0 < high or gap < 0.1


def test_small_groups_are_counted_and_not_shown(two_tables) -> None:
    countries = ["x"] * 50 + ["y"] * 8 + ["z"] + [None]
    found, _, _ = section(two_tables, {"nationality": countries})
    assert [row[0] for row in found.rows] == ["nationality: x"]
    assert found.notes[1:] == (
        "Nationality: 2 groups with 9 people are not shown, with fewer than 10 people each or beyond the 12 largest.",
    )
    assert MAX_GROUPS == 12


def test_without_labels_it_says_so(two_tables) -> None:
    found, _, _ = section(two_tables, {})
    assert found.text == "Nothing can be said of groups: no labels of gender, nationality, age or language."
    small, _, _ = section(two_tables, {"age": ["35"] * 9 + [None] * 51})
    assert small.text == "Nothing can be said of groups: no group is large enough."
