"""Half of the people enrolled, drawn again and again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.evaluation.contest import build_contest
from visavox.evaluation.open_set_section import draw_enrolled, open_set_section
from visavox.metrics.open_set import detection_identification_rate


def contest_of(two_tables, n: int = 40, **more):
    return build_contest(*two_tables(n, **more), direction="voice_to_face")


def test_a_draw_is_the_metric_on_its_enrolled_people(two_tables) -> None:
    contest = contest_of(two_tables)
    draw = draw_enrolled(contest, seed=4, index=2)
    enrolled = np.random.default_rng([4, 7, 2]).permutation(40)[:20]
    strangers = np.setdiff1d(np.arange(40), enrolled)
    gallery = np.sort(enrolled)
    expected = detection_identification_rate(
        contest.scores[np.ix_(gallery, gallery)], np.eye(20, dtype=bool), contest.scores[np.ix_(strangers, gallery)],
        false_alarm_rate=0.1,
    )  # fmt: skip
    assert (draw.n_enrolled, draw.chance) == (20, pytest.approx(1 / 20))
    assert draw.curve.rate_at(0.1) == pytest.approx(expected)


def test_the_section_averages_the_draws(two_tables) -> None:
    contest = contest_of(two_tables, noise=0.4)
    section = open_set_section(contest, seed=0, n_draws=5)
    draws = [draw_enrolled(contest, seed=0, index=i).curve for i in range(5)]
    rows = {row[0]: row[1:] for row in section.rows}
    assert list(rows) == ["1 %", "5 %", "10 %", "20 %", "any (closed set)"]
    assert rows["10 %"][0][0] == pytest.approx(np.mean([draw.rate_at(0.1) for draw in draws]))
    assert rows["any (closed set)"][0][0] == pytest.approx(np.mean([draw.closed_set for draw in draws]))
    assert rows["10 %"][0][1] <= rows["10 %"][0][0] <= rows["10 %"][0][2]
    assert rows["10 %"][1] == pytest.approx(0.1 / 20)
    assert section.curves[0].x[0] == 0.0 and section.curves[0].x[-1] == 1.0
    assert section.curves[0].y[-1] == pytest.approx(rows["any (closed set)"][0][0])
    assert open_set_section(contest, seed=0, n_draws=5) == section != open_set_section(contest, seed=1, n_draws=5)


@pytest.mark.parametrize("own", [1, 2])
def test_chance_counts_the_items_of_a_probe_not_those_of_the_gallery(two_tables, own: int) -> None:
    """Two items a person: rate / items was half the rate that scores which say nothing reach."""
    voice, face = two_tables(20, clips_a_person=2)
    if own == 2:  # no shared clips: everything of the person is positive
        face = dataclasses.replace(face, clips=tuple(f"f{clip}" for clip in face.clips))
    contest = build_contest(voice, face, direction="voice_to_face")
    silent = dataclasses.replace(contest, scores=np.zeros_like(contest.scores))
    section = open_set_section(silent, seed=0, n_draws=4)
    assert "20 gallery items" in section.text
    share = 2 / 20 if own == 2 else 1 / 19  # with shared clips a person's other clip is neither right nor wrong
    for rate, row in zip((0.01, 0.05, 0.1, 0.2, 1.0), section.rows, strict=True):
        assert row[2] == pytest.approx(rate * share)
        assert row[1][0] == pytest.approx(row[2])


def test_chance_is_the_mean_over_probes_of_unequal_people(two_tables) -> None:
    voice, face = two_tables(12, clips_a_person=3)
    face = dataclasses.replace(face, clips=tuple(f"f{clip}" for clip in face.clips))
    face = face.select([row for row in range(36) if row % 3 < 1 + (row // 3) % 3])  # 1, 2, 3, 1, 2, 3, ... faces
    contest = build_contest(voice, face, direction="voice_to_face")
    silent = dataclasses.replace(contest, scores=np.zeros_like(contest.scores))
    draw = draw_enrolled(silent, seed=1, index=0)
    enrolled = np.random.default_rng([1, 7, 0]).permutation(12)[:6]
    items = [1 + person % 3 for person in enrolled]
    assert draw.n_enrolled == sum(items)
    assert draw.chance == pytest.approx(np.mean(items) / sum(items))
    assert draw.curve.closed_set == pytest.approx(draw.chance)


def test_other_folds_and_own_videos_never_compete(two_tables) -> None:
    folds = {"fold": ["0", "1"] * 20}
    contest = contest_of(two_tables, attributes=folds, noise=0.4)
    curve = draw_enrolled(contest, seed=0, index=0).curve
    scores = contest.scores.copy()
    scores[np.arange(40)[:, np.newaxis] % 2 != np.arange(40) % 2] = 99.0
    changed = draw_enrolled(type(contest)(**{**vars(contest), "scores": scores}), seed=0, index=0).curve
    assert changed.closed_set == curve.closed_set > 0.4


def test_a_single_person_cannot_be_split(two_tables) -> None:
    section = open_set_section(contest_of(two_tables, 1), seed=0)
    assert section.text == "Undefined: it needs enrolled people with probes, and strangers."
