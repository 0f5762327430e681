"""What every back-end promises: one person comes or goes, and nobody else's scores change."""

from __future__ import annotations

import json

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.identification.backend import Backend, check_positive
from visavox.registry import BACKENDS

SPECS = [
    {"name": "cosine"},
    {"name": "cosine", "centred": False},
    {"name": "logistic", "penalty": 0.5},
    {"name": "plda"},
    {"name": "plda", "within": 0.3, "between": 0.0},
]
every = pytest.mark.parametrize("spec", SPECS, ids=str)


def problem(n_people: int = 6, dim: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n_people), 3)
    vectors = rng.normal(size=(n_people, dim))[owners] + 0.4 * rng.normal(size=(3 * n_people, dim))
    return vectors.astype(np.float32), owners, rng.uniform(0.5, 2, len(owners)).astype(np.float32)


def newcomer() -> np.ndarray:
    """Three clips of one more person."""
    rng = np.random.default_rng(9)
    return (rng.normal(size=8) + 0.1 * rng.normal(size=(3, 8))).astype(np.float32)


def fitted(spec: dict[str, object]) -> tuple[Backend, np.ndarray, np.ndarray, np.ndarray]:
    backend: Backend = BACKENDS.build(spec)
    vectors, owners, weights = problem()
    backend.fit(vectors, owners, weights)
    return backend, vectors, owners, weights


def log_odds_free(backend: Backend, probes: np.ndarray) -> np.ndarray:
    """Scores that depend on each person's own row: those of `logistic` are set against everybody else's."""
    if backend.name != "logistic":
        return backend.scores(probes)
    return backend._inputs(probes) @ backend.rows.T + backend.offsets  # type: ignore[attr-defined, no-any-return]


def test_every_registered_backend_is_tried_here() -> None:
    assert {spec["name"] for spec in SPECS} == set(BACKENDS.names())


@every
def test_specs_build_the_same_backend_again_and_are_plain(spec: dict[str, object]) -> None:
    backend: Backend = BACKENDS.build(spec)
    assert spec.items() <= backend.spec.items()
    assert BACKENDS.build(json.loads(json.dumps(backend.spec))).spec == backend.spec


@every
def test_scores_are_float32_and_highest_for_the_own_person(spec: dict[str, object]) -> None:
    backend, vectors, owners, _ = fitted(spec)
    scores = backend.scores(vectors)
    assert (scores.shape, scores.dtype, backend.n_people) == ((18, 6), np.float32, 6)
    assert (scores.argmax(axis=1) == owners).mean() > 0.9


@every
def test_a_probe_scores_the_same_alone_and_among_others(spec: dict[str, object]) -> None:
    backend, vectors, *_ = fitted(spec)
    alone = np.concatenate([backend.scores(vector[None]) for vector in vectors])
    np.testing.assert_allclose(backend.scores(vectors), alone, rtol=1e-4, atol=1e-4)


@every
def test_the_length_of_a_probe_does_not_matter(spec: dict[str, object]) -> None:
    backend, vectors, *_ = fitted(spec)
    np.testing.assert_allclose(backend.scores(vectors * 50), backend.scores(vectors), rtol=1e-3, atol=1e-3)


@every
def test_people_in_another_order_have_the_same_scores(spec: dict[str, object]) -> None:
    backend, vectors, owners, weights = fitted(spec)
    turn = np.array([3, 0, 5, 1, 4, 2])
    other: Backend = BACKENDS.build(spec)
    other.fit(vectors, turn[owners], weights)
    np.testing.assert_allclose(other.scores(vectors)[:, turn], backend.scores(vectors), rtol=5e-3, atol=5e-3)


@every
def test_a_newcomer_gets_a_row_at_the_end_and_nobody_elses_changes(spec: dict[str, object]) -> None:
    backend, vectors, _, weights = fitted(spec)
    before = log_odds_free(backend, vectors)
    new = newcomer()
    backend.put(new, np.ones(3), others=vectors, of_others=weights)
    after = log_odds_free(backend, vectors)
    assert backend.n_people == 7
    np.testing.assert_array_equal(after[:, :6], before)
    assert (backend.scores(new).argmax(axis=1) == 6).all()
    assert all(getattr(backend, name).dtype == np.float32 for name in backend.per_person)


@every
def test_a_row_learned_again_keeps_its_place_and_the_others(spec: dict[str, object]) -> None:
    backend, vectors, owners, weights = fitted(spec)
    before = log_odds_free(backend, vectors)
    new = newcomer()
    other = owners != 2
    backend.put(new, np.ones(3), others=vectors[other], of_others=weights[other], index=2)
    assert backend.n_people == 6
    np.testing.assert_array_equal(log_odds_free(backend, vectors)[:, [0, 1, 3, 4, 5]], before[:, [0, 1, 3, 4, 5]])
    assert (backend.scores(new).argmax(axis=1) == 2).all()


@every
def test_who_goes_takes_the_row_away_and_nothing_else(spec: dict[str, object]) -> None:
    backend, vectors, *_ = fitted(spec)
    before = log_odds_free(backend, vectors)
    backend.drop([1, 4])
    assert backend.n_people == 4
    np.testing.assert_array_equal(log_odds_free(backend, vectors), before[:, [0, 2, 3, 5]])
    assert all(len(getattr(backend, name)) == 4 for name in backend.per_person)


@every
def test_restored_arrays_give_identical_scores(spec: dict[str, object]) -> None:
    backend, vectors, *_ = fitted(spec)
    other: Backend = BACKENDS.build(backend.spec)
    other.restore({name: array.copy() for name, array in backend.tensors().items()})
    np.testing.assert_array_equal(other.scores(vectors), backend.scores(vectors))
    assert set(backend.tensors()) == set(backend.fitted)


@every
def test_missing_and_left_over_arrays_are_one_line(spec: dict[str, object]) -> None:
    backend, *_ = fitted(spec)
    tensors = backend.tensors()
    for wrong in ({}, {**tensors, "more": np.ones(1)}, {k: v for k, v in tensors.items() if k != "rows"}):
        with pytest.raises(DataError, match=rf"^The saved back-end '{backend.name}' needs the arrays rows") as caught:
            backend.restore(wrong)
        assert str(caught.value).endswith(f"Got {', '.join(sorted(wrong)) or 'none'}. Enrol again.")


@every
def test_learning_alone_leaves_the_rows_to_enrolling(spec: dict[str, object]) -> None:
    whole, vectors, owners, weights = fitted(spec)
    parts: Backend = BACKENDS.build(spec)
    parts.learn(vectors, owners, weights)
    assert parts.n_people == 0
    parts.enroll(vectors, owners, weights)
    np.testing.assert_array_equal(parts.scores(vectors), whole.scores(vectors))


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_an_option_that_must_be_positive_says_so(value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`penalty` of the back-end 'x' must be above 0 and finite\. Got {value}"):
        check_positive("penalty", value, "x")
