"""What every back-end is: vectors of enrolled people in, scores of a probe against each of them out.

A back-end works in one modality, on vectors alone; names, clips and sessions are the caller's. It is fitted once.
After that one person is put in or taken out without a change to what the others rest on. Scores grow with likeness;
what a score is worth is the affair of `visavox.identification.score_fusion`.

Example:
    >>> from visavox.registry import BACKENDS
    >>> backend = BACKENDS.build({"name": "cosine", "centred": False})
    >>> backend.fit(np.eye(2, dtype=np.float32), np.array([0, 1]), np.ones(2))
    >>> backend.scores(np.array([[1.0, 0.0]], dtype=np.float32)).tolist()
    [[1.0, 0.0]]
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.identification.templates import Owners, Vectors

Tensors = Mapping[str, np.ndarray]


class Backend(ABC):
    """Scores probes against enrolled people.

    A subclass sets the class attribute, takes keyword-only arguments that it stores under their own names, and keeps
    its fitted arrays in attributes named in `fitted`, of which `rows` has a row a person.
    """

    name: ClassVar[str]
    """Its registered name."""
    fitted: ClassVar[tuple[str, ...]]
    """Attributes that hold what was fitted: what is saved."""
    needs_others: ClassVar[bool] = False
    """Whether the row of one person rests on the samples of others; else they are not handed over."""
    per_person: ClassVar[tuple[str, ...]] = ("rows",)
    """Those of `fitted` whose first axis is the people."""

    @property
    def spec(self) -> dict[str, Any]:
        """Name and arguments as the registry builds from them."""
        return {"name": self.name, **{a: getattr(self, a) for a in inspect.signature(type(self)).parameters}}

    @property
    def n_people(self) -> int:
        """How many people it scores against."""
        return len(getattr(self, self.per_person[0]))

    def fit(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Learn everything anew.

        Args:
            vectors: (n, dim) float32.
            owners: (n,) int: people 0 to P - 1, each with a row.
            weights: (n,) float above 0: how much a row counts.
        """
        self.learn(vectors, owners, weights)
        self.enroll(vectors, owners, weights)

    @abstractmethod
    def learn(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Learn what all people share; arguments as in `fit`."""

    @abstractmethod
    def enroll(self, vectors: Vectors, owners: Owners, weights: NDArray[np.floating]) -> None:
        """Replace everybody by these people, with what was learned held fixed; arguments as in `fit`."""

    @abstractmethod
    def person_rows(
        self, vectors: Vectors, weights: NDArray[np.floating], others: Vectors, of_others: NDArray[np.floating]
    ) -> dict[str, np.ndarray]:
        """Return what `per_person` holds of one person, (...) each, while the arrays of all others stay as they are.

        Args:
            vectors: (n, dim) float32, all rows of the person.
            weights: (n,) float above 0.
            others: (m, dim) float32, the rows of everybody else.
            of_others: (m,) float above 0.
        """

    @abstractmethod
    def scores(self, probes: Vectors) -> Vectors:
        """Return (m, P) float32 scores of (m, dim) float32 probes; higher is more alike."""

    def put(
        self,
        vectors: Vectors,
        weights: NDArray[np.floating],
        *,
        others: Vectors,
        of_others: NDArray[np.floating],
        index: int | None = None,
    ) -> None:
        """Learn one person, with everybody else's arrays held fixed; arguments as in `person_rows`.

        Args:
            vectors: of the person.
            weights: of the person.
            others: of everybody else.
            of_others: of everybody else.
            index: whose place to take; None adds a place at the end.
        """
        held = {name: getattr(self, name) for name in self.per_person}
        if index is not None:
            self.drop([index])
        rows = self.person_rows(vectors, weights, others, of_others)
        for name, array in held.items():
            row = np.asarray(rows[name], dtype=array.dtype)[None]
            place = len(array) if index is None else index
            setattr(self, name, np.concatenate([array[:place], row, array[place + (index is not None) :]]))

    def drop(self, indices: list[int]) -> None:
        """Forget some people; those after them move up."""
        gone = set(indices)
        self._take([i for i in range(self.n_people) if i not in gone])

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what was fitted: name -> array, (n_people, ...) for those in `per_person`."""
        return {name: np.asarray(getattr(self, name)) for name in self.fitted}

    def restore(self, tensors: Tensors) -> None:
        """Take up what `tensors` gave, arrays of the same names, types and shapes.

        Raises:
            DataError: an array is missing or left over.
        """
        if sorted(tensors) != sorted(self.fitted):
            raise DataError(
                f"The saved back-end {self.name!r} needs the arrays {', '.join(self.fitted)}. "
                f"Got {', '.join(sorted(tensors)) or 'none'}. Enrol again."
            )
        for name, array in tensors.items():
            setattr(self, name, array)

    def _take(self, kept: list[int]) -> None:
        for name in self.per_person:
            setattr(self, name, getattr(self, name)[kept])


def check_positive(name: str, value: float, backend: str) -> None:
    """Raise unless an option of a back-end is above 0.

    Raises:
        ConfigError: names the option, the back-end and the value.
    """
    if not value > 0 or not np.isfinite(value):
        raise ConfigError(f"`{name}` of the back-end {backend!r} must be above 0 and finite. Got {value}.")
