"""Half of the people enrolled, drawn again and again."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.contest import build_contest
from visavox.evaluation.open_set_section import enrolled_curve, open_set_section
from visavox.metrics.open_set import detection_identification_rate


def contest_of(two_tables, n: int = 40, **more):
    return build_contest(*two_tables(n, **more), direction="voice_to_face")


def test_a_draw_is_the_metric_on_its_enrolled_people(two_tables) -> None:
    contest = contest_of(two_tables)
    curve, n_enrolled = enrolled_curve(contest, seed=4, index=2)
    enrolled = np.random.default_rng([4, 7, 2]).permutation(40)[:20]
    strangers = np.setdiff1d(np.arange(40), enrolled)
    gallery = np.sort(enrolled)
    expected = detection_identification_rate(
        contest.scores[np.ix_(gallery, gallery)], np.eye(20, dtype=bool), contest.scores[np.ix_(strangers, gallery)],
        false_alarm_rate=0.1,
    )  # fmt: skip
    assert n_enrolled == 20
    assert curve.rate_at(0.1) == pytest.approx(expected)


def test_the_section_averages_the_draws(two_tables) -> None:
    contest = contest_of(two_tables, noise=0.4)
    section = open_set_section(contest, seed=0, n_draws=5)
    draws = [enrolled_curve(contest, seed=0, index=i)[0] for i in range(5)]
    rows = {row[0]: row[1:] for row in section.rows}
    assert list(rows) == ["1 %", "5 %", "10 %", "20 %", "any (closed set)"]
    assert rows["10 %"][0][0] == pytest.approx(np.mean([draw.rate_at(0.1) for draw in draws]))
    assert rows["any (closed set)"][0][0] == pytest.approx(np.mean([draw.closed_set for draw in draws]))
    assert rows["10 %"][0][1] <= rows["10 %"][0][0] <= rows["10 %"][0][2]
    assert rows["10 %"][1] == pytest.approx(0.1 / 20)
    assert section.curves[0].x[0] == 0.0 and section.curves[0].x[-1] == 1.0
    assert section.curves[0].y[-1] == pytest.approx(rows["any (closed set)"][0][0])
    assert open_set_section(contest, seed=0, n_draws=5) == section != open_set_section(contest, seed=1, n_draws=5)


def test_other_folds_and_own_videos_never_compete(two_tables) -> None:
    folds = {"fold": ["0", "1"] * 20}
    contest = contest_of(two_tables, attributes=folds, noise=0.4)
    curve, _ = enrolled_curve(contest, seed=0, index=0)
    scores = contest.scores.copy()
    scores[np.arange(40)[:, np.newaxis] % 2 != np.arange(40) % 2] = 99.0
    changed, _ = enrolled_curve(type(contest)(**{**vars(contest), "scores": scores}), seed=0, index=0)
    assert changed.closed_set == curve.closed_set > 0.4


def test_a_single_person_cannot_be_split(two_tables) -> None:
    section = open_set_section(contest_of(two_tables, 1), seed=0)
    assert section.text == "Undefined: it needs enrolled people with probes, and strangers."
