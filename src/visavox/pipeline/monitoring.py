"""What is measured between the epochs of a training run: similarities of pairs and all-pairs matching.

It is not an evaluation: no interval, no protocol, no test set. It says whether training moves in the right direction
and when to stop.

Example:
    >>> similarity = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> allowed = ~np.eye(2, dtype=bool)
    >>> beat_rates(similarity, allowed).tolist()               # the second voice ties: half
    [1.0, 0.5]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.batches.pair_batches import Pairs
from visavox.metrics.weighting import mean_over_people
from visavox.models.associators.base import Associator

MAX_MONITORED = 2000  # rows; the (n, n) matrix of more would cost more than the epoch it watches


@dataclass(frozen=True)
class PairFigures:
    """How the pairs of one set look under an associator."""

    positive_similarity: float
    """Mean similarity of a voice and its own face, -1 to 1."""
    negative_similarity: float
    """Mean similarity of a voice and the face of another identity in another video; nan when there is none."""
    voice_to_face_score: float
    """All-pairs 1:2 accuracy, each identity counting once, 0 to 1, chance 0.5; nan without negatives."""
    face_to_voice_score: float
    """The same with the face as the probe."""

    @property
    def matching_score(self) -> float:
        """Mean of the two directions."""
        return (self.voice_to_face_score + self.face_to_voice_score) / 2


def beat_rates(similarity: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return how often each probe's own candidate beats another one.

    Args:
        similarity: (n, n) float, probes in rows, candidates in columns, own candidates on the diagonal.
        allowed: (n, n) bool, where a candidate may be compared with the probe's own.

    Returns:
        (n,) float64 from 0 to 1; a tie counts half; nan for a probe with no allowed candidate.
    """
    own = similarity.diagonal()[:, None]  # (n, 1)
    wins = ((own > similarity) & allowed).sum(axis=1) + 0.5 * ((own == similarity) & allowed).sum(axis=1)
    n_allowed = allowed.sum(axis=1)
    return np.where(n_allowed > 0, wins / np.maximum(n_allowed, 1), np.nan)


def monitored(pairs: Pairs) -> Pairs:
    """Return the pairs themselves, or an evenly spaced `MAX_MONITORED` of them when there are more."""
    if len(pairs) <= MAX_MONITORED:
        return pairs
    return pairs.select(np.linspace(0, len(pairs) - 1, MAX_MONITORED).astype(np.int64))


def pair_figures(associator: Associator, pairs: Pairs, allowed: np.ndarray) -> PairFigures:
    """Return the figures of a set of pairs.

    Args:
        associator: what gives the similarities.
        pairs: n pairs.
        allowed: (n, n) bool, `pairs.allowed()`; passed in, since it is the same at every epoch.
    """
    similarity = associator.similarity(pairs.voice, pairs.face).astype(np.float64)  # (n voices, n faces)
    n_allowed = int(allowed.sum())
    return PairFigures(
        positive_similarity=float(similarity.diagonal().mean()),
        negative_similarity=float((similarity * allowed).sum() / n_allowed) if n_allowed else float("nan"),
        voice_to_face_score=float(mean_over_people(beat_rates(similarity, allowed), pairs.identity)),
        face_to_voice_score=float(mean_over_people(beat_rates(similarity.T, allowed.T), pairs.identity)),
    )
