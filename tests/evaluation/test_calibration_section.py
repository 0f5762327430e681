"""Calibration and abstention on held-out folds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.evaluation.calibration import fit_margin_scale
from visavox.evaluation.calibration_section import calibration_sections, held_out_calibration, resampled_cllr
from visavox.evaluation.contest import build_contest
from visavox.evaluation.recording_alone import people_folds
from visavox.metrics.abstention import risk_coverage_area
from visavox.metrics.calibration import cllr, min_cllr
from visavox.metrics.calibrators import fit_logistic


def contest_of(two_tables, n: int = 60, **more):
    return build_contest(*two_tables(n, **more), direction="voice_to_face")


def test_each_pair_is_judged_by_a_map_of_the_other_folds(two_tables) -> None:
    contest = contest_of(two_tables)
    found = held_out_calibration(contest, seed=1)
    fold = people_folds(60, 1)
    rows, columns = fold[contest.probe_people[found.rows]], fold[contest.gallery_people[found.columns]]
    assert (rows == columns).all()
    assert len(found.rows) == 5 * 12 * 12
    assert found.truth.sum() == 60
    others = np.flatnonzero(fold != 2)
    scores = contest.scores[np.ix_(others, others)]
    line = fit_logistic(scores.ravel(), np.eye(len(others), dtype=bool).ravel())
    inside = rows == 2
    assert found.logistic[inside] == pytest.approx(line.log_likelihood_ratio(found.scores[inside]), abs=1e-6)


def test_the_confidence_of_choices_uses_the_scale_that_is_given(two_tables) -> None:
    contest = contest_of(two_tables)
    found = held_out_calibration(contest, seed=0, match_scale=3.0)
    assert len(found.right) == 5 * 12 * 11
    fold = people_folds(60, 0)
    margins = [
        contest.scores[i, i] - contest.scores[i, j]
        for k in range(5)
        for i in np.flatnonzero(fold == k)
        for j in np.flatnonzero(fold == k)
        if i != j
    ]
    expected = [1 / (1 + math.exp(-3 * abs(m))) for m in margins]
    assert sorted(found.confidence) == pytest.approx(sorted(expected), abs=1e-9)
    assert found.right.mean() == pytest.approx(np.mean(np.array(margins) > 0))
    own = held_out_calibration(contest, seed=0)
    assert own.confidence.mean() == pytest.approx(own.right.mean(), abs=0.06)


def test_the_sections_hold_the_metrics(two_tables) -> None:
    contest = contest_of(two_tables)
    calibration, abstention = calibration_sections(contest, seed=0, n_resamples=50)
    found = held_out_calibration(contest, seed=0)
    values = {row[0]: row[1] for row in calibration.rows}
    value, low, high = values["Cllr, logistic calibration, bits"]
    assert value == pytest.approx(cllr(found.logistic, found.truth))
    assert low < value < high
    assert values["Cllr, isotonic calibration, bits"][0] == pytest.approx(cllr(found.isotonic, found.truth))
    least = min_cllr(found.scores, found.truth)
    assert values["least Cllr of any rising map, bits"] == pytest.approx(least)
    assert least < value
    assert values["share of 1:2 choices that are right"] == pytest.approx(found.right.mean())
    assert [curve.group for curve in calibration.curves] == ["this model", "perfectly calibrated"]
    assert calibration.notes == ("60 true and 660 false pairs, 660 choices.",)
    assert "a scale fitted on four fifths" in calibration.text
    wrong = [row[1] for row in abstention.rows]
    assert wrong[0] == pytest.approx(1 - found.right.mean())
    assert wrong[-1] < wrong[0]
    assert f"curve: {risk_coverage_area(found.confidence, found.right):.4f};" in abstention.notes[0]
    given, _ = calibration_sections(contest, seed=0, n_resamples=50, match_scale=7.0)
    assert "the model's own scale, 7.00" in given.text


def test_resampled_cllr_is_that_of_copied_people(two_tables) -> None:
    contest = contest_of(two_tables, 20, clips_a_person=2)
    found = held_out_calibration(contest, seed=0)
    counts = np.random.default_rng(0).integers(0, 3, (4, 20))
    resampled = resampled_cllr(contest, found, found.logistic, counts)
    for row, copies in enumerate(counts):
        first, second = copies[contest.probe_people[found.rows]], copies[contest.gallery_people[found.columns]]
        times = np.where(found.truth, first, first * second)
        expected = cllr(np.repeat(found.logistic, times), np.repeat(found.truth, times))
        assert resampled[row] == pytest.approx(expected, abs=1e-9)


def test_too_few_people_or_no_pair_is_said(two_tables) -> None:
    (section,) = calibration_sections(contest_of(two_tables, 9), seed=0, n_resamples=10)
    assert section.text == "Undefined: it needs 10 people or more to fit on some and judge on others."
    voice, face = two_tables(12)
    contest = build_contest(voice.select(range(6)), face.select(range(6, 12)), direction="voice_to_face")
    (section,) = calibration_sections(contest, seed=0, n_resamples=10)
    assert section.text == "Undefined: no true or no false pair within a fold of people."


def test_the_scale_of_margins_weighs_choices() -> None:
    margins = np.array([1.0, 1.0, -1.0])
    assert fit_margin_scale(margins, np.array([1.0, 1.0, 1.0])) == pytest.approx(math.log(2), rel=1e-3)
    assert fit_margin_scale(margins, np.array([3.0, 1.0, 2.0])) == pytest.approx(math.log(2), rel=1e-3)
    assert fit_margin_scale(margins, np.array([1.0, 2.0, 1.0])) == pytest.approx(math.log(3), rel=1e-3)
