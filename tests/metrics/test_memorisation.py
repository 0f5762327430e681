"""Nearest training faces: loops, a copying drawer, one that copies nothing."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.memorisation import memorisation, nearest_rows


def test_the_nearest_is_that_of_the_loop() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 4)), rng.normal(size=(20, 4))
    rows, distances = nearest_rows(a, b)
    for i in range(300):
        all_of_them = [float(np.sqrt(((a[i] - row) ** 2).sum())) for row in b]
        assert rows[i] == int(np.argmin(all_of_them)) and distances[i] == pytest.approx(min(all_of_them))


def test_of_equal_rows_the_first_is_named() -> None:
    assert nearest_rows(np.zeros((1, 2)), np.ones((3, 2)))[0].tolist() == [0]


def test_the_share_is_the_loop_over_pairs_with_ties_one_half() -> None:
    rng = np.random.default_rng(1)
    drawn, true, training = (rng.integers(0, 6, size=(n, 1)).astype(float) for n in (12, 9, 4))
    found = memorisation(drawn, true, training)
    total = sum((d < t) + 0.5 * (d == t) for d in found.distance for t in found.true_distance)
    assert found.share_nearer == pytest.approx(total / (12 * 9))
    assert found.share_below_all == pytest.approx(np.mean(found.distance < found.true_distance.min()))


def test_a_drawer_that_copies_is_nearer_than_all_true_faces() -> None:
    rng = np.random.default_rng(2)
    training, true = rng.normal(size=(50, 8)), rng.normal(size=(40, 8))
    found = memorisation(training[:10] + 0.01, true, training)
    assert found.share_nearer == 1 and found.share_below_all == 1
    assert found.nearest.tolist() == list(range(10))


def test_a_drawer_like_life_is_as_near_as_true_faces() -> None:
    rng = np.random.default_rng(3)
    found = memorisation(rng.normal(size=(300, 6)), rng.normal(size=(300, 6)), rng.normal(size=(80, 6)))
    assert found.share_nearer == pytest.approx(0.5, abs=0.06)


def test_what_is_refused() -> None:
    x = np.zeros((2, 3))
    with pytest.raises(DataError, match="one length and a training face"):
        nearest_rows(x, np.zeros((0, 3)))
    with pytest.raises(DataError, match="must be finite"):
        nearest_rows(np.full((1, 3), np.nan), x)
    with pytest.raises(DataError, match="drawn and true faces"):
        memorisation(np.zeros((0, 3)), x, x)
