"""Canonical correlations, against the generalised eigenproblem, a known answer, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from sklearn import cross_decomposition

from visavox.errors import ConfigError, DataError
from visavox.models.associators.cca import CCA, CanonicalDirections, solve_cca


def correlated(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Voices of 6 and faces of 4 dimensions that share some, far from white and far from centred."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3))
    voice = shared @ rng.normal(size=(3, 6)) + rng.normal(size=(n, 6)) * [1, 2, 3, 1, 0.5, 1] + 5
    face = shared @ rng.normal(size=(3, 4)) + rng.normal(size=(n, 4)) * [2, 1, 1, 0.5] - 2
    return voice, face


def referee(
    voice: np.ndarray, face: np.ndarray, ridge_voice: float, ridge_face: float, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The definition, term by term: covariances by a loop, directions from [0 C; C' 0] x = rho [V 0; 0 F] x."""
    n, dv, df = len(voice), voice.shape[1], face.shape[1]
    w = np.ones(n) if weights is None else weights
    mean_v = sum(w[i] * voice[i] for i in range(n)) / w.sum()
    mean_f = sum(w[i] * face[i] for i in range(n)) / w.sum()
    V, F, C = np.zeros((dv, dv)), np.zeros((df, df)), np.zeros((dv, df))
    for i in range(n):
        a, b = voice[i] - mean_v, face[i] - mean_f
        V += w[i] * np.outer(a, a) / w.sum()
        F += w[i] * np.outer(b, b) / w.sum()
        C += w[i] * np.outer(a, b) / w.sum()
    V, F = V + ridge_voice * np.eye(dv), F + ridge_face * np.eye(df)
    left = np.block([[np.zeros((dv, dv)), C], [C.T, np.zeros((df, df))]])
    right = scipy.linalg.block_diag(V, F)
    values, vectors = scipy.linalg.eigh(left, right)
    order = np.argsort(-values)[: min(dv, df)]
    a, b = vectors[:dv, order], vectors[dv:, order]
    a /= np.sqrt(np.einsum("ik,ij,jk->k", a, V, a))
    b /= np.sqrt(np.einsum("ik,ij,jk->k", b, F, b))
    sign = np.array([np.sign(a[np.abs(a[:, k]).argmax(), k]) for k in range(a.shape[1])])
    return values[order], a * sign, b * sign


