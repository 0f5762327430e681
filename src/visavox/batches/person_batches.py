"""Batches by person: some people, some voices and some faces of each, so that a batch holds positives and negatives.

It deals row numbers and touches no media. Voices and faces are dealt independently of each other: any voice of a
person may meet any face of the person. What it deals is a pure function of seed and epoch.

Example:
    >>> voices = faces = np.array([0, 0, 1, 1, 2, 2])           # the person of each voice and of each face
    >>> sampler = PersonBatches(voices, faces, people_a_batch=2, clips_a_person=2, seed=0)
    >>> [batch.person.tolist() for batch in sampler.epoch(1)]
    [[1, 1, 0, 0], [2, 2]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visavox.errors import DataError


@dataclass(frozen=True)
class PersonBatch:
    """Rows of one optimiser step; entry i of each array belongs to entry i of the others."""

    voice: np.ndarray
    """(n,) int64, rows of voices."""
    face: np.ndarray
    """(n,) int64, rows of faces; of the same person as the voice, not always of the same clip."""
    person: np.ndarray
    """(n,) int64, whose they are."""


class PersonBatches:
    """Deals voices and faces of people who have both.

    Each epoch a person gets as many turns as are needed to deal all of their clips, `clips_a_person` a turn; where
    the clips do not fill the last turn, or one modality has fewer, those seen least so far come again. With
    `one_per_person` a person gets one turn an epoch, of clips drawn anew, so that no batch holds a person twice. The
    turns of all people are shuffled and cut into the fewest batches of nearly equal size.

    Args:
        voice_person: (n_voices,) integers, whose voice each row is.
        face_person: (n_faces,) integers, numbered like the voices.
        people_a_batch: most turns a batch, 2 or more.
        clips_a_person: voices and faces a turn, 1 or more.
        seed: 0 or more.
        one_per_person: deal each person once an epoch, however many clips there are.

    Raises:
        DataError: fewer than two people have both a voice and a face.
    """

    def __init__(
        self,
        voice_person: np.ndarray,
        face_person: np.ndarray,
        *,
        people_a_batch: int,
        clips_a_person: int,
        seed: int,
        one_per_person: bool = False,
    ) -> None:
        """Sort the rows by person."""
        self.people_a_batch = people_a_batch
        self.clips_a_person = clips_a_person
        self.seed = seed
        self.one_per_person = one_per_person
        self.people = np.intersect1d(voice_person, face_person)
        if len(self.people) < 2:
            raise DataError(
                f"Training needs at least 2 people with a voice and a face. Got {len(self.people)}. Add people."
            )
        self._voices, self._faces = _rows_of(self.people, voice_person), _rows_of(self.people, face_person)
        most = np.array([max(len(v), len(f)) for v, f in zip(self._voices, self._faces, strict=True)])
        turns = -(-most // clips_a_person)  # (n_people,) int64, rounded up
        self._n_turns = np.ones_like(turns) if one_per_person else turns

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return math.ceil(int(self._n_turns.sum()) / self.people_a_batch)

    def epoch(self, epoch: int) -> list[PersonBatch]:
        """Return the batches of an epoch, the same ones whenever asked for.

        Args:
            epoch: its number, 0 or more; each has its own order.
        """
        rng = np.random.default_rng([self.seed, epoch])
        size = self.clips_a_person
        voices: list[np.ndarray] = []
        faces: list[np.ndarray] = []
        for own_voices, own_faces, n_turns in zip(self._voices, self._faces, self._n_turns, strict=True):
            for rows, dealt in ((own_voices, voices), (own_faces, faces)):
                order = np.resize(rng.permutation(rows), n_turns * size)  # from the start again where it ends
                dealt.extend(order.reshape(n_turns, size))
        person = np.repeat(self.people, self._n_turns)  # (n_turns of all,)
        turns = rng.permutation(len(person))
        return [
            PersonBatch(
                voice=np.concatenate([voices[turn] for turn in chosen]).astype(np.int64),
                face=np.concatenate([faces[turn] for turn in chosen]).astype(np.int64),
                person=np.repeat(person[chosen], size).astype(np.int64),
            )
            for chosen in np.array_split(turns, len(self))
        ]


def _rows_of(people: np.ndarray, owners: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each person, rising, by one stable sort; `people` are sorted and all among the owners."""
    order = np.argsort(owners, kind="stable")
    ranked = owners[order]
    ends = np.column_stack([np.searchsorted(ranked, people, side=side) for side in ("left", "right")])
    return np.split(order, ends.ravel())[1::2]
