"""Cosine of centred sides: a loop, missing pictures, and drawers that draw one face."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.centred_similarity import centred, centred_similarity, unit_directions


def test_it_is_the_loop_over_pairs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 4)) + 3, rng.normal(size=(6, 4)) - 2
    found = centred_similarity(a, b)
    for i in range(5):
        for j in range(6):
            x = [a[i, d] - sum(a[:, d]) / 5 for d in range(4)]
            y = [b[j, d] - sum(b[:, d]) / 6 for d in range(4)]
            dot = sum(u * v for u, v in zip(x, y, strict=True))
            assert found[i, j] == pytest.approx(dot / (np.linalg.norm(x) * np.linalg.norm(y)))


def test_what_all_of_a_side_share_does_not_count() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    assert centred_similarity(a + 7, b - 5) == pytest.approx(centred_similarity(a, b))


def test_one_face_for_everybody_points_nowhere_whatever_the_rounding() -> None:
    face = np.random.default_rng(2).normal(size=128).astype(np.float32)
    drawn = np.repeat(face[None], 115, axis=0)
    drawn[::2] *= np.float32(1 + 1e-7)
    assert (centred_similarity(drawn, np.random.default_rng(3).normal(size=(9, 128))) == 0).all()


def test_a_missing_picture_is_similar_to_nothing_and_leaves_the_others_alone() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    with_gap = np.concatenate([a, np.full((1, 4), np.nan)])
    found = centred_similarity(with_gap, b)
    assert (found[5] == 0).all() and found[:5] == pytest.approx(centred_similarity(a, b))
    assert np.isnan(centred(with_gap)[5]).all()


def test_nothing_but_gaps_stay_gaps() -> None:
    assert np.isnan(centred(np.full((2, 3), np.nan))).all()
    assert (unit_directions(np.full((2, 3), np.nan)) == 0).all()


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="one length"):
        centred_similarity(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(DataError, match="one length"):
        centred_similarity(np.ones((0, 3)), np.ones((2, 3)))
