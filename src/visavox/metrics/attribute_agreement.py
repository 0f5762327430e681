"""Whether drawn faces have the gender, the race and the age of the true ones, by one classifier on both.

People first: the clips of a person are averaged, then the people. The agreement grows with quality, the age error
shrinks. A classifier errs on true faces too: beside the agreement of drawn and true stands its accuracy on the true
ones, where somebody said what they are.

Example:
    >>> gender_agreement(np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.array([0, 1]))
    array(0.5)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.metrics.weighting import Floats, mean_over_people

Scores = NDArray[np.floating[Any]]


def gender_agreement(
    drawn: Scores, true: Scores, people: NDArray[np.integer[Any]], *, counts: NDArray[np.integer[Any]] | None = None
) -> Floats:
    """Return the share of drawn faces that a classifier gives the gender of the true face.

    Args:
        drawn: (n,) float, above 0 for male; nan: no picture, left out.
        true: (n,) float of the true faces, or their given genders as 1 and -1; nan: unknown, left out.
        people: (n,) int from 0.
        counts: (n_resamples, n_people) int, copies of each person; None: everybody once.

    Returns:
        () or (n_resamples,) float64, 0 to 1; nan where nothing is known.

    Raises:
        DataError: the lengths differ.
    """
    drawn, true = _checked(drawn, true)
    same = np.where(np.isnan(drawn) | np.isnan(true), np.nan, ((drawn > 0) == (true > 0)).astype(np.float64))
    return mean_over_people(same, people, counts=counts)


def race_agreement(
    drawn: Scores, true: Scores, people: NDArray[np.integer[Any]], *, counts: NDArray[np.integer[Any]] | None = None
) -> Floats:
    """Return the share of drawn faces that a classifier puts in the class in which it puts the true face.

    Args:
        drawn: (n,) float, number of the class; nan: no picture, left out.
        true: (n,) float of the true faces; nan: unknown, left out.
        people: (n,) int from 0.
        counts: as for `gender_agreement`.

    Returns:
        () or (n_resamples,) float64, 0 to 1; nan where nothing is known.

    Raises:
        DataError: the lengths differ.
    """
    drawn, true = _checked(drawn, true)
    same = np.where(np.isnan(drawn) | np.isnan(true), np.nan, (drawn == true).astype(np.float64))
    return mean_over_people(same, people, counts=counts)


def age_error_years(
    drawn: Scores, true: Scores, people: NDArray[np.integer[Any]], *, counts: NDArray[np.integer[Any]] | None = None
) -> Floats:
    """Return the mean absolute difference of the ages that a classifier gives drawn and true faces, in years.

    Args:
        drawn: (n,) float years; nan: no picture, left out.
        true: (n,) float years.
        people: (n,) int from 0.
        counts: as for `gender_agreement`.

    Returns:
        () or (n_resamples,) float64 from 0; nan where nothing is known.

    Raises:
        DataError: the lengths differ.
    """
    drawn, true = _checked(drawn, true)
    return mean_over_people(np.abs(drawn - true), people, counts=counts)


def _checked(drawn: Scores, true: Scores) -> tuple[Floats, Floats]:
    a, b = np.asarray(drawn, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"Attributes are compared face by face. Got {a.shape} drawn and {b.shape} true.")
    return a, b
