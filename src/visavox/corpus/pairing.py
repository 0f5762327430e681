"""Which voice row goes with which face row: by clip, and by person where nothing shares a clip.

Example:
    >>> def table(modality, clips, people):
    ...     keys = tuple(f"{clip}/{modality}" for clip in clips)
    ...     return EmbeddingTable(modality, "e", keys, clips, people, (None,) * len(clips), {}, np.eye(len(clips)))
    >>> voice, face = table("voice", ("a", "b"), ("Ann", "Bob")), table("face", ("b", "a"), ("Bob", "Ann"))
    >>> match_clips(voice, face)
    (array([0, 1]), array([1, 0]))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError


def match_clips(voice: EmbeddingTable, face: EmbeddingTable) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of matching voices and faces.

    Where the tables share clips, every voice of a clip goes with every face of the same clip, and rows without a
    partner are left out. Where they share none (an unpaired corpus), each person's voices and faces go together in
    the order of their keys, the shorter list repeated, so that a person with 3 voices and 2 faces gives 3 pairs.

    Returns:
        (n_pairs,) voice rows, ascending, and (n_pairs,) face rows.

    Raises:
        DataError: a table of the wrong modality; a clip whose voice and face are of two persons; nothing in common.
    """
    for table, modality in ((voice, "voice"), (face, "face")):
        if table.modality != modality:
            raise DataError(f"The {modality} table must hold {modality}s. Got a table of {table.modality}s. Swap them.")
    pairs = _by_clip(voice, face) or _by_identity(voice, face)
    if not pairs:
        raise DataError(
            f"The {len(voice)} voices and {len(face)} faces have no clip and no person in common. Prepare and embed "
            "both from one corpus."
        )
    rows = np.asarray(sorted(pairs), dtype=np.intp)
    return rows[:, 0], rows[:, 1]


def _by_clip(voice: EmbeddingTable, face: EmbeddingTable) -> list[tuple[int, int]]:
    faces = _rows_by(face.clips)
    pairs = [(row, other) for row, clip in enumerate(voice.clips) for other in faces.get(clip, ())]
    for row, other in pairs:
        if voice.identities[row] != face.identities[other]:
            raise DataError(
                f"The voice and the face of a clip must be of one person. Clip {voice.clips[row]!r} has the voice of "
                f"{voice.identities[row]!r} and the face of {face.identities[other]!r}. Embed both from one corpus."
            )
    return pairs


def _by_identity(voice: EmbeddingTable, face: EmbeddingTable) -> list[tuple[int, int]]:
    voices, faces = _rows_by(voice.identities), _rows_by(face.identities)
    pairs = []
    for person in voices.keys() & faces.keys():
        ours = sorted(voices[person], key=lambda row: voice.keys[row])
        theirs = sorted(faces[person], key=lambda row: face.keys[row])
        n_pairs = max(len(ours), len(theirs))
        pairs += [(ours[i % len(ours)], theirs[i % len(theirs)]) for i in range(n_pairs)]
    return pairs


def _rows_by(names: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[name].append(row)
    return rows
