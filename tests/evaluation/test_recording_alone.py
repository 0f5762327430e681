"""Matching by recording figures alone."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.contest import build_contest
from visavox.evaluation.recording_alone import feature_matrix, people_folds, recording_scores
from visavox.evaluation.scoring import UndefinedScoresError
from visavox.metrics.matching import all_pairs_accuracy_score


def test_figures_are_standardised_and_the_unknown_is_the_mean() -> None:
    known = {"a": {"x": 1.0, "same": 5.0}, "b": {"x": 3.0, "same": 5.0, "y": 7.0}, "c": {"x": np.nan, "y": 9.0}}
    found = feature_matrix(["a", "b", "c", "d"], known)
    assert found.tolist() == [[-1.0, 0.0], [1.0, -1.0], [0.0, 1.0], [0.0, 0.0]]
    assert feature_matrix(["a", "d"], {}).shape == (2, 0)
    assert feature_matrix(["a"], {"a": {"x": np.inf}}).shape == (1, 0)


def test_folds_are_as_equal_as_can_be_and_depend_on_the_seed() -> None:
    assert np.bincount(people_folds(23, 0)).tolist() == [5, 5, 5, 4, 4]
    assert people_folds(23, 0).tolist() == people_folds(23, 0).tolist() != people_folds(23, 1).tolist()


def contest_and_recordings(two_tables, strength: float, n: int = 200):
    """People whose loudness goes with their light, as strongly as `strength` says."""
    voice, face = two_tables(n)
    rng = np.random.default_rng(1)
    light = rng.normal(size=n)
    loud = strength * light + np.sqrt(1 - strength**2) * rng.normal(size=n)
    known = {
        key: {"loudness_db": v, "noise": w} for key, v, w in zip(voice.keys, loud, rng.normal(size=n), strict=True)
    }
    known |= {key: {"brightness": v} for key, v in zip(face.keys, light, strict=True)}
    return build_contest(voice, face, direction="voice_to_face"), known


@pytest.mark.parametrize(("strength", "low", "high"), [(0.0, 0.4, 0.6), (0.95, 0.8, 1.0), (-0.95, 0.8, 1.0)])
def test_it_gets_as_far_as_sound_goes_with_picture(two_tables, strength: float, low: float, high: float) -> None:
    contest, known = contest_and_recordings(two_tables, strength)
    scores, comparable = recording_scores(contest, known, seed=0)
    accuracy = all_pairs_accuracy_score(scores, contest.positives, contest.groups[0].negatives & comparable)
    assert low < accuracy < high


def test_only_people_of_one_fold_are_compared_by_a_map_that_saw_neither(two_tables) -> None:
    contest, known = contest_and_recordings(two_tables, 0.9, n=50)
    scores, comparable = recording_scores(contest, known, seed=0)
    assert comparable.sum() == 5 * 10 * 10
    assert (scores[~comparable] == 0).all()
    changed = dict(known)
    first = np.flatnonzero(comparable[0])[1]
    changed[contest.gallery_keys[first]] = {"brightness": known[contest.gallery_keys[first]]["brightness"]}
    assert np.array_equal(recording_scores(contest, changed, seed=0)[0], scores)


def test_what_cannot_be_scored_is_undefined(two_tables) -> None:
    contest, known = contest_and_recordings(two_tables, 0.5, n=19)
    with pytest.raises(UndefinedScoresError, match="^fewer than 20 people$"):
        recording_scores(contest, known, seed=0)
    with pytest.raises(UndefinedScoresError, match="^no recording figures that differ on both sides$"):
        recording_scores(contest, {}, seed=0)
