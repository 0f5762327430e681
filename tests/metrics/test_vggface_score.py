"""VGGFace score: a loop over pictures and classes, its two ends, and its splits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics.vggface_score import vggface_score


def slow_score(rows: np.ndarray) -> float:
    mean = [sum(row[c] for row in rows) / len(rows) for c in range(rows.shape[1])]
    total = 0.0
    for row in rows:
        total += sum(p * math.log(p / m) for p, m in zip(row, mean, strict=True) if p > 0)
    return math.exp(total / len(rows))


def probabilities(seed: int, n: int = 23, n_classes: int = 7) -> np.ndarray:
    powers = np.exp(2 * np.random.default_rng(seed).normal(size=(n, n_classes)))
    return powers / powers.sum(axis=1, keepdims=True)


def test_it_is_the_loop_over_pictures_and_classes() -> None:
    rows = probabilities(0)
    assert vggface_score(rows, n_splits=1).value == pytest.approx(slow_score(rows))
    assert vggface_score(rows, n_splits=1).deviation == 0


def test_splits_are_scored_apart_in_the_order_of_the_pictures() -> None:
    rows = probabilities(1)
    parts = [rows[:5], rows[5:10], rows[10:15], rows[15:19], rows[19:]]
    found = vggface_score(rows)
    assert found.value == pytest.approx(np.mean([slow_score(part) for part in parts]))
    assert found.deviation == pytest.approx(np.std([slow_score(part) for part in parts]))


def test_its_ends_are_one_and_the_number_of_classes() -> None:
    assert vggface_score(np.tile(np.eye(6), (5, 1)), n_splits=5).value == pytest.approx(6)
    assert vggface_score(np.tile(np.eye(6)[0], (10, 1))).value == pytest.approx(1)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="sum to 1"):
        vggface_score(np.ones((5, 3)))
    with pytest.raises(DataError, match="sum to 1"):
        vggface_score(np.full((5, 3), np.nan))
    with pytest.raises(ConfigError, match="`n_splits` must be 1 to the number of pictures, 3"):
        vggface_score(np.eye(3), n_splits=4)
