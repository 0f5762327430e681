"""Logistic regression against scikit-learn, and a row that comes later against a plain minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from visavox.errors import ConfigError
from visavox.identification.backends import logistic
from visavox.identification.backends.logistic import LogisticBackend
from visavox.identification.templates import unit_rows
from visavox.registry import BACKENDS


def problem(n_people: int = 5, dim: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n_people), 4)
    vectors = rng.normal(size=(n_people, dim))[owners] + 0.7 * rng.normal(size=(4 * n_people, dim))
    return vectors.astype(np.float32), owners, rng.uniform(0.3, 2, len(owners))


def fitted(penalty: float, **sizes: int) -> tuple[LogisticBackend, np.ndarray, np.ndarray, np.ndarray]:
    backend = LogisticBackend(penalty=penalty)
    vectors, owners, weights = problem(**sizes)
    backend.fit(vectors, owners, weights)
    return backend, vectors, owners, weights


def inputs_by_hand(vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Unit length, less the mean over people, scaled so that the weighted mean square length is 1."""
    units = unit_rows(vectors).astype(np.float64)
    means = [np.average(units[owners == p], axis=0, weights=weights[owners == p]) for p in range(owners.max() + 1)]
    centred = units - np.mean(means, axis=0)
    return np.asarray(centred / np.sqrt(np.average((centred**2).sum(axis=1), weights=weights)))


