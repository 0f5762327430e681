"""Ridge regression over people, against equations solved one by one."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.models.grouped_ridge import RIDGES, fit_grouped_ridge, folds_of_people, low_rank_spread


def made(
    n_people: int = 40, n_clips: int = 2, noise: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Inputs whose scales differ, outputs that follow them linearly, and who each row is."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(n_people, 5)), n_clips, axis=0) * [1, 10, 0.1, 3, 1] + [0, 5, -1, 0, 2]
    x = x + 0.1 * rng.normal(size=x.shape)
    true = rng.normal(size=(5, 3))
    y = x / [1, 10, 0.1, 3, 1] @ true + noise * rng.normal(size=(len(x), 3)) + 7
    return x, y, [f"p{i // n_clips}" for i in range(len(x))]


def slow_fit(x: np.ndarray, y: np.ndarray, mass: np.ndarray, ridge: float) -> tuple[np.ndarray, ...]:
    """Means, deviations and the solution of one output after the other, from loops."""
    total = sum(mass)
    mean = np.array([sum(mass * x[:, j]) / total for j in range(x.shape[1])])
    scale = np.array([np.sqrt(sum(mass * (x[:, j] - mean[j]) ** 2) / total) for j in range(x.shape[1])])
    y_mean = np.array([sum(mass * y[:, k]) / total for k in range(y.shape[1])])
    z = (x - mean) / scale
    weight = np.zeros((x.shape[1], y.shape[1]))
    gram = np.zeros((x.shape[1], x.shape[1]))
    for row, m in zip(z, mass, strict=True):
        gram += m * np.outer(row, row)
    for k in range(y.shape[1]):
        right = sum(m * row * (value - y_mean[k]) for row, m, value in zip(z, mass, y[:, k], strict=True))
        weight[:, k] = np.linalg.solve(gram + ridge * total * np.eye(len(gram)), right)
    return mean, scale, y_mean, weight


def test_the_map_is_that_of_equations_solved_one_by_one() -> None:
    x, y, people = made()
    mass = np.linspace(0.5, 2, len(x))
    fit = fit_grouped_ridge(x, y, people, weights=mass, ridges=[0.3])
    mean, scale, y_mean, weight = slow_fit(x, y, mass, 0.3)
    for found, expected in ((fit.x_mean, mean), (fit.x_scale, scale), (fit.y_mean, y_mean), (fit.weight, weight)):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(fit.predict(x[:4]), y_mean + (x[:4] - mean) / scale @ weight, rtol=1e-9)


def test_the_strength_is_the_best_on_people_held_out() -> None:
    x, y, people = made(noise=3.0, n_people=12)
    ridges = (0.01, 0.3, 10.0)
    fit = fit_grouped_ridge(x, y, people, ridges=ridges, n_folds=4, seed=5)
    fold = folds_of_people(people, 4, seed=5)
    errors, nothing = np.zeros(3), 0.0
    for number in range(4):
        out = fold == number
        for place, ridge in enumerate(ridges):
            mean, scale, y_mean, weight = slow_fit(x[~out], y[~out], np.ones((~out).sum()), ridge)
            errors[place] += ((y[out] - y_mean - (x[out] - mean) / scale @ weight) ** 2).sum()
        nothing += ((y[out] - y[~out].mean(axis=0)) ** 2).sum()
    np.testing.assert_allclose(fit.explained_by_ridge, 1 - errors / nothing, rtol=1e-9)
    assert fit.ridge == ridges[int(errors.argmin())] and fit.explained == max(fit.explained_by_ridge)
    np.testing.assert_allclose((fit.residuals**2).sum(), errors.min(), rtol=1e-9)


def test_much_noise_asks_for_a_stronger_ridge_than_none() -> None:
    clear, noisy = (fit_grouped_ridge(*made(noise=noise, n_people=20)) for noise in (0.01, 20.0))
    assert clear.ridge == RIDGES[0] and noisy.ridge > 1
    assert clear.explained > 0.95 > 0.3 > noisy.explained


def test_nothing_to_learn_predicts_the_mean_and_says_so() -> None:
    rng = np.random.default_rng(0)
    fit = fit_grouped_ridge(rng.normal(size=(200, 5)), rng.normal(size=(200, 3)), [str(i) for i in range(200)])
    assert abs(fit.explained) < 0.05
    assert np.abs(fit.predict(rng.normal(size=(9, 5))) - fit.y_mean).max() < 0.2


def test_a_weight_of_two_is_a_row_given_twice() -> None:
    x, y, people = made(n_people=10, n_clips=1)
    twice = fit_grouped_ridge(x, y, people, weights=[2.0] * 5 + [1.0] * 5, n_folds=3)
    rows = [*range(5), *range(10)]
    repeated = fit_grouped_ridge(x[rows], y[rows], [people[i] for i in rows], n_folds=3)
    np.testing.assert_allclose(twice.weight, repeated.weight, rtol=1e-9)
    np.testing.assert_allclose(twice.explained_by_ridge, repeated.explained_by_ridge, rtol=1e-9)


def test_an_input_that_never_varies_has_no_weight() -> None:
    x, y, people = made()
    x[:, 1] = 4.0
    fit = fit_grouped_ridge(x, y, people)
    assert np.abs(fit.weight[1]).max() < 1e-9 and np.isfinite(fit.weight).all() and (fit.x_scale > 0).all()
    still = fit_grouped_ridge(np.ones((6, 2)), y[:6], people[:6])
    np.testing.assert_allclose(still.predict(np.ones((1, 2)))[0], y[:6].mean(axis=0))


def test_folds_keep_people_together_and_hold_like_many() -> None:
    people = [f"p{i % 23}" for i in range(90)]
    fold = folds_of_people(people, 5, seed=1)
    by_person: dict[str, set[int]] = {}
    for person, number in zip(people, fold.tolist(), strict=True):
        by_person.setdefault(person, set()).add(number)
    assert all(len(numbers) == 1 for numbers in by_person.values())
    sizes = np.bincount([min(numbers) for numbers in by_person.values()])
    assert sizes.max() - sizes.min() <= 1 and len(sizes) == 5
    np.testing.assert_array_equal(fold, folds_of_people(people, 5, seed=1))
    assert (fold != folds_of_people(people, 5, seed=2)).any()


def test_the_spread_is_the_covariance_at_full_rank_and_its_best_part_below() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(500, 4)) @ np.diag([3, 1, 0.5, 0.1]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    covariance = np.zeros((4, 4))
    for row in rows - rows.mean(axis=0):
        covariance += np.outer(row, row) / 500
    full = low_rank_spread(rows, 4)
    np.testing.assert_allclose(full @ full.T, covariance, atol=1e-10)
    values, vectors = np.linalg.eigh(covariance)
    one = low_rank_spread(rows, 1)
    np.testing.assert_allclose(one @ one.T, values[-1] * np.outer(vectors[:, -1], vectors[:, -1]), atol=1e-10)
    np.testing.assert_allclose(one[:, 0], full[:, 0])


def test_the_spread_has_the_rank_that_was_asked_for_whatever_there_is() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 5))
    spread = low_rank_spread(rows, 8)
    assert spread.shape == (5, 8) and not spread[:, 3:].any() and spread[:, 0].any()
    assert low_rank_spread(rows, 0).shape == (5, 0)
    doubled = low_rank_spread(rows[[0, 0, 1, 2]], 2)
    np.testing.assert_allclose(doubled, low_rank_spread(rows, 2, weights=[2, 1, 1]), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"people": ["a"] * 4}, "2 are needed. Got 1"),
        ({"people": ["a"] * 3}, r"Got \(4, 2\), \(4, 3\), 3 people and 4 weights"),
        ({"x": np.full((4, 2), np.nan)}, "must be finite. Got nan or infinity"),
        ({"y": np.zeros(4)}, "Every row needs inputs, outputs and a person"),
        ({"weights": [1, 1, 0, 1]}, "Weights of rows must be above 0. Got 0"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], words: str) -> None:
    given = {"x": np.zeros((4, 2)), "y": np.zeros((4, 3)), "people": list("aabb"), **change}
    with pytest.raises(DataError, match=words):
        fit_grouped_ridge(**given)  # type: ignore[arg-type]


def test_options_are_held_to_their_ranges() -> None:
    x, y, people = made()
    for ridges in ([], [0.0, 1.0]):
        with pytest.raises(ConfigError, match="`ridges` must be numbers above 0"):
            fit_grouped_ridge(x, y, people, ridges=ridges)
    with pytest.raises(ConfigError, match="`n_folds` must be at least 2. Got 1"):
        fit_grouped_ridge(x, y, people, n_folds=1)


def test_the_scale_of_inputs_does_not_matter() -> None:
    x, y, people = made()
    plain, scaled = fit_grouped_ridge(x, y, people), fit_grouped_ridge(1000 * x - 7, y, people)
    assert plain.ridge == scaled.ridge
    np.testing.assert_allclose(scaled.weight, plain.weight, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaled.predict(1000 * x - 7), plain.predict(x), rtol=1e-6)


def test_more_folds_than_people_are_one_a_person() -> None:
    x, y, people = made(n_people=3, n_clips=4)
    fit = fit_grouped_ridge(x, y, people, n_folds=50)
    three = fit_grouped_ridge(x, y, people, n_folds=3)
    np.testing.assert_array_equal(fit.residuals, three.residuals)


def test_arrays_are_left_as_they_were() -> None:
    x, y, people = made()
    before = x.copy(), y.copy()
    fit_grouped_ridge(x, y, people)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_residuals_are_of_fits_that_never_saw_the_person() -> None:
    """A person whose features are far off pulls no fit towards himself: his residual is as far."""
    x, y, people = made(noise=0.01)
    y[:2] += 100
    fit = fit_grouped_ridge(x, y, people, ridges=[0.003])
    assert np.abs(fit.residuals[:2]).min() > 90
    inside = np.abs(y[:2] - fit.predict(x[:2]))
    assert (inside < np.abs(fit.residuals[:2])).all()
