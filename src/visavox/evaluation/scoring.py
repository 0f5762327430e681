"""Scores from tables: the hook that lets one protocol evaluate a model, a baseline or chance.

A scorer is any function of a voice table and a face table that returns their score matrix, rows being voices. The
default is the dot product of vectors that a model has projected into a common space. A scorer that has nothing to say
on these tables raises `UndefinedScoresError`, and the protocols then report "undefined" with its message.

Example:
    >>> voice = EmbeddingTable("voice", "e", ("a/voice",), ("a",), ("Ann",), (None,), {}, np.array([[0.6, 0.8]]))
    >>> face = EmbeddingTable("face", "e", ("a/face",), ("a",), ("Ann",), (None,), {}, np.array([[1.0, 0.0]]))
    >>> dot_product(voice, face).tolist()
    [[0.6]]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction
from visavox.errors import DataError

Scorer = Callable[[EmbeddingTable, EmbeddingTable], NDArray[np.floating]]

# A matrix product may differ in the last bit between two equal columns; rounding lets equal vectors tie.
SCORE_DECIMALS = 7
CHUNK_CELLS = 8_000_000  # scores held at once when only some are wanted


class UndefinedScoresError(DataError):
    """A scorer cannot score these tables at all; the message is the reason, without a remedy."""


def dot_product(voice: EmbeddingTable, face: EmbeddingTable) -> NDArray[np.float64]:
    """Return the dot product of every voice with every face.

    Args:
        voice: n_voices vectors in the common space, of length 1.
        face: n_faces vectors in the same space.

    Returns:
        (n_voices, n_faces) float64, -1 to 1 for unit vectors, rounded to 7 decimals.

    Raises:
        DataError: the two tables have vectors of different lengths.
    """
    if voice.dim != face.dim:
        raise DataError(
            f"Voices and faces must lie in one space. Got vectors of {voice.dim} numbers ({voice.encoder}) and "
            f"{face.dim} ({face.encoder}). Project both with a trained model first."
        )
    product = voice.vectors.astype(np.float64) @ face.vectors.astype(np.float64).T
    return np.round(product, SCORE_DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0


def probe_scores(
    voice: EmbeddingTable, face: EmbeddingTable, *, direction: Direction, scorer: Scorer
) -> NDArray[np.floating]:
    """Return the scores with the probes in the rows.

    Args:
        voice: the voices.
        face: the faces.
        direction: "voice_to_face": voices are the probes; "face_to_voice": faces are.
        scorer: see the module.

    Returns:
        (n_probes, n_gallery) float.

    Raises:
        DataError: the scorer's matrix has another shape.
        UndefinedScoresError: the scorer has nothing to say.
    """
    scores = np.asarray(scorer(voice, face))
    if scores.shape != (len(voice), len(face)):
        raise DataError(
            f"A scorer must return one row a voice and one column a face, {(len(voice), len(face))}. "
            f"Got {scores.shape}."
        )
    return scores if direction == "voice_to_face" else scores.T


def listed_scores(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    probes: NDArray[np.integer],
    candidates: NDArray[np.integer],
    *,
    direction: Direction,
    scorer: Scorer,
) -> NDArray[np.float64]:
    """Return the scores of listed trials, a block of probes at a time so that a long list needs little memory.

    Args:
        voice: the voices.
        face: the faces.
        probes: (n_trials,) int, row of each probe in its table.
        candidates: (n_trials, n_candidates) int, rows of the candidates in the other table.
        direction: which table the probes are in.
        scorer: see the module.

    Returns:
        (n_trials, n_candidates) float64.

    Raises:
        DataError: as `probe_scores`.
    """
    wanted, place = np.unique(probes, return_inverse=True)
    gallery, column = np.unique(candidates, return_inverse=True)
    column = column.reshape(candidates.shape)
    others = (face if direction == "voice_to_face" else voice).select(gallery)
    size = max(1, CHUNK_CELLS // max(1, len(gallery)))
    out = np.empty(candidates.shape, dtype=np.float64)
    for start in range(0, len(wanted), size):
        rows = wanted[start : start + size]
        trials = np.flatnonzero((place >= start) & (place < start + size))
        if direction == "voice_to_face":
            block = probe_scores(voice.select(rows), others, direction=direction, scorer=scorer)
        else:
            block = probe_scores(others, face.select(rows), direction=direction, scorer=scorer)
        out[trials] = block[(place[trials] - start)[:, np.newaxis], column[trials]]
    return out
