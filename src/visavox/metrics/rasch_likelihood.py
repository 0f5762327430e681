"""The likelihood of the Rasch model with abilities averaged out, its gradient and its information.

One answer of a person to an item under a condition is right with the chance

    p = c + (1 - c) / (1 + exp(-(ability - difficulty + effect)))

`c` is the guessing floor: 0 is the Rasch model; 0.5 says that who does not know still hits one of two. Abilities are
normal with mean 0, which fixes the zero of the scale, and standard deviation `spread`; they are averaged over by
Gauss-Hermite quadrature. Fitting is `visavox.metrics.rasch`.

Example:
    >>> answers = Answers.of([0, 0, 1], [0, 1, 0], [True, False, True])
    >>> nodes = quadrature(15)
    >>> round(marginal_log_likelihood(answers, np.zeros(3), nodes, guessing=0.0), 4)  # 3 log(1/2)
    -2.0794

Source: Rasch, "Probabilistic models for some intelligence and attainment tests" (1960); Bock and Aitkin, "Marginal
    maximum likelihood estimation of item parameters" (1981); effects of conditions: Linacre, "Many-facet Rasch
    measurement" (1989); the floor: Keats and Lord's guessing model, Birnbaum's three-parameter model (1968) with
    slope 1 and a known floor; the information: Louis, "Finding the observed information matrix" (1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.special import expit, logsumexp

from visavox.errors import DataError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Who answered which item, and whether the answer was right; most pairs may be missing, some may be repeated."""

    persons: Codes
    """(n_answers,) int64 from 0."""
    items: Codes
    """(n_answers,) int64 from 0."""
    right: NDArray[np.bool_]
    """(n_answers,) bool."""
    conditions: Codes
    """(n_answers,) int64 from 0; the effect of condition 0 is 0 by definition."""
    n_persons: int
    n_items: int
    n_conditions: int

    @classmethod
    def of(
        cls,
        persons: ArrayLike,
        items: ArrayLike,
        right: ArrayLike,
        *,
        conditions: ArrayLike | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Answers:
        """Check the answers and count what there is.

        Args:
            persons: (n_answers,) int from 0.
            items: (n_answers,) int from 0.
            right: (n_answers,) bool or 0/1.
            conditions: (n_answers,) int from 0; all 0 by default.
            sizes: persons, items, conditions there are; by default as many as the numbers need.

        Raises:
            DataError: there is no answer, lengths differ, a number is out of range, or `right` is neither 0 nor 1.
        """
        hits = np.asarray(right)
        codes = [np.asarray(persons), np.asarray(items)]
        codes.append(np.zeros(len(hits), dtype=np.int64) if conditions is None else np.asarray(conditions))
        if not len(hits) or any(c.shape != hits.shape or c.ndim != 1 for c in codes):
            raise DataError(
                f"Answers must be lists of one length, 1 or more. Got shapes {[c.shape for c in (*codes, hits)]}."
            )
        odd = hits[~np.isin(hits, (0, 1))]
        if odd.size:
            raise DataError(f"`right` must hold 0 or 1. Got {odd[0]}. Leave out what was not answered.")
        found = sizes or [max(int(c.max()) + 1, 1) for c in codes]
        for name, code, size in zip(("persons", "items", "conditions"), codes, found, strict=True):
            if not np.issubdtype(code.dtype, np.integer) or code.min() < 0 or code.max() >= size:
                raise DataError(f"`{name}` must be whole numbers from 0 to {size - 1}. Got {code.min()}..{code.max()}.")
        whole = [c.astype(np.int64) for c in codes]
        return cls(whole[0], whole[1], hits.astype(np.bool_), whole[2], *found)

    def only(self, kept: NDArray[np.bool_]) -> Answers:
        """Return the answers where `kept`, (n_answers,) bool, is true; persons, items and conditions stay as many."""
        columns = (self.persons[kept], self.items[kept], self.right[kept], self.conditions[kept])
        return Answers(*columns, self.n_persons, self.n_items, self.n_conditions)

    @property
    def n_parameters(self) -> int:
        """Difficulties, then effects of the conditions after the first, then the spread of abilities."""
        return self.n_items + self.n_conditions


@dataclass(frozen=True)
class Nodes:
    """Points and log weights of a standard normal variable."""

    points: Floats
    """(n_nodes,) float64."""
    log_weights: Floats
    """(n_nodes,) float64; their exponentials sum to 1."""


def quadrature(n_nodes: int) -> Nodes:
    """Return the Gauss-Hermite rule of the standard normal with `n_nodes` points, 1 or more."""
    points, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return Nodes(points, np.log(weights) - np.log(weights.sum()))


def chance_right(logit: Floats, *, guessing: float) -> Floats:
    """Return the chance of a right answer, of the shape of `logit`, from `guessing` to 1.

    Args:
        logit: ability minus difficulty plus effect, any shape float64.
        guessing: floor, from 0 to below 1.
    """
    chance: Floats = guessing + (1 - guessing) * expit(logit)
    return chance


def logits(answers: Answers, parameters: Floats, points: Floats) -> Floats:
    """Return ability minus difficulty plus effect, (n_answers, n_nodes) float64.

    Args:
        answers: who answered what.
        parameters: (n_parameters,) float64 in the order of `Answers.n_parameters`.
        points: (n_nodes,) float64, abilities in units of the spread.
    """
    difficulty, effect, spread = unpacked(answers, parameters)
    base = effect[answers.conditions] - difficulty[answers.items]
    return base[:, np.newaxis] + spread * points  # (n_answers, n_nodes)


def unpacked(answers: Answers, parameters: Floats) -> tuple[Floats, Floats, float]:
    """Return difficulties (n_items,), effects (n_conditions,) with the first 0, and the spread."""
    effect = np.concatenate([[0.0], parameters[answers.n_items : -1]])
    return parameters[: answers.n_items], effect, float(parameters[-1])


def person_posteriors(answers: Answers, parameters: Floats, nodes: Nodes, *, guessing: float) -> tuple[Floats, Floats]:
    """Return the log likelihood of each person (n_persons,), and his posterior over the nodes (n_persons, n_nodes)."""
    at = logits(answers, parameters, nodes.points)
    joint = nodes.log_weights + _by_person(answers) @ log_chance(at, answers.right, guessing=guessing)
    total: Floats = logsumexp(joint, axis=1)
    return total, np.exp(joint - total[:, np.newaxis])


def log_chance(at: Floats, right: NDArray[np.bool_], *, guessing: float) -> Floats:
    """Return the log of the chance of what was answered, (n_answers, n_nodes) float64.

    Args:
        at: (n_answers, n_nodes) float64, the logits.
        right: (n_answers,) bool.
        guessing: floor, from 0 to below 1.
    """
    wrong = np.log1p(-guessing) - np.logaddexp(0, at)  # 1 - p = (1 - c) / (1 + exp(logit))
    hit = -np.logaddexp(0, -at) if guessing == 0 else np.log(chance_right(at, guessing=guessing))
    return np.where(right[:, np.newaxis], hit, wrong)


def marginal_log_likelihood(answers: Answers, parameters: Floats, nodes: Nodes, *, guessing: float) -> float:
    """Return the log likelihood of all answers, abilities averaged out, nats.

    Args:
        answers: who answered what, and how.
        parameters: (n_parameters,) float64: difficulties, effects after the first, spread.
        nodes: quadrature of the standard normal.
        guessing: floor, from 0 to below 1.
    """
    return float(person_posteriors(answers, parameters, nodes, guessing=guessing)[0].sum())


def likelihood_and_gradient(
    answers: Answers, parameters: Floats, nodes: Nodes, *, guessing: float
) -> tuple[float, Floats]:
    """Return the log likelihood and its gradient (n_parameters,) float64, as `marginal_log_likelihood` defines it."""
    total, posterior = person_posteriors(answers, parameters, nodes, guessing=guessing)
    at = logits(answers, parameters, nodes.points)
    slope = posterior[answers.persons] * _slope(at, answers.right, guessing=guessing)  # (n_answers, n_nodes)
    each = slope.sum(axis=1)
    by_item = -np.bincount(answers.items, weights=each, minlength=answers.n_items)
    by_condition = np.bincount(answers.conditions, weights=each, minlength=answers.n_conditions)[1:]
    return float(total.sum()), np.concatenate([by_item, by_condition, [float((slope @ nodes.points).sum())]])


def observed_information(answers: Answers, parameters: Floats, nodes: Nodes, *, guessing: float) -> Floats:
    """Return minus the second derivatives of the log likelihood, (n_parameters, n_parameters) float64.

    What the answers would tell if abilities were known, less what is lost because they are not.
    """
    posterior = person_posteriors(answers, parameters, nodes, guessing=guessing)[1]
    at = logits(answers, parameters, nodes.points)
    slope, bend = _slope(at, answers.right, guessing=guessing), _bend(at, answers.right, guessing=guessing)
    whose, size = _by_person(answers), answers.n_parameters
    found = np.zeros((size, size))
    mean = csr_matrix((answers.n_persons, size))
    for q, point in enumerate(nodes.points):
        design = _design(answers, float(point))
        weight = posterior[answers.persons, q]
        found -= (design.T @ design.multiply((weight * bend[:, q])[:, np.newaxis]).tocsr()).toarray()
        score = (whose @ design.multiply(slope[:, q][:, np.newaxis]).tocsr()).tocsr()  # (n_persons, n_parameters)
        weighted = score.multiply(posterior[:, q][:, np.newaxis]).tocsr()
        found -= (score.T @ weighted).toarray()
        mean = mean + weighted
    found += (mean.T @ mean).toarray()
    return found


def _by_person(answers: Answers) -> csr_matrix:
    """(n_persons, n_answers): 1 where the answer is the person's."""
    n = len(answers.right)
    return csr_matrix((np.ones(n), (answers.persons, np.arange(n))), shape=(answers.n_persons, n))


def _design(answers: Answers, point: float) -> csr_matrix:
    """(n_answers, n_parameters): how the logit moves with each parameter at one node."""
    n, rows = len(answers.right), np.arange(len(answers.right))
    later = np.flatnonzero(answers.conditions > 0)
    row = np.concatenate([rows, later, rows])
    column = np.concatenate(
        [answers.items, answers.n_items + answers.conditions[later] - 1, np.full(n, answers.n_parameters - 1)]
    )
    value = np.concatenate([np.full(n, -1.0), np.ones(len(later)), np.full(n, point)])
    return csr_matrix((value, (row, column)), shape=(n, answers.n_parameters))


def _slope(at: Floats, right: NDArray[np.bool_], *, guessing: float) -> Floats:
    """First derivative of `log_chance` by the logit."""
    s = expit(at)
    rise = (1 - guessing) * s * (1 - s) / chance_right(at, guessing=guessing)
    slope: Floats = np.where(right[:, np.newaxis], rise, -s)
    return slope


def _bend(at: Floats, right: NDArray[np.bool_], *, guessing: float) -> Floats:
    """Second derivative of `log_chance` by the logit."""
    s, chance = expit(at), chance_right(at, guessing=guessing)
    rise = (1 - guessing) * s * (1 - s) / chance
    bend: Floats = np.where(right[:, np.newaxis], rise * (1 - 2 * s) - rise**2, -s * (1 - s))
    return bend
