"""Cosine to templates, on vectors made by hand and against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.identification.backends.cosine import LEAST_PEOPLE, CosineBackend
from visavox.registry import BACKENDS


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def by_loop(
    vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray, probes: np.ndarray, *, centred: bool
) -> np.ndarray:
    """Mean of unit vectors a person; the mean of these taken away; unit length again; a template; the cosine."""
    people = range(owners.max() + 1)

    def template(rows: list[np.ndarray], person: int) -> np.ndarray:
        own = [i for i in range(len(rows)) if owners[i] == person]
        return sum(weights[i] * rows[i] for i in own) / sum(weights[i] for i in own)  # type: ignore[return-value]

    units = [unit(vector) for vector in vectors.astype(np.float64)]
    centre = np.mean([template(units, p) for p in people], axis=0) if centred else np.zeros(vectors.shape[1])
    inputs = [unit(vector - centre) for vector in units]
    templates = [unit(template(inputs, p)) for p in people]
    asked = [unit(unit(probe.astype(np.float64)) - centre) for probe in probes]
    return np.array([[probe @ row for row in templates] for probe in asked])


def problem(n_people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_people)
    owners = rng.permutation(np.repeat(np.arange(n_people), 3))
    vectors = (rng.normal(size=(len(owners), 6)) + 1).astype(np.float32)
    return vectors, owners, rng.uniform(0.2, 3, len(owners)), rng.normal(size=(5, 6)).astype(np.float32)


@pytest.mark.parametrize("centred", [True, False])
def test_scores_equal_a_loop(centred: bool) -> None:
    vectors, owners, weights, probes = problem(5)
    backend = CosineBackend(centred=centred)
    backend.fit(vectors, owners, weights)
    expected = by_loop(vectors, owners, weights, probes, centred=centred)
    np.testing.assert_allclose(backend.scores(probes), expected, atol=2e-6)
    assert np.ptp(expected) > 0.5


def test_vectors_by_hand() -> None:
    backend = CosineBackend(centred=False)
    # Ann points right, twice as well recorded as up; Bob up and left.
    vectors = np.array([[5, 0], [0, 1], [-3, 3]], dtype=np.float32)
    backend.fit(vectors, np.array([0, 0, 1]), np.array([2.0, 1.0, 1.0]))
    found = backend.scores(np.array([[7, 0], [0, 2], [-2, -2]], dtype=np.float32))
    root = np.sqrt(5)
    expected = [[2 / root, -np.sqrt(0.5)], [1 / root, np.sqrt(0.5)], [-3 / root / np.sqrt(2), 0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_centring_tells_apart_what_shares_a_large_part() -> None:
    shared = np.array([100.0, 0, 0, 0])
    vectors = (shared + np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])).astype(np.float32)
    plain, centred = CosineBackend(centred=False), CosineBackend()
    for backend in (plain, centred):
        backend.fit(vectors, np.arange(3), np.ones(3))
    assert plain.scores(vectors).min() > 0.999
    # Three directions that differ as much as three can: their cosines are -1 / 2.
    np.testing.assert_allclose(centred.scores(vectors), 1.5 * np.eye(3) - 0.5, atol=2e-2)


def test_two_people_are_taken_around_zero() -> None:
    vectors, owners, weights, probes = problem(LEAST_PEOPLE - 1)
    backend = CosineBackend()
    backend.fit(vectors, owners, weights)
    assert not backend.centre.any()
    np.testing.assert_allclose(
        backend.scores(probes), by_loop(vectors, owners, weights, probes, centred=False), atol=2e-6
    )
    backend.fit(*problem(LEAST_PEOPLE)[:3])
    assert backend.centre.any()


def test_scores_lie_between_minus_1_and_1_and_turn_with_the_probe() -> None:
    vectors, owners, weights, probes = problem(4)
    backend = CosineBackend(centred=False)
    backend.fit(vectors, owners, weights)
    scores = backend.scores(probes)
    assert np.abs(scores).max() <= 1 + 1e-6
    np.testing.assert_allclose(backend.scores(-probes), -scores, atol=1e-6)


def test_turning_all_vectors_changes_no_score() -> None:
    vectors, owners, weights, probes = problem(5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    plain, turned = CosineBackend(), CosineBackend()
    plain.fit(vectors, owners, weights)
    turned.fit((vectors @ turn).astype(np.float32), owners, weights)
    np.testing.assert_allclose(turned.scores((probes @ turn).astype(np.float32)), plain.scores(probes), atol=1e-5)


def test_an_added_person_has_the_template_that_fitting_would_give() -> None:
    vectors, owners, weights, probes = problem(5)
    backend, whole = CosineBackend(centred=False), CosineBackend(centred=False)
    whole.fit(vectors, owners, weights)
    old = owners < 4
    backend.fit(vectors[old], owners[old], weights[old])
    backend.put(vectors[~old], weights[~old], others=vectors[old], of_others=weights[old])
    np.testing.assert_allclose(backend.scores(probes), whole.scores(probes), atol=1e-6)


def test_the_registry_refuses_other_options() -> None:
    assert BACKENDS.build("cosine").spec == {"name": "cosine", "centred": True}
    with pytest.raises(ConfigError, match="`centred` must be true or false"):
        BACKENDS.build({"name": "cosine", "centred": 1})
