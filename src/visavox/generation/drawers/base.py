"""The contract of a drawer: what was heard, and what else it is told, to pictures of a face.

A drawer knows nothing of files: it takes numbers and gives pixels, the same ones for the same seed. Sample i depends
on the seed and on i alone, not on how many are drawn or how many at once.

Example:
    >>> request = DrawingRequest(HeardForDrawing(np.zeros(256), np.zeros((3, 256)), np.zeros(16000)), n_samples=2)
    >>> request.guidance, request.told[0].provenance
    (None, 'from voice')
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from visavox.generation.provenance import FROM_VOICE, Condition

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class HeardForDrawing:
    """A voice as a drawer takes it."""

    vector: NDArray[np.floating[Any]]
    """(dim,) of the frozen voice encoder, of the whole voice."""
    windows: NDArray[np.floating[Any]]
    """(n_windows, dim), one vector a window, in order; one window at least."""
    samples: NDArray[np.floating[Any]]
    """(n_samples,) float32 at 16 kHz, -1 to 1: the part of the voice that was taken."""


@dataclass(frozen=True, eq=False)
class DrawingRequest:
    """One voice, and how its pictures are wanted."""

    heard: HeardForDrawing
    told: tuple[Condition, ...] = (Condition("voice", FROM_VOICE),)
    """All conditions that may be used, each with its provenance; those of the voice take their numbers from `heard`."""
    n_samples: int = 1
    first_sample: int = 0
    """Number of the first sample that is drawn, 0 or more: so many are drawn in pieces, `n_samples` a piece, and are
    the same as if they had been drawn at once. Sample 0 of the decoder is the expected face."""
    seed: int = 0
    guidance: float | None = None
    """How far to follow the conditions: 0 ignores them, 1 follows them, more exaggerates; None takes the drawer's own.
    Of what is predicted with conditions, p, and without, m, m + guidance * (p - m) is drawn."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of one drawer alone: sampler, n_steps; px where it draws several sizes."""


class FaceDrawer(ABC):
    """Draws faces.

    Attributes:
        name: of the method: "decoder", "diffusion".
        image_px: side of a picture.
        conditions: names that it was trained with; any other is refused by the caller.
        guidance: its own default.
        sizes_px: sides of the pictures that it can draw, `image_px` among them; with several, the option `px` chooses.
        known_values: condition -> names that it can be told, of those conditions that are a choice among names.
    """

    name: ClassVar[str]
    image_px: int
    conditions: tuple[str, ...]
    guidance: float
    known_values: Mapping[str, tuple[str, ...]] = {}

    @property
    def sizes_px(self) -> tuple[int, ...]:
        """Sides of the pictures that it can draw."""
        return (self.image_px,)

    @abstractmethod
    def draw(self, request: DrawingRequest, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return (n_samples, image_px, image_px, 3) uint8 RGB pictures.

        Args:
            request: what is wanted.
            progress: called as progress(done, total), in pictures or in steps.
        """