def balanced(owners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights of which each person has the same sum, 1 on average over rows."""
    sums = np.array([weights[owners == p].sum() for p in owners])
    return np.asarray(weights / sums * len(owners) / (owners.max() + 1))


@pytest.mark.parametrize("penalty", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("dim", [4, 40])
def test_rows_are_those_of_scikit_learn(penalty: float, dim: int) -> None:
    backend, vectors, owners, weights = fitted(penalty, dim=dim)
    inputs = inputs_by_hand(vectors, owners, weights)
    expected = LogisticRegression(C=1 / penalty, tol=1e-9, max_iter=5000).fit(
        inputs, owners, sample_weight=balanced(owners, weights)
    )
    np.testing.assert_allclose(backend.rows, expected.coef_, atol=3e-3 * np.abs(expected.coef_).max())
    found = softmax(inputs @ backend.rows.T + backend.offsets, axis=1)
    np.testing.assert_allclose(found, expected.predict_proba(inputs), atol=2e-3)
    assert np.ptp(found) > 0.01


def test_scores_are_log_odds_with_people_equally_common() -> None:
    backend, vectors, owners, weights = fitted(0.5)
    p = softmax(inputs_by_hand(vectors, owners, weights) @ backend.rows.T + backend.offsets, axis=1)
    np.testing.assert_allclose(backend.scores(vectors), np.log(p / (1 - p) * (5 - 1)), atol=1e-4)


def test_scores_of_somebody_nearly_certain_keep_their_digits() -> None:
    backend = LogisticBackend()
    backend.learn(np.eye(3, dtype=np.float32), np.arange(3), np.ones(3))
    backend.rows, backend.offsets = np.zeros((3, 3), dtype=np.float32), np.array([60, 10, 0], dtype=np.float32)
    # 1 - p is e^-50 + e^-60, far below what float32 can tell from 1 - 1.
    expected = [50 - np.log1p(np.exp(-10)), -50, -60 - np.log1p(np.exp(-50))]
    np.testing.assert_allclose(backend.scores(np.ones((1, 3), dtype=np.float32))[0], np.array(expected) + np.log(2))
    backend.offsets = np.array([500, 0, 0], dtype=np.float32)
    assert np.isfinite(backend.scores(np.ones((1, 3), dtype=np.float32))).all()


def test_one_person_and_people_without_spread_have_finite_scores() -> None:
    backend = LogisticBackend()
    backend.fit(np.ones((2, 3), dtype=np.float32), np.zeros(2, dtype=np.intp), np.ones(2))
    assert backend.scores(np.ones((1, 3), dtype=np.float32)).tolist() == [[0.0]]
    backend.fit(np.ones((4, 3), dtype=np.float32), np.array([0, 0, 1, 1]), np.ones(4))
    np.testing.assert_allclose(backend.scores(np.ones((1, 3), dtype=np.float32)), 0, atol=1e-6)


def test_a_larger_penalty_makes_shorter_rows() -> None:
    lengths = [np.linalg.norm(fitted(penalty)[0].rows) for penalty in (0.1, 1, 10)]
    assert lengths[0] > 1.5 * lengths[1] > 2 * lengths[2] > 0


def test_offsets_are_not_penalised() -> None:
    # Under a penalty that leaves no rows, the offsets alone must still say that people are equally common.
    backend = LogisticBackend(penalty=1e6)
    backend.fit(*problem(n_people=3))
    backend.offsets += 1  # the same for all: nothing
    np.testing.assert_allclose(softmax(backend.offsets), np.full(3, 1 / 3), atol=1e-3)


def test_people_of_few_or_poor_rows_are_as_likely_as_others() -> None:
    """Offsets that followed the qualities cost 13 points of top-1: whoever was recorded badly was never named."""
    vectors, owners, _ = problem(n_people=3)
    weights = np.array([1.0, 2.0, 50.0])[owners]
    heavy, even = LogisticBackend(penalty=0.5), LogisticBackend(penalty=0.5)
    for backend, given in ((heavy, weights), (even, np.ones(len(owners)))):
        backend.learn(vectors, owners, np.ones(len(owners)))
        backend.enroll(vectors, owners, given)
    np.testing.assert_allclose(heavy.rows, even.rows, atol=2e-3)
    np.testing.assert_allclose(heavy.offsets - heavy.offsets.mean(), even.offsets - even.offsets.mean(), atol=2e-3)


def added_by_plain_minimiser(
    backend: LogisticBackend, own: np.ndarray, others: np.ndarray, of_others: np.ndarray, owners: np.ndarray
) -> np.ndarray:
    """The loss over all rows as the class states it, with only the last row free and no gradient given."""
    data = backend._inputs(np.concatenate([own, others]))
    truth = np.concatenate([np.full(len(own), backend.n_people), owners])
    counts = np.concatenate([np.full(len(own), 1 / len(own)), backend.n_people * of_others / of_others.sum()])
    counts *= len(data) / (backend.n_people + 1)

    def loss(flat: np.ndarray) -> float:
        rows = np.vstack([backend.rows, flat[:-1]])
        logs = log_softmax(data @ rows.T + np.append(backend.offsets, flat[-1]), axis=1)
        own_loss = -(counts * logs[np.arange(len(data)), truth]).sum()
        return float(own_loss + backend.penalty / 2 * (rows**2).sum())

    return np.asarray(minimize(loss, np.zeros(data.shape[1] + 1), method="BFGS", options={"gtol": 1e-6}).x)


@pytest.mark.parametrize("penalty", [0.1, 1.0])
def test_an_added_row_lowers_the_whole_loss_the_most_while_others_stay(penalty: float) -> None:
    backend, vectors, owners, weights = fitted(penalty)
    rng = np.random.default_rng(4)
    own = (rng.normal(size=4) + 0.3 * rng.normal(size=(3, 4))).astype(np.float32)
    found = backend.person_rows(own, np.ones(3), vectors, weights)
    expected = added_by_plain_minimiser(backend, own, vectors, weights, owners)
    np.testing.assert_allclose(found["rows"], expected[:-1], atol=2e-3)
    assert found["offsets"] == pytest.approx(expected[-1], abs=2e-3)
    assert np.linalg.norm(expected) > 1


def test_the_first_person_of_all_can_be_added() -> None:
    backend, vectors, *_ = fitted(1.0)
    backend.drop([0, 1, 2, 3, 4])
    backend.put(vectors[:3], np.ones(3), others=vectors[:0], of_others=np.empty(0))
    assert backend.n_people == 1
    assert np.isfinite(backend.scores(vectors)).all()


def test_working_in_the_space_of_the_data_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    new = np.random.default_rng(1).normal(size=(2, 30)).astype(np.float32)
    fast, vectors, _, weights = fitted(0.5, dim=30)
    row = fast.person_rows(new, np.ones(2), vectors, weights)["rows"]
    monkeypatch.setattr(logistic, "_in_span", lambda data: (data, np.eye(data.shape[1])))
    plain = fitted(0.5, dim=30)[0]
    np.testing.assert_allclose(fast.rows, plain.rows, atol=2e-3 * np.abs(plain.rows).max())
    expected = plain.person_rows(new, np.ones(2), vectors, weights)["rows"]
    np.testing.assert_allclose(row, expected, atol=5e-3 * np.abs(expected).max())


def test_the_space_of_few_rows_holds_all_of_them() -> None:
    data = np.random.default_rng(0).normal(size=(3, 7))
    inside, basis = logistic._in_span(data)
    assert (inside.shape, basis.shape) == ((3, 3), (3, 7))
    np.testing.assert_allclose(inside @ basis, data, atol=1e-12)
    np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-12)


def test_a_penalty_that_is_not_positive_is_refused() -> None:
    for penalty in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="`penalty` of the back-end 'logistic' must be above 0 and finite"):
            LogisticBackend(penalty=penalty)
    with pytest.raises(ConfigError, match="takes no 'C'"):
        BACKENDS.build({"name": "logistic", "C": 1.0})
