"""How far a voice encoder agrees with itself: the ceiling of any model that has to guess its vectors.

Two halves of one clip are compared with halves of different clips. FaceTones gives 0.9539 and 0.899 for its
x-vector; the gap between the two figures is all that a face could ever have to tell.

Example:
    ceiling = voice_ceiling(corpus, items, "ge2e")
    ceiling.positive > ceiling.negative
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.items import MediaItem
from visavox.errors import DataError
from visavox.media.audio import read_voice

MAX_CLIPS = 128  # the mean cosine of so many is known to about 0.005


@dataclass(frozen=True)
class VoiceCeiling:
    """Mean cosines of a voice encoder with itself."""

    positive: float
    """Of the two halves of one clip."""
    negative: float
    """Of halves of clips of different people."""
    n_clips: int
    """Clips that the figures come from."""

    def save(self, path: Path) -> None:
        """Write the figures as JSON.

        Raises:
            DataError: the file cannot be written.
        """
        with atomic_file(path, what="voice ceiling") as fresh:
            fresh.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> VoiceCeiling | None:
        """Read what `save` wrote; None where there is no file.

        Raises:
            DataError: the file is damaged.
        """
        if not path.is_file():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}). Delete it and run `visavox embed` again.") from error


def voice_ceiling(corpus: Path, items: Sequence[MediaItem], encoder: Any) -> VoiceCeiling | None:
    """Return the ceiling from at most 128 evenly chosen voices; None where fewer than two people speak.

    Args:
        corpus: folder of the corpus.
        items: its voices.
        encoder: a voice encoder.
    """
    chosen = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, MAX_CLIPS).astype(int))] if items else []
    if len({item.identity for item in chosen}) < 2:
        return None
    voices = [read_voice(corpus / str(item.path)) for item in chosen]
    halves = [half for voice in voices for half in np.array_split(voice, 2)]
    first, second = _unit(encoder.encode(halves)).reshape(len(chosen), 2, -1).transpose(1, 0, 2)
    cosine = first @ second.T  # (n_clips, n_clips)
    identities = np.array([item.identity for item in chosen])
    others = identities[:, None] != identities[None, :]
    return VoiceCeiling(float(cosine.diagonal().mean()), float(cosine[others].mean()), len(chosen))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
