"""The map through attributes against plain solutions, and what it is good for."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.models.attribute_ridge import attribute_basis, fit_attribute_ridge
from visavox.models.grouped_ridge import fit_grouped_ridge


def people(n: int) -> list[str]:
    return [f"p{i // 2}" for i in range(n)]


def noisy(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Voices that tell one attribute, faces of which it is a small part: x, told, y, the true directions."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).normal(size=(1, 30))
    x = rng.normal(size=(n, 20))
    told = x[:, :1] + 0.3 * rng.normal(size=(n, 1))
    return x, told, told @ truth + 5 * rng.normal(size=(n, 30)), truth


def test_a_basis_is_what_least_squares_says() -> None:
    rng = np.random.default_rng(1)
    told, features = rng.normal(size=(50, 2)), rng.normal(size=(50, 4))
    centred, wanted = told - told.mean(axis=0), features - features.mean(axis=0)
    expected = np.linalg.inv(centred.T @ centred) @ centred.T @ wanted
    assert np.allclose(attribute_basis(told, features), expected)


def test_a_camera_is_not_taken_for_an_attribute() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat([0, 1], 100)
    told = rng.normal(size=(200, 1)) + 3 * groups[:, None]  # the second collection is of older people,
    features = told @ np.array([[2.0, -1.0]]) + 50 * groups[:, None]  # and of a brighter camera
    assert np.allclose(attribute_basis(told, features, groups), [[2.0, -1.0]])
    assert not np.allclose(attribute_basis(told, features), [[2.0, -1.0]], atol=1)


def test_it_does_not_change_what_it_is_given() -> None:
    told, features = np.ones((4, 1)), np.ones((4, 2))
    attribute_basis(told, features)
    assert (told == 1).all()
    assert (features == 1).all()


def test_without_a_basis_it_is_the_plain_ridge() -> None:
    x, told, y, _ = noisy(60)
    plain = fit_grouped_ridge(x, y, people(60))
    through = fit_attribute_ridge(x, y, people(60), told=told, basis=np.zeros((1, 30)))
    assert np.allclose(through.weight, plain.weight)
    assert np.allclose(through.residuals, plain.residuals)
    left, all_of_it = (through.residuals**2).sum(), ((y - y.mean(axis=0)) ** 2).sum()
    assert through.explained == pytest.approx(1 - left / all_of_it)
    assert np.allclose(through.predict(x), plain.predict(x))


def test_with_a_basis_that_is_all_it_is_the_attributes_alone() -> None:
    x, told, _, truth = noisy(60)
    through = fit_attribute_ridge(x, told @ truth, people(60), told=told, basis=truth)
    alone = fit_grouped_ridge(x, told, people(60))
    assert np.allclose(through.weight, alone.weight @ truth, atol=1e-9)


def test_residuals_are_of_people_held_out() -> None:
    x, told, y, truth = noisy(40)
    fit = fit_attribute_ridge(x, y, people(40), told=told, basis=truth)
    changed = y.copy()
    changed[0] += 1000  # moves the fits that hold this row, and not the one that its own residual comes from
    again = fit_attribute_ridge(x, changed, people(40), told=told, basis=truth, ridges=(fit.ridge,))
    once = fit_attribute_ridge(x, y, people(40), told=told, basis=truth, ridges=(fit.ridge,))
    assert np.allclose(again.residuals[0] - once.residuals[0], 1000)


def test_labelled_faces_help_where_pairs_are_few() -> None:
    many = noisy(5000, seed=1)
    basis = attribute_basis(many[1], many[2])
    errors = {"plain": [], "through": []}  # type: ignore[var-annotated]
    new_x, new_told, _, truth = noisy(500, seed=2)
    for seed in range(3, 9):
        x, told, y, _ = noisy(60, seed=seed)
        fits = {
            "plain": fit_grouped_ridge(x, y, people(60)),
            "through": fit_attribute_ridge(x, y, people(60), told=told, basis=basis),
        }
        for name, fit in fits.items():
            errors[name].append(float(((fit.predict(new_x) - new_told @ truth) ** 2).mean()))
    assert np.mean(errors["through"]) < 0.6 * np.mean(errors["plain"])


def test_weights_count_rows() -> None:
    x, told, y, truth = noisy(40)
    twice = [np.concatenate([part, part]) for part in (x, told, y)]
    names = people(40)
    doubled = fit_attribute_ridge(twice[0], twice[2], names + names, told=twice[1], basis=truth, ridges=(1.0,))
    weighed = fit_attribute_ridge(x, y, names, told=told, basis=truth, ridges=(1.0,), weights=np.full(40, 2.0))
    assert np.allclose(doubled.weight, weighed.weight)


@pytest.mark.parametrize(
    ("told", "basis"),
    [(np.zeros((40, 2)), np.zeros((1, 30))), (np.zeros((39, 1)), np.zeros((1, 30))), (np.zeros(40), np.zeros((1, 30)))],
)
def test_shapes_that_do_not_fit_are_said(told: np.ndarray, basis: np.ndarray) -> None:
    x, _, y, _ = noisy(40)
    with pytest.raises(DataError, match="must be \\(attributes, feature\\)"):
        fit_attribute_ridge(x, y, people(40), told=told, basis=basis)


def test_faces_without_features_are_said() -> None:
    with pytest.raises(DataError, match="Every face needs attributes and a feature"):
        attribute_basis(np.zeros((3, 1)), np.zeros((2, 4)))
