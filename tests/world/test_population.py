from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.population import CATEGORIES, DIMENSIONS, Leaks, Population, check_correlations


def test_there_are_at_least_six_shared_dimensions_of_different_names() -> None:
    assert len(set(DIMENSIONS)) == len(DIMENSIONS) >= 6


@pytest.mark.parametrize(("face", "voice", "agreement"), [(1, 1, 1), (0.5, 1, 0.5), (0.9, 0.8, 0.74), (0.5, 0.5, 0.5)])
def test_the_sexes_shown_agree_as_often_as_both_are_right_or_both_wrong(
    face: float, voice: float, agreement: float
) -> None:
    assert Population(face_reliability=face, voice_reliability=voice).sex_agreement == pytest.approx(agreement)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_the_agreement_of_a_category_is_that_of_the_table_of_all_cases(strength: float) -> None:
    population = Population(leaks=Leaks(nationality=strength))
    n = len(CATEGORIES["nationality"])
    shown = population.shows_category("nationality")
    assert shown == pytest.approx((1 - strength) / n + strength)
    table = np.full((n, n), (1 - shown) / (n - 1))  # rows: the person's own, columns: what is shown
    np.fill_diagonal(table, shown)
    agreement = (table**2).sum(axis=1).mean()
    assert population.category_agreement("nationality") == pytest.approx(agreement)
    assert population.category_agreement("language") == pytest.approx(1 / n)


def test_without_a_leak_nothing_is_shown_and_with_a_full_one_everything() -> None:
    assert Population().category_agreement("language") == pytest.approx(1 / len(CATEGORIES["language"]))
    assert Population(leaks=Leaks(language=1.0)).category_agreement("language") == 1.0


def test_correlations_become_a_tuple_of_floats_so_that_equal_worlds_are_equal() -> None:
    world = Population(correlations=[0, 0.5, 0, 0, 0, 0])  # type: ignore[arg-type]
    assert world.correlations == (0.0, 0.5, 0.0, 0.0, 0.0, 0.0)
    assert world == Population(correlations=(0.0, 0.5, 0.0, 0.0, 0.0, 0.0))
    assert hash(world) == hash(Population(correlations=(0.0, 0.5, 0.0, 0.0, 0.0, 0.0)))


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, math.nan])
def test_a_correlation_out_of_range_is_named(value: float) -> None:
    with pytest.raises(ConfigError, match="The correlation of size must be at least 0 and below 1. Got"):
        check_correlations([0.5, value, 0.5, 0.5, 0.5, 0.5])


def test_a_missing_correlation_is_named() -> None:
    with pytest.raises(ConfigError, match="one number for each of age, size, .* Got 2"):
        Population(correlations=(0.5, 0.5))


@pytest.mark.parametrize("value", [0.4, 1.01, math.nan])
def test_a_reliability_out_of_range_is_named(value: float) -> None:
    with pytest.raises(ConfigError, match="`voice_reliability` must be between 0.5 and 1. Got"):
        Population(voice_reliability=value)


def test_a_leak_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match="The leak of language must be between 0 and 1. Got -0.1"):
        Leaks(language=-0.1)
    with pytest.raises(ConfigError, match="The leak of recording must be below 1"):
        Leaks(recording=1.0)
