"""PLDA against log ratios of stacked normal densities, its covariances against loops and its shrinkage by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from visavox.errors import ConfigError
from visavox.identification.backends.plda import (
    LEAST_SHARE,
    PLDABackend,
    covariances,
    effective_counts,
    joint_diagonal,
    rounded,
)
from visavox.registry import BACKENDS


def problem(
    n_clips: list[int], dim: int = 4, *, noise: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(n_clips)), n_clips)
    vectors = rng.normal(size=(len(n_clips), dim))[owners] + noise * rng.normal(size=(len(owners), dim))
    return vectors.astype(np.float32), owners, np.ones(len(owners))


def inputs_by_hand(vectors: np.ndarray, owners: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Unit length, less the mean over people of the enrolled, unit length again."""
    units = [vector / np.linalg.norm(vector) for vector in vectors.astype(np.float64)]
    people = range(owners.max() + 1)
    centre = np.mean([np.mean([u for u, o in zip(units, owners, strict=True) if o == p], axis=0) for p in people], 0)
    moved = [vector / np.linalg.norm(vector) - centre for vector in asked.astype(np.float64)]
    return np.array([vector / np.linalg.norm(vector) for vector in moved])


def covariances_by_loop(inputs: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pooled scatter inside people; scatter of the means less what the mean of n recordings keeps of it."""
    people = range(owners.max() + 1)
    dim = inputs.shape[1]
    within, freedom, means, kept = np.zeros((dim, dim)), 0, [], []
    for person in people:
        own = inputs[owners == person]
        means.append(own.mean(axis=0))
        kept.append(1 / len(own))
        for row in own:
            within += np.outer(row - means[-1], row - means[-1])
        freedom += len(own) - 1
    scatter = np.zeros((dim, dim))
    for mean in means:
        scatter += np.outer(mean - np.mean(means, axis=0), mean - np.mean(means, axis=0)) / (len(means) - 1)
    if not freedom:
        return scatter / 2, scatter / 2
    within /= freedom
    values, vectors = np.linalg.eigh(scatter - within * np.mean(kept))
    between = sum(max(value, 0) * np.outer(v, v) for value, v in zip(values, vectors.T, strict=True))
    return within, np.asarray(between)


def shrunk(covariance: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * covariance + share * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


def stacked_ratio(probe: np.ndarray, enrolled: np.ndarray, within: np.ndarray, between: np.ndarray) -> float:
    """log N(probe and enrolled with one y) - log N(probe with a y of its own) - log N(enrolled with one y)."""

    def density(rows: np.ndarray) -> float:
        n = len(rows)
        covariance = np.kron(np.ones((n, n)), between) + np.kron(np.eye(n), within)
        return float(multivariate_normal(np.zeros(rows.size), covariance).logpdf(rows.ravel()))

    return density(np.vstack([probe[None], enrolled])) - density(probe[None]) - density(enrolled)


@pytest.mark.parametrize(("within", "between"), [(0.9, 0.2), (0.3, 0.0), (0.05, 0.7), (1.0, 1.0)])
@pytest.mark.parametrize("n_clips", [[3, 3, 3, 3, 3], [1, 4, 2, 1, 3, 5], [1, 1, 1, 1, 1, 1], [2, 1, 2]])
def test_scores_are_the_ratios_of_stacked_normal_densities(n_clips: list[int], within: float, between: float) -> None:
    # The last case has five clips of four numbers in each; with dim 7 there are fewer clips than numbers.
    for dim in (4, 7):
        vectors, owners, weights = problem(n_clips, dim)
        backend = PLDABackend(within=within, between=between)
        backend.fit(vectors, owners, weights)
        probes = np.random.default_rng(1).normal(size=(3, dim)).astype(np.float32)
        inputs = inputs_by_hand(vectors, owners, vectors)
        w, b = covariances_by_loop(inputs, owners)
        w, b = shrunk(w, within), shrunk(b, max(between, LEAST_SHARE))
        expected = [
            [stacked_ratio(probe, inputs[owners == p], w, b) for p in range(len(n_clips))]
            for probe in inputs_by_hand(vectors, owners, probes)
        ]
        np.testing.assert_allclose(backend.scores(probes), expected, rtol=2e-3, atol=2e-3)
        assert np.ptp(expected) > 0.02


def test_an_added_person_scores_by_the_same_density_with_what_was_learned_held_fixed() -> None:
    vectors, owners, weights = problem([3, 2, 4, 3])
    backend = PLDABackend()
    backend.fit(vectors, owners, weights)
    inputs = inputs_by_hand(vectors, owners, vectors)
    w, b = covariances_by_loop(inputs, owners)
    new = np.random.default_rng(5).normal(size=(2, 4)).astype(np.float32)
    backend.put(new, np.ones(2), others=vectors, of_others=weights)
    probe = inputs_by_hand(vectors, owners, new[:1])[0]
    expected = stacked_ratio(probe, inputs_by_hand(vectors, owners, new), shrunk(w, 0.9), shrunk(b, 0.2))
    assert backend.scores(new[:1])[0, 4] == pytest.approx(expected, abs=1e-3)


def test_turning_all_vectors_changes_no_score() -> None:
    for dim in (4, 30):
        vectors, owners, weights = problem([3, 2, 4, 1], dim)
        probes = np.random.default_rng(1).normal(size=(3, dim)).astype(np.float32)
        turn = np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0]
        plain, turned = PLDABackend(), PLDABackend()
        plain.fit(vectors, owners, weights)
        turned.fit((vectors @ turn).astype(np.float32), owners, weights)
        found = turned.scores((probes @ turn).astype(np.float32))
        np.testing.assert_allclose(found, plain.scores(probes), atol=2e-3)
        assert np.ptp(found) > 0.5


def test_more_recordings_alike_are_more_evidence() -> None:
    vectors, owners, weights = problem([4, 4, 4, 4, 4])
    backend = PLDABackend()
    backend.learn(vectors, owners, weights)
    probe = vectors[:1]
    scores = []
    for n in (1, 2, 8):
        backend.enroll(np.repeat(probe, n, axis=0), np.zeros(n, dtype=np.intp), np.ones(n))
        scores.append(float(backend.scores(probe)[0, 0]))
    assert scores[0] < scores[1] < scores[2]


def test_a_covariance_is_rounded_by_the_closed_form() -> None:
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    found, level = rounded(covariance, 0.5, dim=2)
    assert found.tolist() == [[3.5, 0.5], [0.5, 2.5]]
    assert level == 1.5
    found, level = rounded(covariance, 0.5, dim=6)  # four more dimensions in which there is nothing
    assert (found.tolist(), level) == ([[2.5, 0.5], [0.5, 1.5]], 0.5)
    # The trace over all six stays: what is here, and the level in each of the others.
    assert np.trace(found) + 4 * level == pytest.approx(np.trace(covariance))
    whole, _ = rounded(covariance, 1.0, dim=2)
    assert whole.tolist() == [[3, 0], [0, 3]]


def test_a_share_of_0_still_leaves_no_covariance_singular() -> None:
    found, level = rounded(np.diag([1.0, 0.0]), 0.0, dim=2)
    assert level == pytest.approx(LEAST_SHARE / 2)
    assert np.linalg.eigvalsh(found).min() > 0
    assert rounded(np.zeros((2, 2)), 0.5, dim=2)[1] > 0


def test_covariances_equal_a_loop() -> None:
    for n_clips in ([3, 3, 3], [1, 4, 2, 6], [1, 1, 1, 1]):
        vectors, owners, weights = problem(n_clips)
        means = np.array([vectors[owners == p].mean(axis=0) for p in range(len(n_clips))])
        for found, expected in zip(
            covariances(vectors, means, owners, weights), covariances_by_loop(vectors, owners), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5)
            assert np.linalg.eigvalsh(found).min() > -1e-9


def test_covariances_of_many_people_come_near_the_true_ones() -> None:
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(3000), 3)
    true_b, true_w = np.diag([4.0, 1.0]), np.array([[1.0, 0.5], [0.5, 2.0]])
    vectors = rng.multivariate_normal([0, 0], true_b, 3000)[owners] + rng.multivariate_normal([0, 0], true_w, 9000)
    means = np.array([vectors[i : i + 3].mean(axis=0) for i in range(0, 9000, 3)])
    within, between = covariances(vectors, means, owners, np.ones(9000))  # type: ignore[arg-type]
    np.testing.assert_allclose(within, true_w, atol=0.12)
    np.testing.assert_allclose(between, true_b, atol=0.3)


def test_joint_coordinates_make_one_covariance_the_identity_and_the_other_diagonal() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 5, 5))
    within, between = roots[0] @ roots[0].T + np.eye(5), roots[1] @ roots[1].T
    projection, ratios = joint_diagonal(within, between)
    np.testing.assert_allclose(projection.T @ within @ projection, np.eye(5), atol=1e-4)
    np.testing.assert_allclose(projection.T @ between @ projection, np.diag(ratios), atol=1e-3)
    assert (np.diff(ratios) >= 0).all()


def test_equal_weights_count_each_recording_and_unequal_ones_less() -> None:
    owners = np.array([0, 0, 0, 1, 1, 2])
    assert effective_counts(owners, np.full(6, 7.0), 3).tolist() == [3, 2, 1]
    found = effective_counts(owners, np.array([1.0, 1.0, 1.0, 3.0, 1.0, 0.2]), 3)
    assert found.tolist() == pytest.approx([3, 16 / 10, 1])
    assert effective_counts(owners, np.array([1, 1e-6, 1e-6, 1, 1, 1]), 3)[0] == 1


def test_quality_moves_the_template_towards_the_better_recording() -> None:
    vectors, owners, weights = problem([2, 3, 3, 3])
    even, uneven = PLDABackend(), PLDABackend()
    even.learn(vectors, owners, weights)
    uneven.learn(vectors, owners, weights)
    even.enroll(vectors, owners, weights)
    uneven.enroll(vectors, owners, np.where(np.arange(11) == 0, 9.0, weights))
    assert uneven.scores(vectors[:1])[0, 0] > even.scores(vectors[:1])[0, 0]
    np.testing.assert_array_equal(uneven.scores(vectors)[:, 1:], even.scores(vectors)[:, 1:])


def test_people_whose_clips_are_all_equal_have_finite_scores() -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(4, 6)), 2, axis=0).astype(np.float32)
    backend = PLDABackend()
    backend.fit(vectors, np.repeat(np.arange(4), 2), np.ones(8))
    scores = backend.scores(vectors)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == np.repeat(np.arange(4), 2)).all()


def test_shares_outside_0_to_1_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^`within` of the back-end 'plda' must lie between 0 and 1\. Got 1\.2\.$"):
        PLDABackend(within=1.2)
    with pytest.raises(ConfigError, match=r"^`between` .* Got -0\.1\.$"):
        BACKENDS.build({"name": "plda", "between": -0.1})
    with pytest.raises(ConfigError, match="Got nan"):
        PLDABackend(within=float("nan"))