@pytest.mark.parametrize(("ridge_voice", "ridge_face"), [(0.0, 0.0), (0.5, 2.0), (10.0, 10.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_directions_equal_the_generalised_eigenproblem(ridge_voice: float, ridge_face: float, weighted: bool) -> None:
    voice, face = correlated(80)
    weights = np.random.default_rng(1).uniform(0.1, 2, size=80) if weighted else None
    found = solve_cca(voice, face, ridge_voice=ridge_voice, ridge_face=ridge_face, weights=weights)
    correlations, a, b = referee(voice, face, ridge_voice, ridge_face, weights)
    np.testing.assert_allclose(found.correlations, correlations, atol=1e-9)
    np.testing.assert_allclose(found.voice, a, atol=1e-7)
    np.testing.assert_allclose(found.face, b, atol=1e-7)


def test_whole_weights_are_repetitions() -> None:
    voice, face = correlated(50)
    weights = np.random.default_rng(2).integers(0, 3, size=50)
    weighted = solve_cca(voice, face, ridge_voice=1.0, ridge_face=1.0, weights=weights.astype(float))
    repeated = solve_cca(np.repeat(voice, weights, 0), np.repeat(face, weights, 0), ridge_voice=1.0, ridge_face=1.0)
    np.testing.assert_allclose(weighted.correlations, repeated.correlations, atol=1e-10)
    np.testing.assert_allclose(weighted.voice, repeated.voice, atol=1e-8)


def test_the_known_correlations_of_a_gaussian_are_recovered() -> None:
    """Independent pairs of correlation 0.9, 0.6 and 0, mixed by invertible maps that CCA must undo."""
    rng = np.random.default_rng(3)
    truth = np.array([0.9, 0.6, 0.0])
    x = rng.normal(size=(40_000, 3))
    y = truth * x + np.sqrt(1 - truth**2) * rng.normal(size=(40_000, 3))
    found = solve_cca(x @ rng.normal(size=(3, 3)), y @ rng.normal(size=(3, 3)), ridge_voice=0.0, ridge_face=0.0)
    np.testing.assert_allclose(found.correlations, truth, atol=0.02)  # standard error of 0 is 0.005


def test_scikit_learn_finds_the_same_variates_without_a_ridge() -> None:
    voice, face = correlated(300)
    ours = solve_cca(voice, face, ridge_voice=1e-9, ridge_face=1e-9)
    theirs = cross_decomposition.CCA(n_components=3, scale=False, max_iter=5000, tol=1e-12).fit(voice, face)
    x, y = theirs.transform(voice, face)
    for k in range(3):
        assert np.corrcoef(x[:, k], y[:, k])[0, 1] == pytest.approx(ours.correlations[k], abs=1e-5)
        assert abs(np.corrcoef(x[:, k], voice @ ours.voice[:, k])[0, 1]) == pytest.approx(1, abs=1e-4)


def test_variates_are_uncorrelated_with_unit_variance_and_pairwise_correlations() -> None:
    voice, face = correlated(200)
    found = solve_cca(voice, face, ridge_voice=0.0, ridge_face=0.0)
    x, y = (voice - voice.mean(0)) @ found.voice, (face - face.mean(0)) @ found.face
    np.testing.assert_allclose(x.T @ x / 200, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(y.T @ y / 200, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(x.T @ y / 200, np.diag(found.correlations), atol=1e-9)


def test_a_ridge_damps_every_correlation() -> None:
    voice, face = correlated(100)

    def correlations(ridge: float) -> np.ndarray:
        return solve_cca(voice, face, ridge_voice=ridge, ridge_face=ridge).correlations

    assert (correlations(0.0) > correlations(1.0)).all()
    assert (correlations(1.0) > correlations(10.0)).all()


def test_a_direction_without_variance_is_left_out_without_a_ridge() -> None:
    voice, face = correlated(100)
    doubled = np.concatenate([voice, voice[:, :1] * 2, np.ones((100, 1))], axis=1)  # rank 6 of 8
    found = solve_cca(doubled, face, ridge_voice=0.0, ridge_face=0.0)
    expected = solve_cca(voice, face, ridge_voice=0.0, ridge_face=0.0)
    assert np.isfinite(found.voice).all()
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=1e-8)


def test_the_sign_rule_holds_on_both_sides_at_once() -> None:
    voice, face = correlated(100)
    found = solve_cca(voice, face, ridge_voice=1.0, ridge_face=1.0)
    turned = solve_cca(-voice, face, ridge_voice=1.0, ridge_face=1.0)
    assert (np.take_along_axis(found.voice, np.abs(found.voice).argmax(0)[None], 0) > 0).all()
    np.testing.assert_allclose(turned.voice, found.voice, atol=1e-9)
    np.testing.assert_allclose(turned.face, -found.face, atol=1e-9)


def test_correlations_fall_and_stay_within_their_range() -> None:
    voice, face = correlated(5)  # fewer pairs than dimensions: everything correlates perfectly
    found = solve_cca(voice, face, ridge_voice=0.0, ridge_face=0.0)
    assert isinstance(found, CanonicalDirections)
    assert (np.diff(found.correlations) <= 1e-12).all()
    assert found.correlations.max() <= 1
    assert found.correlations[0] == pytest.approx(1)


def fitted(voice: np.ndarray, face: np.ndarray, **arguments: float) -> CCA:
    given = {"n_components": 4, "ridge_voice": 0.0, "ridge_face": 0.0, **arguments}
    return CCA(voice.shape[1], face.shape[1], **given).fit(voice, face)  # type: ignore[arg-type]


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_similarities_survive_any_invertible_map_without_a_ridge(power: float) -> None:
    voice, face = correlated(150)
    rng = np.random.default_rng(5)
    map_voice, map_face = rng.normal(size=(6, 6)) + 2 * np.eye(6), rng.normal(size=(4, 4)) + 2 * np.eye(4)
    powers = {"power_voice": power, "power_face": power / 2}
    plain = fitted(voice, face, **powers).similarity(voice[:20], face[:20])
    mapped_voice, mapped_face = voice @ map_voice + 7, face @ map_face - 1
    mapped = fitted(mapped_voice, mapped_face, **powers).similarity(mapped_voice[:20], mapped_face[:20])
    np.testing.assert_allclose(mapped, plain, atol=1e-3)  # float32 on the way


def test_powers_scale_each_side_by_its_correlations() -> None:
    voice, face = correlated(150)
    model = fitted(voice, face, power_voice=0.3, power_face=1.2)
    x = (voice - voice.mean(0)) / voice.std(0).mean()
    y = (face - face.mean(0)) / face.std(0).mean()
    solved = solve_cca(x, y, ridge_voice=0.0, ridge_face=0.0)
    u, v = x[3] @ solved.voice, y[8] @ solved.face
    u, v = u * solved.correlations**0.3, v * solved.correlations**1.2
    expected = (u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum())
    assert model.similarity(voice[3:4], face[8:9])[0, 0] == pytest.approx(expected, abs=1e-4)


def test_power_one_is_the_dot_product_of_probabilistic_posteriors() -> None:
    """For one Gaussian pair of correlation r, E[z|v] E[z|f] = r u v: checked by regression on simulated z."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=200_000)
    rho = 0.49
    u = np.sqrt(rho) * z + np.sqrt(1 - rho) * rng.normal(size=z.size)
    v = np.sqrt(rho) * z + np.sqrt(1 - rho) * rng.normal(size=z.size)
    assert np.corrcoef(u, v)[0, 1] == pytest.approx(rho, abs=0.01)
    slope_u, slope_v = (z @ u) / (u @ u), (z @ v) / (v @ v)
    assert slope_u * slope_v == pytest.approx(rho, abs=0.01)


def test_fewer_components_are_the_strongest_ones() -> None:
    voice, face = correlated(150)
    full, two = fitted(voice, face), fitted(voice, face, n_components=2)
    np.testing.assert_allclose(two.correlations, full.correlations[:2])
    assert two.dim == 2


def test_it_finds_the_face_of_people_it_has_not_met() -> None:
    voice, face = correlated(400)
    model = CCA(6, 4, n_components=3, ridge_voice=0.1, ridge_face=0.1).fit(voice[:300], face[:300])
    similarity = model.similarity(voice[300:], face[300:])
    assert (similarity.diagonal()[:, None] > similarity).mean() > 0.7


def test_fitting_twice_gives_the_same_bits() -> None:
    voice, face = correlated(100)
    first, second = fitted(voice, face).tensors(), fitted(voice, face).tensors()
    assert all((first[name] == second[name]).all() for name in first)


def test_without_fit_everything_is_alike() -> None:
    assert (CCA(6, 4, n_components=2).similarity(np.ones((2, 6)), np.ones((3, 4))) == 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_components": 5}, "at most the shorter vector, 4. Got 5"),
        ({"n_components": 0}, "`n_components` must be a whole number"),
        ({"n_components": 2, "ridge_voice": -1}, "`ridge_voice` must be a number of at least 0"),
        ({"n_components": 2, "ridge_face": -1}, "`ridge_face` must be a number of at least 0"),
        ({"n_components": 2, "power_voice": -1}, "`power_voice` must be a number of at least 0"),
        ({"n_components": 2, "power_face": -1}, "`power_face` must be a number of at least 0"),
        ({"n_components": 2, "mode": "none"}, "`mode` must be one of"),
    ],
)
def test_arguments_out_of_range_are_said(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        CCA(6, 4, **arguments)  # type: ignore[arg-type]


def test_pairs_of_different_lengths_are_said() -> None:
    with pytest.raises(DataError, match="Got 5 voices and 6 faces"):
        CCA(6, 4, n_components=2).fit(np.eye(6)[:5], np.eye(4, 4)[[0, 1, 2, 3, 0, 1]])


def test_a_side_that_does_not_vary_is_said() -> None:
    with pytest.raises(DataError, match="same vector"):
        CCA(6, 4, n_components=2).fit(np.ones((9, 6)), correlated(9)[1])
