"""Trial lists: which probe is compared with which candidates.

Three kinds, as published protocols use them: matching (a probe, its positive and N - 1 negatives), verification (a
probe, a candidate, same person or not) and retrieval (probes and a gallery). A trial names clips, not rows or files.
No negative is of the probe's person or from the probe's video. Drawing is the affair of
`visavox.corpus.trial_drawing`, writing and reading of `visavox.corpus.trial_files`, scoring of `visavox.evaluation`.

Example:
    >>> MatchingTrials("voice_to_face", "all", ("a", "b"), (("a", "b"), ("b", "a"))).n_candidates
    2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import ConfigError, DataError

Direction = Literal["voice_to_face", "face_to_voice"]
Group = str
"""What a probe and its negatives share: "all" (nothing), "same_gender", ...; `visavox.corpus.trial_strata` has all."""

DIRECTIONS: tuple[Direction, ...] = ("voice_to_face", "face_to_voice")
GROUPS: tuple[Group, ...] = ("all", "same_gender")
"""The groups that `split` draws."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class MatchingTrials:
    """Which of the candidates is of the probe's person?

    Raises:
        ConfigError: fewer than two candidates, or trials of different numbers of candidates.
    """

    direction: Direction
    """The probe's modality first."""
    group: Group
    """What the negatives share with the probe: "same_gender" when they are of the probe's gender."""
    probes: tuple[str, ...]
    """Clip of each trial's probe, n of them."""
    candidates: tuple[tuple[str, ...], ...]
    """n rows of clips; the first of each is the positive."""
    n_skipped_probes: int = 0
    """Probes without a trial: no positive, or not enough negatives."""

    def __post_init__(self) -> None:
        """Check that every trial is a choice."""
        sizes = {len(row) for row in self.candidates}
        if len(self.candidates) != len(self.probes) or len(sizes) > 1:
            raise ConfigError(f"Every matching trial must have equally many candidates. Got {sorted(sizes)}.")
        if sizes and min(sizes) < 2:
            raise ConfigError(f"`n_candidates` must be at least 2. Got {min(sizes)}. Give two candidates or more.")

    @property
    def n_candidates(self) -> int:
        """Candidates of a trial; 0 when there is no trial."""
        return len(self.candidates[0]) if self.candidates else 0

    def rows(self, voice: EmbeddingTable, face: EmbeddingTable) -> tuple[Rows, Rows]:
        """Return rows of the probe table, (n,), and of the other table, (n, n_candidates), positives first.

        Raises:
            DataError: a clip of the list is not in its table.
        """
        probe_table, other = (voice, face) if self.direction == "voice_to_face" else (face, voice)
        flat = [clip for row in self.candidates for clip in row]
        found = clip_rows(other, flat).reshape(len(self.candidates), self.n_candidates)
        return clip_rows(probe_table, self.probes), found


@dataclass(frozen=True)
class VerificationTrials:
    """Are the probe and the candidate of one person?"""

    direction: Direction
    """The probe's modality first."""
    group: Group
    """What the negatives share with the probe: "same_gender" when they are of the probe's gender."""
    probes: tuple[str, ...]
    """Clip of each trial's probe, n of them."""
    candidates: tuple[str, ...]
    """Clip of each trial's candidate."""
    labels: tuple[bool, ...]
    """True where they are of one person; half of them when drawn here."""
    n_skipped_probes: int = 0
    """Probes without a trial: no positive, or no negative."""

    def rows(self, voice: EmbeddingTable, face: EmbeddingTable) -> tuple[Rows, Rows]:
        """Return rows of the probe table, (n,), and of the other table, (n,).

        Raises:
            DataError: a clip of the list is not in its table.
        """
        probe_table, other = (voice, face) if self.direction == "voice_to_face" else (face, voice)
        return clip_rows(probe_table, self.probes), clip_rows(other, self.candidates)


@dataclass(frozen=True)
class RetrievalTrials:
    """Rank the gallery for each probe; what is of the probe's person is relevant."""

    direction: Direction
    """The probe's modality first."""
    probes: tuple[str, ...]
    """Clips to search with, n of them."""
    gallery: tuple[str, ...]
    """Clips to rank, m of them."""
    group: Group = "all"
    """Always "all"."""
    n_skipped_probes: int = 0
    """Probes of whose person the gallery has nothing."""

    def rows(self, voice: EmbeddingTable, face: EmbeddingTable) -> tuple[Rows, Rows]:
        """Return rows of the probe table, (n,), and of the gallery in the other table, (m,).

        Raises:
            DataError: a clip of the list is not in its table.
        """
        probe_table, other = (voice, face) if self.direction == "voice_to_face" else (face, voice)
        return clip_rows(probe_table, self.probes), clip_rows(other, self.gallery)


Trials = MatchingTrials | VerificationTrials | RetrievalTrials


@dataclass(frozen=True)
class TrialSet:
    """All lists of one test set."""

    seed: int
    """The seed they were drawn with."""
    lists: Mapping[str, Trials]
    """Lists by name: matching_DIRECTION_GROUP_N, verification_DIRECTION_GROUP, retrieval_DIRECTION."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Lists that could not be drawn, and why."""


def clip_rows(table: EmbeddingTable, clips: Sequence[str]) -> Rows:
    """Return the row of each clip, (len(clips),) int; of several rows of a clip, the one with the first key.

    Raises:
        DataError: a clip is not in the table.
    """
    row_of: dict[str, int] = {}
    for row in sorted(range(len(table)), key=lambda row: table.keys[row], reverse=True):
        row_of[table.clips[row]] = row
    missing = next((clip for clip in clips if clip not in row_of), None)
    if missing is not None:
        raise DataError(
            f"The trials name the clip {missing!r}, which the {table.modality} table does not hold. Embed that clip, "
            "or draw the trials again."
        )
    return np.asarray([row_of[clip] for clip in clips], dtype=np.intp)
