"""Cosine to templates: how small the angle is between a probe and the mean of a person's vectors.

Nothing is learned but the mean of the enrolled, which all vectors are taken from: where encoders leave a part that all
people share, angles around that mean tell people apart better than angles around zero.

Example:
    >>> backend = CosineBackend(centred=False)
    >>> backend.fit(np.array([[1, 0], [3, 4]], dtype=np.float32), np.array([0, 1]), np.ones(2))
    >>> backend.scores(np.array([[5.0, 0.0]], dtype=np.float32)).astype(float).round(3).tolist()
    [[1.0, 0.6]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.identification.backend import Backend
from visavox.identification.templates import Owners, Vectors, unit_rows, weighted_means
from visavox.registry import BACKENDS

LEAST_PEOPLE = 3
"""With fewer people their mean says more about them than about what all share; angles are then taken around zero."""


@BACKENDS.register("cosine")
class CosineBackend(Backend):
    """Cosine of a probe and the quality-weighted mean of a person's unit-length vectors.

    Args:
        centred: take the mean over enrolled people from every vector first, three people or more.
    """

    name = "cosine"
    fitted = ("rows", "centre")

    def __init__(self, *, centred: bool = True) -> None:
        """Store the argument."""
        self.centred = centred
        self.rows = np.empty((0, 0), dtype=np.float32)
        self.centre = np.empty(0, dtype=np.float32)

    def learn(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Keep the mean of the people; see `Backend.learn`."""
        n_people = int(owners.max()) + 1
        self.centre = np.zeros(vectors.shape[1], dtype=np.float32)
        if self.centred and n_people >= LEAST_PEOPLE:
            self.centre = weighted_means(unit_rows(vectors), owners, weights, n_people=n_people).mean(axis=0)

    def enroll(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Keep a template a person; see `Backend.enroll`."""
        means = weighted_means(self._inputs(vectors), owners, weights, n_people=int(owners.max()) + 1)
        self.rows = np.ascontiguousarray(unit_rows(means))

    def person_rows(
        self,
        vectors: Vectors,
        weights: NDArray[np.floating],
        others: Vectors,  # noqa: ARG002 - a template is of one person alone
        of_others: NDArray[np.floating],  # noqa: ARG002
    ) -> dict[str, np.ndarray]:
        """Return the template of one person, shape (dim,); see `Backend.person_rows`."""
        return {"rows": unit_rows(np.average(self._inputs(vectors), axis=0, weights=weights))}

    def scores(self, probes: Vectors) -> Vectors:
        """Return (m, P) cosines, -1 to 1."""
        result: Vectors = self._inputs(probes) @ self.rows.T
        return result

    def _inputs(self, vectors: Vectors) -> Vectors:
        return unit_rows(unit_rows(vectors) - self.centre)
