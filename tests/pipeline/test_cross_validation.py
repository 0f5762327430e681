"""Every fold is scored by models that never saw it, on one definition of accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError, DataError
from visavox.metrics.matching import all_pairs_accuracy_score
from visavox.models.associators.cca import CCA
from visavox.pipeline.cross_validation import CrossValidation, Direction, cross_validate
from visavox.pipeline.fitting import fit_associator
from visavox.pipeline.training import TrainingSettings

RNG = np.random.default_rng(0)
CLOSED: dict[str, Any] = {"name": "cca", "n_components": 3, "ridge_voice": 0.5, "ridge_face": 0.5}
NETWORK: dict[str, Any] = {"name": "two_tower", "hidden": [8], "output_dim": 4, "n_epochs": 2}
DIRECTIONS: tuple[Direction, ...] = ("voice_to_face", "face_to_voice")


def make(n: int = 60, n_people: int = 36) -> tuple[Pairs, np.ndarray]:
    """Pairs with repeated people, and folds that keep a person in one place."""
    people = RNG.integers(0, n_people, size=n)
    face = RNG.normal(size=(n, 4))
    voice = face @ RNG.normal(size=(4, 5)) + RNG.normal(size=(n, 5))
    pairs = Pairs.of(voice, face, identities=[f"p{p}" for p in people], keys=[f"clip-{i}" for i in range(n)])
    return pairs, people % 3


PAIRS, FOLDS = make()


def referee(pairs: Pairs, folds: np.ndarray, direction: Direction) -> tuple[list[float], float]:
    """Accuracy of each fold and of all, one comparison at a time."""
    clip_scores: dict[int, float] = {}
    for fold in np.unique(folds):
        inside = folds == fold
        model = CCA(5, 4, n_components=3, ridge_voice=0.5, ridge_face=0.5)
        model.fit(pairs.voice[~inside], pairs.face[~inside])
        similarity = model.similarity(pairs.voice, pairs.face)
        if direction == "face_to_voice":
            similarity = similarity.T
        for i in np.flatnonzero(inside):
            wins = []
            for j in np.flatnonzero(inside):
                if pairs.identity[i] != pairs.identity[j] and pairs.video[i] != pairs.video[j]:
                    own, other = similarity[i, i], similarity[i, j]
                    wins.append(1.0 if own > other else 0.5 if own == other else 0.0)
            clip_scores[int(i)] = float(np.mean(wins))

    def over_people(rows: list[int]) -> float:
        people: dict[int, list[float]] = {}
        for row in rows:
            people.setdefault(int(pairs.identity[row]), []).append(clip_scores[row])
        return float(np.mean([np.mean(values) for values in people.values()]))

    each = [over_people([int(i) for i in np.flatnonzero(folds == fold)]) for fold in np.unique(folds)]
    return each, over_people(list(clip_scores))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_accuracies_equal_the_slow_referee(direction: Direction) -> None:
    (result,) = cross_validate([CLOSED], PAIRS, FOLDS)
    each, overall = referee(PAIRS, FOLDS, direction)
    np.testing.assert_allclose([fold.accuracy(direction) for fold in result.folds], each, atol=1e-3)
    assert result.accuracy(direction) == pytest.approx(overall, abs=1e-3)
    assert 0.6 < overall < 1


def test_a_fold_is_scored_as_the_reports_score_it() -> None:
    (result,) = cross_validate([CLOSED], PAIRS, FOLDS)
    for fold in result.folds:
        own = np.arange(len(fold.rows))
        expected = all_pairs_accuracy_score(fold.similarity, own, fold.allowed, people=fold.identity)
        assert fold.accuracy("voice_to_face") == pytest.approx(expected)
        expected = all_pairs_accuracy_score(fold.similarity.T, own, fold.allowed.T, people=fold.identity)
        assert fold.accuracy("face_to_voice") == pytest.approx(expected)


def test_vectors_out_of_fold_come_from_a_model_of_the_other_folds() -> None:
    (result,) = cross_validate([NETWORK], PAIRS, FOLDS)
    for number, fold in enumerate(result.folds):
        inside = number == FOLDS
        model = fit_associator(NETWORK, PAIRS.select(~inside))
        np.testing.assert_array_equal(fold.rows, np.flatnonzero(inside))
        np.testing.assert_array_equal(fold.voice, model.encode_voice(PAIRS.voice[inside]))
        np.testing.assert_array_equal(fold.face, model.encode_face(PAIRS.face[inside]))
        np.testing.assert_array_equal(fold.allowed, PAIRS.select(inside).allowed())


def test_a_held_out_row_does_not_reach_its_own_model() -> None:
    changed = PAIRS.voice.copy()
    row = int(np.flatnonzero(FOLDS == 1)[0])
    changed[row] += 50
    other = Pairs(changed, PAIRS.face, PAIRS.identity, PAIRS.video, PAIRS.keys)
    before, after = (cross_validate([CLOSED], pairs, FOLDS)[0] for pairs in (PAIRS, other))
    np.testing.assert_array_equal(before.folds[1].face, after.folds[1].face)
    assert (before.folds[0].face != after.folds[0].face).any()


def test_labels_that_mean_nothing_give_chance() -> None:
    n = 300
    rng = np.random.default_rng(1)
    pairs = Pairs.of(rng.normal(size=(n, 5)), rng.normal(size=(n, 4)), identities=[str(i) for i in range(n)])
    (result,) = cross_validate([CLOSED], pairs, np.arange(n) % 3)
    assert result.accuracy("voice_to_face") == pytest.approx(0.5, abs=0.07)


def test_specs_are_scored_on_the_same_rows_in_the_order_given() -> None:
    results = cross_validate([NETWORK, CLOSED], PAIRS, FOLDS)
    assert [result.spec for result in results] == [NETWORK, CLOSED]
    for one, other in zip(results[0].folds, results[1].folds, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
    alone = cross_validate([CLOSED], PAIRS, FOLDS)[0]
    np.testing.assert_array_equal(results[1].clip_accuracies("voice_to_face"), alone.clip_accuracies("voice_to_face"))


def test_clip_accuracies_are_in_the_order_of_the_pairs() -> None:
    (result,) = cross_validate([CLOSED], PAIRS, FOLDS)
    found = result.clip_accuracies("voice_to_face")
    assert found.shape == (60,)
    for fold in result.folds:
        np.testing.assert_array_equal(found[fold.rows], fold.clip_accuracies("voice_to_face"))


def test_it_repeats_itself() -> None:
    one, other = (cross_validate([NETWORK], PAIRS, FOLDS)[0] for _ in range(2))
    assert isinstance(one, CrossValidation)
    np.testing.assert_array_equal(one.folds[2].voice, other.folds[2].voice)


def test_settings_hold_where_the_spec_is_silent() -> None:
    settings = TrainingSettings(seed=5)
    one = cross_validate([NETWORK], PAIRS, FOLDS, settings)[0]
    other = cross_validate([{**NETWORK, "seed": 5}], PAIRS, FOLDS)[0]
    np.testing.assert_array_equal(one.folds[0].voice, other.folds[0].voice)
    assert (one.folds[0].voice != cross_validate([NETWORK], PAIRS, FOLDS)[0].folds[0].voice).any()


def test_progress_counts_trainings() -> None:
    seen: list[tuple[int, int]] = []
    cross_validate([CLOSED, CLOSED], PAIRS, FOLDS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        (np.zeros(3), r"one number a pair, 60. Got shape \(3,\)"),
        (np.zeros(60), "at least 2 folds. Got 1"),
        (np.arange(60) % 2, "The identity of 'clip-.*' lies in more than one fold"),
    ],
)
def test_folds_that_do_not_fit_are_said(folds: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        cross_validate([CLOSED], PAIRS, folds)


def test_a_video_in_two_folds_is_said() -> None:
    pairs = Pairs.of(
        RNG.normal(size=(4, 5)), RNG.normal(size=(4, 4)), identities=list("abcd"), videos=["v", "w", "x", "v"]
    )
    with pytest.raises(DataError, match="The video of 'row 0' lies in more than one fold"):
        cross_validate([CLOSED], pairs, np.array([0, 0, 1, 1]))


def test_a_wrong_spec_is_said_before_the_first_training() -> None:
    def trained(done: int, total: int) -> None:
        raise AssertionError("something was trained")

    with pytest.raises(ConfigError, match="takes no 'colour'"):
        cross_validate([CLOSED, {**CLOSED, "colour": 1}], PAIRS, FOLDS, progress=trained)


def test_early_stopping_is_refused_for_want_of_validation_pairs() -> None:
    with pytest.raises(ConfigError, match="`patience_epochs` needs validation pairs"):
        cross_validate([{**NETWORK, "patience_epochs": 2}], PAIRS, FOLDS)
