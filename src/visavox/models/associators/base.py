"""What every associator is: two maps into one space, where a voice lies near the face of its person.

An associator takes the vectors of frozen encoders, numpy in and numpy out, and knows neither media nor corpora.
Training is not its affair: CCA has a closed form (`CCA.fit`), networks are trained by `visavox.pipeline.training`.

Example:
    >>> from visavox.models.associators.cca import CCA
    >>> rng = np.random.default_rng(0)
    >>> face = rng.normal(size=(50, 3))
    >>> associator = CCA(3, 3, n_components=3, ridge_voice=0.0, ridge_face=0.0).fit(2 * face, face)
    >>> bool((associator.similarity(2 * face, face).argmax(axis=1) == np.arange(50)).all())
    True
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.persistence import Shape, Tensors, check_tensors, load_folder, resolve_model, save_folder
from visavox.registry import ASSOCIATORS

Role = Literal["voice", "face"]


class Associator(ABC):
    """Maps voice and face vectors to unit vectors whose dot product is their similarity.

    A subclass stores every constructor argument under its own name and registers itself under its file's name.
    """

    name: ClassVar[str]
    """Its registered name."""
    voice_dim: int
    """Length of a voice vector that comes in."""
    face_dim: int
    """Length of a face vector that comes in."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of the vectors that come out."""

    @abstractmethod
    def encode_voice(self, voice: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, voice_dim) floats; n may be 0.

        Raises:
            DataError: the shape is another, or a value is not finite.
        """

    @abstractmethod
    def encode_face(self, face: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, face_dim) floats; n may be 0.

        Raises:
            DataError: the shape is another, or a value is not finite.
        """

    @abstractmethod
    def tensors(self) -> Tensors:
        """Return every learned array under its name, each of the shape that `shapes` says."""

    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Return the shape that each learned array must have."""

    @abstractmethod
    def _take_tensors(self, tensors: Tensors) -> None:
        """Take over arrays whose names and shapes are checked."""

    def load_tensors(self, tensors: Tensors) -> None:
        """Take over learned arrays.

        Raises:
            DataError: a tensor is missing, left over or of another shape.
        """
        check_tensors(tensors, self.shapes(), owner=self.name)
        self._take_tensors(tensors)

    def arguments(self) -> dict[str, Any]:
        """Return the constructor arguments in a form that JSON can hold."""
        found = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @property
    def spec(self) -> dict[str, Any]:
        """Registered name and constructor arguments: what `ASSOCIATORS.build` takes."""
        return {"name": self.name, **self.arguments()}

    @property
    def n_parameters(self) -> int:
        """How many numbers were learned."""
        return sum(array.size for array in self.tensors().values())

    def similarity(self, voice: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the similarity of each voice (a row) to each face (a column).

        Args:
            voice: (n_voices, voice_dim) floats.
            face: (n_faces, face_dim) floats.

        Returns:
            (n_voices, n_faces) float32 in [-1, 1].
        """
        return np.asarray(self.encode_voice(voice) @ self.encode_face(face).T)

    def save_pretrained(
        self,
        folder: Path | str,
        *,
        extra_files: Mapping[str, str | bytes] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write a model folder; see `visavox.persistence.save_folder`."""
        save_folder(
            folder,
            kind="associator",
            name=self.name,
            arguments=self.arguments(),
            tensors=self.tensors(),
            extra_files=extra_files,
            overwrite=overwrite,
        )

    @classmethod
    def from_pretrained(cls, source: Path | str) -> Self:
        """Return the associator that a folder, a name in the box, or a hub id holds.

        Raises:
            DataError: the folder is damaged, or holds an associator of another class.
        """
        return cls.from_folder(resolve_model(source))

    @classmethod
    def from_folder(cls, folder: Path | str) -> Self:
        """Return the associator of a folder, without looking anywhere else.

        Raises:
            DataError: the folder is damaged, or holds an associator of another class.
        """
        saved = load_folder(folder, kind="associator")
        try:
            associator = ASSOCIATORS.build(saved.spec)
        except (ConfigError, TypeError) as error:
            raise DataError(f"{folder}/config.json builds no associator: {error} Save the model again.") from error
        if not isinstance(associator, cls):
            raise DataError(f"{folder} holds a {saved.name}, not a {cls.__name__}. Give the folder of one.")
        associator.load_tensors(saved.tensors)
        return associator


def checked_vectors(x: np.ndarray, dim: int, role: Role) -> np.ndarray:
    """Return vectors as (n, dim) float32 after holding them to their rule.

    Raises:
        DataError: "Voice vectors must have shape (n, 256)"; "Voice vector in row 3 holds nan or infinity".
    """
    if x.ndim != 2 or x.shape[1] != dim:
        raise DataError(
            f"{role.capitalize()} vectors must have shape (n, {dim}). Got {x.shape}. Use the encoder of the model."
        )
    found = np.asarray(x, dtype=np.float32)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise DataError(f"{role.capitalize()} vector in row {row} holds nan or infinity. Embed it again or drop it.")
    return found


def unit_rows(x: np.ndarray) -> np.ndarray:
    """Return (n, dim) rows divided by their length; a row of zeros stays, so it is as similar to all."""
    length = np.linalg.norm(x, axis=1, keepdims=True)  # (n, 1)
    return np.asarray(x / np.maximum(length, 1e-12), dtype=np.float32)


def check_count(name: str, value: object, *, at_least: int = 1) -> None:
    """Hold an argument to being a whole number of at least `at_least`.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ConfigError(f"`{name}` must be a whole number of at least {at_least}. Got {value!r}.")


def check_number(name: str, value: object, *, at_least: float, at_most: float = float("inf")) -> None:
    """Hold an argument to being a number between two bounds, both included.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not at_least <= value <= at_most:
        upper = "" if at_most == float("inf") else f" and at most {at_most:g}"
        raise ConfigError(f"`{name}` must be a number of at least {at_least:g}{upper}. Got {value!r}.")
