"""Diversity of samples: loops over pairs, and the drawers it must tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.sample_diversity import sample_diversity


def test_it_is_the_loop_over_pairs() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 5))
    within = [
        np.mean([np.linalg.norm(x[v, i] - x[v, j]) for i in range(3) for j in range(3) if i != j]) for v in range(4)
    ]
    between = [
        np.linalg.norm(x[v, i] - x[w, j])
        for v in range(4)
        for w in range(4)
        if v != w
        for i in range(3)
        for j in range(3)
    ]
    found = sample_diversity(x)
    assert found.within == pytest.approx(np.mean(within)) and found.between == pytest.approx(np.mean(between))
    assert found.of_voice == pytest.approx(within)
    assert found.ratio == pytest.approx(np.mean(within) / np.mean(between))


def test_a_drawer_that_draws_one_face_a_voice_has_a_ratio_of_0() -> None:
    x = np.repeat(np.random.default_rng(1).normal(size=(6, 1, 4)), 5, axis=1)
    assert sample_diversity(x).within == 0 and sample_diversity(x).ratio == pytest.approx(0, abs=1e-9)


def test_a_drawer_that_does_not_listen_has_a_ratio_of_about_1() -> None:
    x = np.random.default_rng(2).normal(size=(60, 6, 8))
    assert sample_diversity(x).ratio == pytest.approx(1, abs=0.03)


def test_many_rows_are_summed_in_blocks() -> None:
    x = np.random.default_rng(3).normal(size=(150, 2, 2))
    flat = x.reshape(-1, 2)
    everything = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    other = np.repeat(np.arange(150), 2)[:, None] != np.repeat(np.arange(150), 2)[None]
    assert sample_diversity(x).between == pytest.approx(everything[other].mean())


def test_what_is_undefined_is_nan() -> None:
    one_sample = sample_diversity(np.ones((3, 1, 2)))
    assert math.isnan(one_sample.within) and one_sample.between == 0 and math.isnan(one_sample.ratio)
    assert math.isnan(sample_diversity(np.ones((1, 3, 2))).between)


@pytest.mark.parametrize("bad", [np.ones((3, 2)), np.ones((0, 2, 2)), np.full((2, 2, 2), np.nan)])
def test_what_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(DataError, match="n_voices, n_samples, dim"):
        sample_diversity(bad)
