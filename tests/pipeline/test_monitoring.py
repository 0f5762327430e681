"""Figures between epochs, against loops and against the metric of the reports."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.batches.pair_batches import Pairs
from visavox.metrics.matching import all_pairs_accuracy_score
from visavox.models.associators.cca import CCA
from visavox.pipeline.monitoring import MAX_MONITORED, beat_rates, monitored, pair_figures

RNG = np.random.default_rng(0)


def make(n: int = 40, n_people: int = 25, n_videos: int = 30) -> Pairs:
    face = RNG.normal(size=(n, 3))
    return Pairs.of(
        face @ RNG.normal(size=(3, 4)) + RNG.normal(size=(n, 4)),
        face,
        identities=[f"p{i}" for i in RNG.integers(0, n_people, n)],
        videos=[f"v{i}" for i in RNG.integers(0, n_videos, n)],
    )


def test_beat_rates_equal_the_comparison_pair_by_pair() -> None:
    similarity = RNG.integers(0, 4, size=(9, 9)).astype(float)  # many ties
    allowed = RNG.random((9, 9)) < 0.5
    np.fill_diagonal(allowed, False)
    allowed[4] = False
    found = beat_rates(similarity, allowed)
    for i in range(9):
        wins = [
            1.0 if similarity[i, i] > similarity[i, j] else 0.5 if similarity[i, i] == similarity[i, j] else 0.0
            for j in range(9)
            if allowed[i, j]
        ]
        assert found[i] == pytest.approx(np.mean(wins) if wins else np.nan, nan_ok=True)
    assert np.isnan(found[4])


def test_constant_scores_give_chance() -> None:
    assert beat_rates(np.zeros((5, 5)), ~np.eye(5, dtype=bool)).tolist() == [0.5] * 5


def test_figures_equal_the_metric_of_the_reports() -> None:
    pairs = make()
    model = CCA(4, 3, n_components=3, ridge_voice=0.1, ridge_face=0.1).fit(pairs.voice, pairs.face)
    allowed = pairs.allowed()
    figures = pair_figures(model, pairs, allowed)
    similarity = model.similarity(pairs.voice, pairs.face).astype(np.float64)
    own = np.arange(len(pairs))
    voice_to_face = all_pairs_accuracy_score(similarity, own, allowed, people=pairs.identity)
    face_to_voice = all_pairs_accuracy_score(similarity.T, own, allowed.T, people=pairs.identity)
    assert figures.voice_to_face_score == pytest.approx(voice_to_face)
    assert figures.face_to_voice_score == pytest.approx(face_to_voice)
    assert figures.matching_score == pytest.approx((voice_to_face + face_to_voice) / 2)
    assert 0.6 < voice_to_face < 1


def test_mean_similarities_equal_the_loop() -> None:
    pairs = make()
    model = CCA(4, 3, n_components=2).fit(pairs.voice, pairs.face)
    figures = pair_figures(model, pairs, pairs.allowed())
    positive, negative = [], []
    for i in range(len(pairs)):
        for j in range(len(pairs)):
            value = float(model.similarity(pairs.voice[i : i + 1], pairs.face[j : j + 1])[0, 0])
            if i == j:
                positive.append(value)
            elif pairs.identity[i] != pairs.identity[j] and pairs.video[i] != pairs.video[j]:
                negative.append(value)
    assert figures.positive_similarity == pytest.approx(np.mean(positive), abs=1e-6)
    assert figures.negative_similarity == pytest.approx(np.mean(negative), abs=1e-6)


def test_nobody_to_compare_with_is_undefined() -> None:
    pairs = make(n_people=1)
    figures = pair_figures(CCA(4, 3, n_components=2).fit(pairs.voice, pairs.face), pairs, pairs.allowed())
    assert np.isnan(figures.negative_similarity)
    assert np.isnan(figures.matching_score)
    assert np.isfinite(figures.positive_similarity)


def test_a_large_set_is_watched_at_evenly_spaced_rows() -> None:
    n = MAX_MONITORED * 3
    pairs = Pairs.of(np.arange(n)[:, None], np.ones((n, 1)), identities=[str(i) for i in range(n)])
    found = monitored(pairs)
    assert len(found) == MAX_MONITORED
    assert found.voice[0, 0] == 0
    assert found.voice[-1, 0] == n - 1
    steps = np.diff(found.voice[:, 0])
    assert (steps.min(), steps.max()) in {(3, 3), (3, 4), (2, 4), (2, 3)}
    small = make()
    assert monitored(small) is small
