"""Calibration and abstention on held-out folds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from visavox.evaluation import calibration_section
from visavox.evaluation.calibration import fit_margin_scale
from visavox.evaluation.calibration_section import (
    calibration_sections,
    choice_figures,
    held_out_calibration,
    resampled_cllr,
    resampled_min_cllr,
)
from visavox.evaluation.contest import build_contest
from visavox.evaluation.recording_alone import people_folds
from visavox.evaluation.subset_accuracy import Bench
from visavox.metrics.calibration import cllr, min_cllr
from visavox.metrics.calibrators import fit_logistic
from visavox.metrics.matching import all_pairs_accuracy_score


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


def unpaired(two_tables, n: int = 20, **more):
    """People with one to three voices and as many faces, of other clips: every face of a person is positive."""
    voice, face = two_tables(n, clips_a_person=3, **more)
    face = dataclasses.replace(face, clips=tuple(f"f{clip}" for clip in face.clips))
    kept = [row for row in range(3 * n) if row % 3 <= (row // 3) % 3]
    return build_contest(voice.select(kept), face.select(kept[::-1]), direction="voice_to_face")


def test_the_confidence_of_choices_uses_the_scale_that_is_given(two_tables) -> None:
    contest = contest_of(two_tables)
    choices = held_out_calibration(contest, seed=0, match_scale=3.0).choices
    assert len(choices) == 60 * 59
    margins = [contest.scores[i, i] - contest.scores[i, j] for i in range(60) for j in range(60) if i != j]
    expected = [1 / (1 + math.exp(-3 * abs(m))) for m in margins]
    assert sorted(choices.confidence) == pytest.approx(sorted(expected), abs=1e-7)
    own = held_out_calibration(contest, seed=0).choices
    assert own.mean(own.confidence) == pytest.approx(own.mean(own.right), abs=0.06)


def test_the_scale_of_a_choice_is_of_people_of_neither_fold(two_tables) -> None:
    contest = contest_of(two_tables, 30)
    fold = people_folds(30, 0)
    choices = held_out_calibration(contest, seed=0).choices
    for probe, other in ((0, 1), (3, 17), (8, 2)):
        seen = np.flatnonzero(~np.isin(fold, [fold[probe], fold[other]]))
        margins = [contest.scores[i, i] - contest.scores[i, j] for i in seen for j in seen if i != j]
        scale = fit_margin_scale(np.array(margins), np.ones(len(margins)))
        margin = float(contest.scores[probe, probe]) - float(contest.scores[probe, other])
        (place,) = np.flatnonzero((choices.probes == probe) & (choices.others == other))
        assert choices.confidence[place] == pytest.approx(1 / (1 + math.exp(-scale * abs(margin))), abs=1e-5)
        assert choices.right[place] == (margin > 0)


@pytest.mark.parametrize("paired", [True, False])
def test_the_share_of_right_choices_is_the_accuracy_of_the_page(two_tables, paired: bool) -> None:
    """Pooled choices let who has most clips, and most negatives of his fold, decide."""
    contest = contest_of(two_tables, 30, clips_a_person=2) if paired else unpaired(two_tables)
    calibration, abstention = calibration_sections(contest, seed=0, n_resamples=20)
    values = {row[0]: row[1] for row in calibration.rows}
    accuracy = all_pairs_accuracy_score(
        contest.scores, contest.positives, contest.groups[0].negatives, people=contest.probe_people
    )
    value, low, high = values["share of 1:2 choices that are right"]
    assert value == pytest.approx(accuracy, abs=1e-12)
    assert abstention.rows[0][1][0] == pytest.approx(1 - accuracy, abs=1e-12)
    bench = Bench(contest, n_resamples=20, seed=0).accuracy(contest.groups[0].negatives)
    assert (low, high) == pytest.approx((bench.low, bench.high), abs=1e-12)  # the same resamples of the same people


def test_figures_of_choices_on_resamples_are_those_of_the_weights(two_tables) -> None:
    contest = unpaired(two_tables)
    choices = held_out_calibration(contest, seed=0).choices
    counts = np.random.default_rng(1).integers(0, 3, (3, 20))
    figures = choice_figures(choices, list(counts))
    assert figures.shape == (4, 4 + 5)
    bins = choices.bins(15)
    for row, copies in zip(figures, (None, *counts), strict=True):
        weights = choices.weights(copies)
        risk = choices.risk(weights)
        expected = [
            choices.calibration_error(bins, weights), weights @ choices.confidence, weights @ choices.right,
            risk.area(), *(risk.at(share) for share in (1.0, 0.9, 0.75, 0.5, 0.25)),
        ]  # fmt: skip
        assert row == pytest.approx(expected)


def test_the_sections_hold_the_figures_with_intervals(two_tables) -> None:
    contest = contest_of(two_tables)
    calibration, abstention = calibration_sections(contest, seed=0, n_resamples=50)
    found = held_out_calibration(contest, seed=0)
    figures = choice_figures(found.choices, [])[0]
    values = {row[0]: row[1] for row in calibration.rows}
    least = min_cllr(found.scores, found.truth)
    assert [values[name][0] for name in values] == pytest.approx(
        [cllr(found.logistic, found.truth), cllr(found.isotonic, found.truth), least, *figures[:3]]
    )
    assert all(low < value < high for value, low, high in values.values())
    assert least < values["Cllr, logistic calibration, bits"][0]
    assert [curve.group for curve in calibration.curves] == ["this model", "perfectly calibrated"]
    assert calibration.notes == ("60 true and 660 false pairs, 3,540 choices.",)
    assert "a scale fitted on the people of the fifths that neither candidate is of" in calibration.text
    assert "50 resamples for Cllr, and 50 for the other rows" in calibration.text
    assert [row[1][0] for row in abstention.rows] == pytest.approx(figures[4:])
    assert all(low <= value < high for _, (value, low, high), _ in abstention.rows)
    assert abstention.rows[-1][1][0] < abstention.rows[0][1][0]
    assert f"curve: {figures[3]:.4f} (" in abstention.notes[0]
    assert abstention.notes[0].endswith(f"would give {1 - figures[2]:.4f}.")
    given, _ = calibration_sections(contest, seed=0, n_resamples=120, match_scale=7.0)
    assert "the model's own scale, 7.00" in given.text
    assert "120 resamples for Cllr, and 100 for the other rows, which take longer." in given.text


def test_too_many_choices_are_judged_by_fewer_positives(two_tables, monkeypatch: pytest.MonkeyPatch) -> None:
    contest = unpaired(two_tables)
    everything = held_out_calibration(contest, seed=0)
    assert everything.n_positives[0] == everything.n_positives[1] == contest.positives.sum()
    monkeypatch.setattr(calibration_section, "MAX_CHOICES", len(everything.choices) // 2)
    found = held_out_calibration(contest, seed=0)
    n_judged = np.bincount(found.choices.probes, minlength=len(contest.probe_keys))
    assert found.n_positives == (len(contest.probe_keys), contest.positives.sum())  # one a probe
    assert (n_judged == contest.groups[0].negatives.sum(axis=1)).all()
    section, _ = calibration_sections(contest, seed=0, n_resamples=10)
    judged, n_all = found.n_positives
    assert section.notes[1].startswith(f"Choices are of {judged} positives, drawn among {n_all};")


def test_resampled_min_cllr_is_that_of_copied_people(two_tables) -> None:
    contest = contest_of(two_tables, 20, clips_a_person=2)
    found = held_out_calibration(contest, seed=0)
    counts = np.random.default_rng(0).integers(0, 3, (4, 20))
    resampled = resampled_min_cllr(contest, found, np.concatenate([counts, np.zeros((1, 20), dtype=np.int64)]))
    for row, copies in enumerate(counts):
        first, second = copies[contest.probe_people[found.rows]], copies[contest.gallery_people[found.columns]]
        times = np.where(found.truth, first, first * second)
        expected = min_cllr(np.repeat(found.scores, times), np.repeat(found.truth, times))
        assert resampled[row] == pytest.approx(expected, abs=1e-9)
    assert math.isnan(resampled[4])


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
