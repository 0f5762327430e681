"""Centring and scaling, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.models.standardise import Standardiser

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)) * [1, 2, 3, 4, 5] + [9, 0, -3, 100, 1]


def test_the_default_divides_all_dimensions_by_their_mean_deviation() -> None:
    expected = (X - X.mean(axis=0)) / X.std(axis=0).mean()
    np.testing.assert_allclose(Standardiser(5).fit(X)(X), expected, atol=1e-5)


def test_per_dimension_gives_unit_variances() -> None:
    found = Standardiser(5, mode="per_dimension").fit(X)(X)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-5)


def test_a_hand_made_array_of_five_numbers() -> None:
    x = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])  # mean 3, variance 2
    np.testing.assert_allclose(Standardiser(1).fit(x)(x)[:, 0], (x[:, 0] - 3) / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize("mode", ["mean_deviation", "per_dimension"])
def test_whole_weights_are_repetitions(mode: str) -> None:
    weights = RNG.integers(0, 4, size=len(X)).astype(float)
    weighted = Standardiser(5, mode=mode).fit(X, weights=weights)  # type: ignore[arg-type]
    repeated = Standardiser(5, mode=mode).fit(np.repeat(X, weights.astype(int), axis=0))  # type: ignore[arg-type]
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-6)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-6)


@pytest.mark.parametrize("mode", ["mean_deviation", "per_dimension"])
def test_a_dimension_that_never_varies_stays_zero(mode: str) -> None:
    x = X.copy()
    x[:, 2] = 7
    standardiser = Standardiser(5, mode=mode).fit(x)  # type: ignore[arg-type]
    found = standardiser(x)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, 2], 0)
    assert abs(standardiser(np.full((1, 5), 8.0))[0, 2]) < 2


def test_it_is_the_identity_until_it_is_fitted() -> None:
    np.testing.assert_array_equal(Standardiser(5)(X), X.astype(np.float32))


def test_other_vectors_do_not_change_the_figures() -> None:
    standardiser = Standardiser(5).fit(X)
    alone = standardiser(X[:1])
    standardiser(X * 100)
    np.testing.assert_array_equal(standardiser(X[:1]), alone)


def test_the_argument_is_not_changed() -> None:
    x = X.copy()
    Standardiser(5).fit(x)(x)
    np.testing.assert_array_equal(x, X)


def test_saved_tensors_give_the_same_output() -> None:
    standardiser = Standardiser(5, mode="per_dimension").fit(X)
    other = Standardiser(5, mode="per_dimension")
    assert {name: array.shape for name, array in standardiser.tensors().items()} == standardiser.shapes()
    other.load_tensors(standardiser.tensors())
    np.testing.assert_array_equal(other(X), standardiser(X))


def test_output_is_float32() -> None:
    assert Standardiser(5).fit(X)(X).dtype == np.float32


def test_one_row_is_too_few() -> None:
    with pytest.raises(DataError, match=r"at least 2 training rows\. Got 1"):
        Standardiser(5).fit(X[:1])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_rows_that_are_all_the_same_are_said(value: float) -> None:
    with pytest.raises(DataError, match="All 9 training rows are the same vector"):
        Standardiser(5).fit(np.full((9, 5), value, dtype=np.float32))


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`mode` must be one of mean_deviation, per_dimension\. Got 'whiten'"):
        Standardiser(5, mode="whiten")  # type: ignore[arg-type]
