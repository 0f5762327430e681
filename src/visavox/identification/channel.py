"""One modality of the enrolled: the samples, the back-end fitted on them, and who has a row in it.

Example:
    >>> ones = np.ones(2, dtype=np.float32)
    >>> samples = Samples("face", ("a", "b"), ("a", "b"), ("Ann", "Bob"), ("", ""), ones, np.eye(2))
    >>> Channel.fitted(samples, {"name": "cosine"}).people
    ['Ann', 'Bob']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visavox.errors import DataError
from visavox.identification.backend import Backend
from visavox.identification.held_out import clip_rows
from visavox.identification.samples import Samples
from visavox.identification.templates import weighted_means
from visavox.registry import BACKENDS


class Channel:
    """Samples of one modality and a back-end with a row for each of their people.

    Args:
        samples: everything enrolled in this modality.
        backend: fitted, a row a person.
        people: whose row is which, in order.
    """

    def __init__(self, samples: Samples, backend: Backend, people: Sequence[str]) -> None:
        """Store the arguments.

        Raises:
            DataError: rows and people differ in number.
        """
        self.samples = samples
        self.backend = backend
        self.people = list(people)
        if backend.n_people != len(self.people):
            raise DataError(f"A back-end needs a row a person. Got {backend.n_people} for {len(self.people)} people.")

    @classmethod
    def fitted(cls, samples: Samples, spec: Mapping[str, Any]) -> Channel:
        """Return the channel of samples with a back-end learned anew."""
        people = samples.names
        rows = clip_rows(samples, people)
        backend: Backend = BACKENDS.build(spec)
        backend.fit(samples.vectors, rows.owners[rows.of_row], rows.weights)
        return cls(samples, backend, people)

    def scores(self, probes: np.ndarray) -> np.ndarray:
        """Return (m, P) float32 scores of (m, dim) probes against everybody.

        Raises:
            DataError: the probe is of another length than what was enrolled.
        """
        if probes.shape[1] != self.samples.dim:
            raise DataError(
                f"A {self.samples.modality} to identify must have {self.samples.dim} numbers, as the enrolled have. "
                f"Got {probes.shape[1]}. Use the encoder that they were enrolled with."
            )
        return self.backend.scores(np.ascontiguousarray(probes, dtype=np.float32))

    def clip_means(self, clips: Sequence[str]) -> np.ndarray:
        """Return (len(clips), dim) float32: each clip's rows as the one vector that would ask."""
        rows = clip_rows(self.samples, self.samples.names)
        means = weighted_means(self.samples.vectors, rows.of_row, rows.weights, n_people=len(rows.clips))
        places = {clip: i for i, clip in enumerate(rows.clips)}
        return means[[places[clip] for clip in clips]]

    def take(self, samples: Samples, people: Sequence[str]) -> None:
        """Replace the samples, and learn the rows of some people anew, in order, everybody else's held fixed.

        Args:
            samples: of everybody.
            people: whose samples are new; who had no row gets one at the end.
        """
        self.samples = samples
        weights = clip_rows(samples, samples.names).weights
        places = {name: i for i, name in enumerate(self.people)}
        numbers = {name: i for i, name in enumerate(dict.fromkeys([*self.people, *samples.names]))}
        owners = np.array([numbers[name] for name in samples.people], dtype=np.intp)
        order = np.argsort(owners, kind="stable")
        for name in people:
            first, last = np.searchsorted(owners[order], [numbers[name], numbers[name] + 1])
            own = np.sort(order[first:last])
            # Whoever comes with the same samples has no row yet, and is nobody to be told from.
            other = (owners < len(self.people)) & self.backend.needs_others
            other[own] = False
            self.backend.put(
                samples.vectors[own],
                weights[own],
                others=samples.vectors[other],
                of_others=weights[other],
                index=places.get(name),
            )
            if name not in places:
                places[name] = len(self.people)
                self.people.append(name)

    def remove(self, names: frozenset[str]) -> None:
        """Forget people: their rows and their samples."""
        self.samples = self.samples.select(
            np.array([person not in names for person in self.samples.people], dtype=bool)
        )
        self.backend.drop([i for i, person in enumerate(self.people) if person in names])
        self.people = [person for person in self.people if person not in names]

    def rename(self, old: str, new: str) -> None:
        """Give a person another name; if it is enrolled already, its row is learned again from the samples of both."""
        if old not in self.people:
            return
        people = tuple(new if person == old else person for person in self.samples.people)
        if new in self.people and new != old:
            self.backend.drop([self.people.index(old)])
            self.people.remove(old)
            self.take(self.samples.renamed(people), [new])
            return
        self.samples = self.samples.renamed(people)
        self.people[self.people.index(old)] = new
