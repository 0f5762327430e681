"""Logistic regression: a row of weights a person, fitted on the vectors of everybody enrolled, under a penalty.

All rows are fitted together once. Somebody who comes later gets a row of their own, fitted against the samples of
everybody else while the other rows stay; who goes takes the row away. So nobody's weights change because of another.

Scores are the log odds of a person among the enrolled, with people equally common. They say little of strangers, whom
no row was fitted to refuse: prefer `plda` or `cosine` where those matter.

Example:
    >>> backend = LogisticBackend()
    >>> vectors = np.array([[1, 0], [0, 1], [-1, -1]], dtype=np.float32)
    >>> backend.fit(vectors, np.arange(3), np.ones(3))
    >>> backend.scores(vectors).argmax(axis=1).tolist()
    [0, 1, 2]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from visavox.identification.backend import Backend, check_positive
from visavox.identification.templates import Owners, Vectors, unit_rows, weighted_means
from visavox.registry import BACKENDS

Floats = NDArray[np.float64]
MAX_STEPS = 300
"""Of L-BFGS; the loss is strictly convex and a fit of 31 people needs about 60."""


@BACKENDS.register("logistic")
class LogisticBackend(Backend):
    """Multinomial logistic regression on vectors of unit length, centred on the enrolled and scaled as a whole.

    The loss of one row is -log of the softmax at its person. What is minimised is the weighted sum of losses, plus
    `penalty` / 2 times the squared length of all weights. People weigh the same, however many or good their rows are,
    and all rows together as many as they are. Offsets are not penalised.

    Args:
        penalty: above 0; small: the enrolled are told apart at any price; large: rows tend to means of people.
    """

    name = "logistic"
    fitted = ("rows", "offsets", "centre", "scale")
    per_person = ("rows", "offsets")
    needs_others = True

    def __init__(self, *, penalty: float = 1.0) -> None:
        """Store the argument.

        Raises:
            ConfigError: `penalty` is not above 0.
        """
        check_positive("penalty", penalty, self.name)
        self.penalty = penalty
        self.rows = np.empty((0, 0), dtype=np.float32)
        self.offsets = np.empty(0, dtype=np.float32)
        self.centre = np.empty(0, dtype=np.float32)
        self.scale = np.ones((), dtype=np.float32)

    def learn(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Keep the mean of the people and the scale of the vectors around it; see `Backend.learn`."""
        n_people = int(owners.max()) + 1
        units = unit_rows(vectors)
        self.centre = weighted_means(units, owners, weights, n_people=n_people).mean(axis=0)
        spread = float(np.average(((units - self.centre) ** 2).sum(axis=1), weights=weights))
        self.scale = np.asarray(1 / np.sqrt(spread) if spread > 0 else 1.0, dtype=np.float32)

    def enroll(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Fit all rows together; see `Backend.enroll`."""
        n_people = int(owners.max()) + 1
        data, basis = _in_span(self._inputs(vectors))
        totals = np.bincount(owners, weights, minlength=n_people)
        counts = np.asarray(weights, dtype=np.float64) / totals[owners] * (len(data) / n_people)
        places = np.arange(len(data)), owners

        def loss(flat: Floats) -> tuple[float, Floats]:
            rows, offsets = flat[:-n_people].reshape(n_people, -1), flat[-n_people:]
            logits = data @ rows.T + offsets  # (n, P)
            norms = logsumexp(logits, axis=1)
            value = counts @ (norms - logits[places]) + self.penalty / 2 * np.sum(rows**2)
            error = np.exp(logits - norms[:, None])
            error[places] -= 1
            error *= counts[:, None]
            return float(value), np.concatenate([(error.T @ data + self.penalty * rows).ravel(), error.sum(axis=0)])

        start = np.zeros(n_people * (data.shape[1] + 1))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS}).x
        self.rows = (found[:-n_people].reshape(n_people, -1) @ basis).astype(np.float32)
        self.offsets = found[-n_people:].astype(np.float32)

    def person_rows(
        self, vectors: Vectors, weights: NDArray[np.floating], others: Vectors, of_others: NDArray[np.floating]
    ) -> dict[str, np.ndarray]:
        """Return the row that lowers the same loss the most while all other rows stay; see `Backend.person_rows`.

        With the others fixed the loss is a logistic regression of "this person or somebody else", in which the log sum
        of the others' exponentials is subtracted from the logit.
        """
        inputs = np.concatenate([self._inputs(vectors), self._inputs(others)])
        data, basis = _in_span(inputs)
        is_own = np.arange(len(data)) < len(vectors)
        mean = len(data) / (self.n_people + 1)  # what each person weighs
        counts = np.concatenate([mean * _shares(weights), mean * self.n_people * _shares(of_others)])
        rest = logsumexp(inputs @ self.rows.T.astype(np.float64) + self.offsets, axis=1) if self.n_people else 0.0

        def loss(flat: Floats) -> tuple[float, Floats]:
            row, offset = flat[:-1], flat[-1]
            logits = data @ row + offset - rest
            value = counts @ np.logaddexp(0, np.where(is_own, -logits, logits)) + self.penalty / 2 * row @ row
            error = counts * (1 / (1 + np.exp(-np.clip(logits, -500, 500))) - is_own)
            return float(value), np.append(error @ data + self.penalty * row, error.sum())

        start = np.zeros(data.shape[1] + 1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS}).x
        return {"rows": found[:-1] @ basis, "offsets": found[-1]}

    def scores(self, probes: Vectors) -> Vectors:
        """Return (m, P) log odds: of a person against the mean of everybody else."""
        logits = self._inputs(probes).astype(np.float32) @ self.rows.T + self.offsets
        if self.n_people < 2:
            return np.asarray(logits, dtype=np.float32)
        # The sum over everybody else: without the largest power first, so that it is never a difference of near equals.
        first = logits.argmax(axis=1, keepdims=True)
        powers = np.exp(logits - np.take_along_axis(logits, first, axis=1))
        np.put_along_axis(powers, first, 0, axis=1)
        lesser = powers.sum(axis=1, keepdims=True)
        rest = 1 + lesser - powers
        np.put_along_axis(rest, first, np.maximum(lesser, np.finfo(np.float32).tiny), axis=1)
        relative = logits - np.take_along_axis(logits, first, axis=1)
        return np.asarray(relative - np.log(rest) + np.log(self.n_people - 1), dtype=np.float32)

    def _inputs(self, vectors: Vectors) -> Floats:
        return ((unit_rows(vectors) - self.centre) * self.scale).astype(np.float64)


def _shares(weights: NDArray[np.floating]) -> Floats:
    return np.asarray(weights, dtype=np.float64) / np.sum(weights, dtype=np.float64)


def _in_span(data: Floats) -> tuple[Floats, Floats]:
    """Return rows in coordinates of the space that they span, (n, k), and these as rows, (k, dim).

    The penalty is the same in all directions, so that no weight leaves that space; where rows are fewer than numbers
    in a vector, it is much smaller.
    """
    if len(data) >= data.shape[1]:
        return data, np.eye(data.shape[1])
    basis = np.linalg.svd(data, full_matrices=False)[2]
    return data @ basis.T, basis
