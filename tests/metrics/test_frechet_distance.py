"""Frechet distance: closed forms of Gaussians, scipy's root of a matrix, and when it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from visavox.errors import DataError
from visavox.metrics.frechet_distance import LEAST_PICTURES, frechet_distance, gaussian_frechet_distance


def test_in_one_dimension_it_is_the_difference_of_means_and_deviations() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2."""
    found = gaussian_frechet_distance(np.array([1.0]), np.array([[4.0]]), np.array([-2.0]), np.array([[9.0]]))
    assert found == pytest.approx(9 + 1)


def test_covariances_that_commute_have_a_closed_form() -> None:
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    found = gaussian_frechet_distance(np.zeros(3), np.diag(a), np.zeros(3), np.diag(b))
    assert found == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum())


def test_it_agrees_with_the_root_of_the_product() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 1
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = x.mean(axis=0) - y.mean(axis=0)
    slow = shift @ shift + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert gaussian_frechet_distance(x.mean(axis=0), a, y.mean(axis=0), b) == pytest.approx(slow)
    assert frechet_distance(x, y, least=2) == pytest.approx(slow)


def test_equal_sets_are_at_no_distance_even_without_full_rank() -> None:
    x = np.random.default_rng(1).normal(size=(6, 10))
    assert frechet_distance(x, x, least=2) == pytest.approx(0, abs=1e-6)


def test_it_is_symmetric_and_grows_with_the_shift() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    assert frechet_distance(x, y, least=2) == pytest.approx(frechet_distance(y, x, least=2))
    assert frechet_distance(x, y + 5, least=2) > frechet_distance(x, y + 1, least=2)


def test_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match=r"needs 2,000 pictures of either side. Got 1,999 and 2,000"):
        frechet_distance(np.zeros((LEAST_PICTURES - 1, 2)), np.zeros((LEAST_PICTURES, 2)))


def test_without_features_it_is_refused() -> None:
    with pytest.raises(DataError, match="FID needs Inception features of both sides"):
        frechet_distance(None, np.zeros((3000, 2)))


def test_bad_features() -> None:
    with pytest.raises(DataError, match="one length"):
        frechet_distance(np.zeros((5, 2)), np.zeros((5, 3)), least=2)
    with pytest.raises(DataError, match="must be finite"):
        frechet_distance(np.full((5, 2), np.inf), np.zeros((5, 2)), least=2)
    with pytest.raises(DataError, match="Means and covariances"):
        gaussian_frechet_distance(np.zeros(2), np.eye(3), np.zeros(2), np.eye(2))
