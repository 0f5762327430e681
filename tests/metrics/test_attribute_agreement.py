"""Gender, race and age of drawn and true faces: loops with people first, gaps, resamples."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.attribute_agreement import age_error_years, gender_agreement, race_agreement

PEOPLE = np.array([0, 0, 0, 1, 2, 2])


def test_the_clips_of_a_person_are_averaged_first() -> None:
    drawn = np.array([1.0, 1.0, -1.0, -2.0, 3.0, -3.0])
    true = np.array([2.0, 2.0, 2.0, -1.0, 1.0, 1.0])
    assert gender_agreement(drawn, true, PEOPLE) == pytest.approx(np.mean([2 / 3, 1, 1 / 2]))


def test_ages_are_apart_by_their_mean_absolute_difference() -> None:
    drawn, true = np.array([20.0, 30, 40, 50, 60, 70]), np.array([21.0, 28, 40, 40, 60, 90])
    assert age_error_years(drawn, true, PEOPLE) == pytest.approx(np.mean([(1 + 2 + 0) / 3, 10, 10]))


def test_a_missing_picture_and_an_unknown_truth_are_left_out() -> None:
    drawn = np.array([1.0, np.nan, 1.0, -1.0, 1.0, 1.0])
    true = np.array([1.0, -1.0, np.nan, -1.0, -1.0, 1.0])
    assert gender_agreement(drawn, true, PEOPLE) == pytest.approx(np.mean([1, 1, 1 / 2]))
    assert np.isnan(gender_agreement(np.full(6, np.nan), true, PEOPLE))


def test_a_resample_weighs_people() -> None:
    rng = np.random.default_rng(0)
    drawn, true = rng.normal(size=6), rng.normal(size=6)
    counts = np.array([[3, 0, 0], [1, 1, 1], [0, 1, 2]])
    of_person = [np.mean([(drawn[i] > 0) == (true[i] > 0) for i in np.flatnonzero(p == PEOPLE)]) for p in range(3)]
    wanted = [np.average(of_person, weights=row) for row in counts]
    assert gender_agreement(drawn, true, PEOPLE, counts=counts) == pytest.approx(wanted)
    error = [np.mean(np.abs(drawn - true)[p == PEOPLE]) for p in range(3)]
    wanted = [np.average(error, weights=row) for row in counts]
    assert age_error_years(drawn, true, PEOPLE, counts=counts) == pytest.approx(wanted)


def test_lengths_must_fit() -> None:
    with pytest.raises(DataError, match="face by face"):
        gender_agreement(np.ones(3), np.ones(4), np.zeros(3, dtype=int))
    with pytest.raises(DataError, match="face by face"):
        age_error_years(np.ones((3, 1)), np.ones((3, 1)), np.zeros(3, dtype=int))


def test_classes_agree_where_their_numbers_do_people_first() -> None:
    drawn = np.array([0.0, 1, 4, 2, 3, np.nan])
    true = np.array([0.0, 1, 3, 2, 0, 3])
    assert race_agreement(drawn, true, PEOPLE) == pytest.approx(np.mean([2 / 3, 1, 0]))
    counts = np.array([[3, 0, 0], [1, 1, 1], [0, 1, 2]])
    wanted = [np.average([2 / 3, 1, 0], weights=row) for row in counts]
    assert race_agreement(drawn, true, PEOPLE, counts=counts) == pytest.approx(wanted)
    assert np.isnan(race_agreement(np.full(6, np.nan), true, PEOPLE))
    with pytest.raises(DataError, match="face by face"):
        race_agreement(drawn, true[:3], PEOPLE)
