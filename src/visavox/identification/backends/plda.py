"""Two-covariance PLDA: people differ by one normal distribution, recordings of a person around it by another.

    x = m + y + e,   y ~ N(0, B) once a person,   e ~ N(0, W) once a recording

The score is by the book: the log likelihood ratio of "the probe has the same y as the n enrolled recordings" to "a y of
its own". Both covariances are learned from the enrolled and drawn towards round ones, since recordings are fewer than
numbers in a vector. The ratio is a square form of the probe plus a product with one row a person, so that all people
are scored by one matrix product.

Example:
    >>> backend = PLDABackend()
    >>> vectors = np.array([[9, 1], [9, 2], [1, 9], [2, 9], [-9, 0], [-9, 1]], dtype=np.float32)
    >>> backend.fit(vectors, np.repeat(np.arange(3), 2), np.ones(6))
    >>> backend.scores(vectors[::2]).argmax(axis=1).tolist()
    [0, 1, 2]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.identification.backend import Backend
from visavox.identification.templates import Owners, Vectors, unit_rows, weighted_means
from visavox.registry import BACKENDS

Floats = NDArray[np.float64]
LEAST_SHARE = 1e-6
"""Both covariances are drawn at least so far towards round ones, so that none is singular."""


@BACKENDS.register("plda")
class PLDABackend(Backend):
    """Two-covariance probabilistic linear discriminant analysis on centred vectors of unit length.

    Args:
        within: 0 to 1: share of the covariance inside people that is replaced by a round one of the same trace.
        between: 0 to 1: the same for the covariance of people.

    Source: Prince and Elder, "Probabilistic linear discriminant analysis for inferences about identity" (2007), in the
        two-covariance form of Bruemmer and de Villiers, "The speaker partitioning problem" (2010); joint coordinates
        and their ratio as Ioffe, "Probabilistic linear discriminant analysis" (2006). We estimate by moments and
        shrink, where they maximise the likelihood; unit length after Garcia-Romero and Espy-Wilson, "Analysis of
        i-vector length normalization in speaker recognition systems" (2011).
    """

    name = "plda"
    fitted = ("rows", "offsets", "counts", "centre", "basis", "projection", "ratios", "rest")
    per_person = ("rows", "offsets", "counts")

    def __init__(self, *, within: float = 0.9, between: float = 0.2) -> None:
        """Store the arguments.

        Raises:
            ConfigError: a share is outside 0 to 1.
        """
        for name, share in (("within", within), ("between", between)):
            if not 0 <= share <= 1:
                raise ConfigError(f"`{name}` of the back-end 'plda' must lie between 0 and 1. Got {share}.")
        self.within = within
        self.between = between
        self.rows = np.empty((0, 0), dtype=np.float32)  # (P, dim): what a probe is multiplied with
        self.offsets = np.empty(0, dtype=np.float32)  # (P,): what is added to the product
        self.counts = np.empty(0, dtype=np.float32)  # (P,): recordings of each person
        self.centre = np.empty(0, dtype=np.float32)
        self.basis = np.empty((0, 0), dtype=np.float32)  # (k, dim): the space of what was learned from, orthonormal
        self.projection = np.empty((0, 0), dtype=np.float32)  # (dim, k): to coordinates in which W = 1, B = ratios
        self.ratios = np.empty(0, dtype=np.float32)  # (k,)
        self.rest = np.empty(2, dtype=np.float32)  # outside that space: W of each coordinate, and B over W

    def learn(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Learn both covariances; see `Backend.learn`."""
        n_people, dim = int(owners.max()) + 1, vectors.shape[1]
        self.centre = weighted_means(unit_rows(vectors), owners, weights, n_people=n_people).mean(axis=0)
        inputs = self._inputs(vectors)
        self.basis = np.eye(dim, dtype=np.float32)
        if len(inputs) < dim:
            self.basis = np.ascontiguousarray(np.linalg.svd(inputs, full_matrices=False)[2])
        inside = inputs @ self.basis.T  # (n, k)
        means = weighted_means(inside, owners, weights, n_people=n_people)
        within, between = covariances(inside, means, owners, weights)
        within, w_rest = rounded(within, self.within, dim=dim)
        between, b_rest = rounded(between, self.between, dim=dim)
        projection, self.ratios = joint_diagonal(within, between)
        self.projection = np.ascontiguousarray(self.basis.T @ projection)
        self.rest = np.array([w_rest, b_rest / w_rest], dtype=np.float32)

    def enroll(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Keep a row a person; see `Backend.enroll`."""
        n_people = int(owners.max()) + 1
        means = weighted_means(self._inputs(vectors), owners, weights, n_people=n_people)
        self.counts = effective_counts(owners, weights, n_people)
        self.rows, self.offsets = np.empty_like(means), np.empty(n_people, dtype=np.float32)
        for count in np.unique(self.counts):
            of_count = self.counts == count
            self.rows[of_count], self.offsets[of_count] = self._rows(means[of_count], float(count))

    def person_rows(
        self,
        vectors: Vectors,
        weights: NDArray[np.floating],
        others: Vectors,  # noqa: ARG002 - what people share was learned before
        of_others: NDArray[np.floating],  # noqa: ARG002
    ) -> dict[str, np.ndarray]:
        """Return the row of one person, shape (dim,), its offset and its count; see `Backend.person_rows`."""
        mean = np.average(self._inputs(vectors), axis=0, weights=weights)[None].astype(np.float32)
        count = effective_counts(np.zeros(len(vectors), dtype=np.intp), weights, 1)[0]
        rows, offsets = self._rows(mean, float(count))
        return {"rows": rows[0], "offsets": offsets[0], "counts": count}

    def scores(self, probes: Vectors) -> Vectors:
        """Return (m, P) log likelihood ratios, nats."""
        inputs = self._inputs(probes)
        result = inputs @ self.rows.T
        result += self.offsets
        counts, of_count = np.unique(self.counts, return_inverse=True)
        result -= self._squares(inputs, counts)[:, of_count]
        return np.asarray(result, dtype=np.float32)

    def _rows(self, means: Vectors, count: float) -> tuple[Vectors, Vectors]:
        """Return rows, (P, dim), and offsets, (P,), of people of `count` recordings, given their mean inputs.

        In a coordinate in which W is 1 and B is r, a recording of somebody whose n have the mean a is normal around
        n r / (n r + 1) a with the variance 1 + r / (n r + 1), a stranger's around 0 with 1 + r. The logarithm of the
        ratio of both has a term in the product of probe and mean, one in the mean alone, a constant, and one in the
        probe alone (`_squares`).
        """
        pull, spread = _pull_and_spread(self.ratios, count)
        rest_pull, rest_spread = _pull_and_spread(self.rest[1:], count)
        inside = means @ self.projection  # (P, k)
        outside = means - (means @ self.basis.T) @ self.basis  # (P, dim)
        rest = rest_pull / rest_spread / self.rest[0]
        rows = (inside * (pull / spread)) @ self.projection.T + outside * rest
        lost = (inside**2) @ (pull**2 / spread) + (outside**2).sum(axis=1) * (rest_pull * rest)
        n_rest = len(self.centre) - len(self.ratios)
        constant = np.sum(np.log1p(self.ratios) - np.log(spread))
        constant += n_rest * float(np.log1p(self.rest[1]) - np.log(rest_spread[0]))
        return rows.astype(np.float32), np.asarray((constant - lost) / 2, dtype=np.float32)

    def _squares(self, inputs: Vectors, counts: NDArray[np.float32]) -> Floats:
        """Return what the probe alone takes away, (m, n_counts), for people of each number of recordings."""
        inside = (inputs @ self.projection) ** 2
        outside = np.maximum((inputs**2).sum(axis=1) - ((inputs @ self.basis.T) ** 2).sum(axis=1), 0) / self.rest[0]
        taken = np.empty((len(inputs), len(counts)))
        for column, count in enumerate(counts.tolist()):
            spread = _pull_and_spread(self.ratios, count)[1]
            rest_spread = _pull_and_spread(self.rest[1:], count)[1][0]
            taken[:, column] = inside @ (1 / spread - 1 / (1 + self.ratios))
            taken[:, column] += outside * (1 / rest_spread - 1 / (1 + self.rest[1]))
        return taken / 2

    def _inputs(self, vectors: Vectors) -> Vectors:
        return unit_rows(unit_rows(vectors) - self.centre)


def covariances(
    inputs: Vectors, means: Vectors, owners: Owners, weights: NDArray[np.floating]
) -> tuple[Floats, Floats]:
    """Return moment estimates of W and B.

    W is the pooled scatter around the people's means over its degrees of freedom. The scatter of the means holds B
    and what is left of W in a mean of n recordings; the latter is taken away, as far as there is something to take it
    from. Where nobody has two recordings, half of the scatter of the means is believed to be each.

    Args:
        inputs: (n, dim) float.
        means: (P, dim) float: of each person.
        owners: (n,) int.
        weights: (n,) float above 0.

    Returns:
        (dim, dim) float64 each, symmetric, no eigenvalue below 0.
    """
    n_people = len(means)
    counts = effective_counts(owners, weights, n_people).astype(np.float64)
    totals = np.bincount(owners, weights, minlength=n_people)
    # The rows of a person who is worth n equal ones count n together, and bring n - 1 degrees of freedom.
    shares = weights / totals[owners] * counts[owners]
    apart = (inputs - means[owners]).astype(np.float64)
    freedom = float((counts - 1).sum())
    centred = (means - means.mean(axis=0)).astype(np.float64)
    scatter = centred.T @ centred / max(n_people - 1, 1)
    if freedom <= 0:
        return scatter / 2, scatter / 2
    within = (apart * shares[:, None]).T @ apart / freedom
    values, vectors = np.linalg.eigh(scatter - within * float(np.mean(1 / counts)))
    return within, np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def rounded(covariance: Floats, share: float, *, dim: int) -> tuple[Floats, float]:
    """Return a covariance of which a share is replaced by a round one of the same trace, and that one's variance.

    Args:
        covariance: (k, k) float64, symmetric, no eigenvalue below 0; nothing outside of these k dimensions.
        share: 0 to 1; `LEAST_SHARE` at least.
        dim: number of dimensions over which the round one spreads the trace, k or more.
    """
    share = max(share, LEAST_SHARE)
    level = share * max(float(np.trace(covariance)) / dim, float(np.finfo(np.float32).tiny))
    return np.asarray((1 - share) * covariance + level * np.eye(len(covariance))), level


def joint_diagonal(within: Floats, between: Floats) -> tuple[Vectors, Vectors]:
    """Return coordinates in which the covariance inside people is the identity and that of people is diagonal.

    Args:
        within: (k, k) float64, symmetric, all eigenvalues above 0.
        between: (k, k) float64, symmetric, none below 0.

    Returns:
        (k, k) float32 to multiply rows with, and (k,) float32 rising: variance of people over that inside them.
    """
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(values)
    ratios, turn = np.linalg.eigh(white.T @ between @ white)
    return (white @ turn).astype(np.float32), np.maximum(ratios, 0).astype(np.float32)


def effective_counts(owners: Owners, weights: NDArray[np.floating], n_people: int) -> NDArray[np.float32]:
    """Return how many equally weighted recordings each person's are worth, (P,) float32, 1 or more.

    Source: Kish, "Survey sampling" (1965): squared sum of weights over sum of squared weights. Two decimals are kept,
        so that people of about one number share it.
    """
    wide = np.asarray(weights, dtype=np.float64)
    sums = np.bincount(owners, wide, minlength=n_people)
    return (sums**2 / np.bincount(owners, wide**2, minlength=n_people)).round(2).astype(np.float32)


def _pull_and_spread(ratios: Vectors, count: float) -> tuple[Vectors, Vectors]:
    return count * ratios / (count * ratios + 1), 1 + ratios / (count * ratios + 1)
