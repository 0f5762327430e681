"""Voices and faces of a corpus, row by row of one pair: what associators are trained on.

Example:
    paired = PairedTables.of(CorpusEmbeddings.load(Path("embeddings")))
    paired.pairs().voice.shape
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.batches.pair_batches import Pairs
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.pairing import match_clips
from visavox.pipeline.embedding import CorpusEmbeddings

COVARIATES = ("gender", "nationality", "language", "age")  # what objectives may be told of a person, where it is given


@dataclass(frozen=True)
class PairedTables:
    """Voices and faces row by row of one pair, with what training needs."""

    voice: EmbeddingTable
    face: EmbeddingTable

    @classmethod
    def of(cls, embedded: CorpusEmbeddings) -> PairedTables:
        """Join the tables of a corpus by clip, or by person where no clip has both."""
        voice_rows, face_rows = match_clips(embedded.voice, embedded.face)
        if len(set(voice_rows)) < len(voice_rows) or len(set(face_rows)) < len(face_rows):
            voice_rows, face_rows = _each_once(voice_rows, face_rows)
        return cls(embedded.voice.select(voice_rows), embedded.face.select(face_rows))

    def select(self, rows: np.ndarray) -> PairedTables:
        """Return the pairs of some rows; `rows` has the shape (m,), int."""
        return PairedTables(self.voice.select(rows), self.face.select(rows))

    def pairs(self) -> Pairs:
        """Return the arrays that training takes."""
        videos = [video or clip for video, clip in zip(self.voice.videos, self.voice.clips, strict=True)]
        return Pairs.of(
            self.voice.vectors,
            self.face.vectors,
            identities=self.voice.identities,
            videos=videos,
            keys=self.voice.clips,
            covariates={name: values for name in COVARIATES if any(values := self._given(name))},
        )

    def _given(self, name: str) -> list[str | None]:
        """Return an attribute of each pair, from the voice or else from the face."""
        both = zip(self.voice.attribute(name), self.face.attribute(name), strict=True)
        return [voice or face for voice, face in both]


def _each_once(voice_rows: np.ndarray, face_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs in which every voice and every face of an unpaired corpus appears at most once, in order."""
    used_voices: set[int] = set()
    used_faces: set[int] = set()
    kept = []
    for voice, face in zip(voice_rows.tolist(), face_rows.tolist(), strict=True):
        if voice not in used_voices and face not in used_faces:
            used_voices.add(voice)
            used_faces.add(face)
            kept.append((voice, face))
    rows = np.asarray(kept, dtype=np.intp)
    return rows[:, 0], rows[:, 1]
