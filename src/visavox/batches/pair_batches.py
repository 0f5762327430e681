"""Pairs of voice and face vectors, checked once, held on the device, and dealt out in shuffled batches.

There is no DataLoader: the vectors of a hundred thousand clips are 150 MB, and picking rows on the device is the
cheapest thing a step does. Batches are a pure function of seed and epoch, so a resumed run deals the same ones.

Example:
    >>> pairs = Pairs.of(np.eye(3), np.eye(3), identities=["a", "b", "b"], videos=["x", "y", "z"])
    >>> [rows.tolist() for rows in batch_rows(5, batch_size=3, seed=0, epoch=1)]
    [[1, 4, 3], [0, 2]]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from visavox.batches.masks import balancing_weights, codes, negatives_mask
from visavox.errors import DataError


@dataclass(frozen=True)
class Pairs:
    """Voice and face vectors, row by row of one clip; make it with `Pairs.of`, which checks everything."""

    voice: np.ndarray
    """(n, voice_dim) float32, finite."""
    face: np.ndarray
    """(n, face_dim) float32, finite."""
    identity: np.ndarray
    """(n,) int64, equal for one person."""
    video: np.ndarray
    """(n,) int64, equal for one video."""
    keys: tuple[str, ...]
    """Name of each row, for messages."""
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(n,) int64 each, what is known of the person: "gender", "nationality"; -1 where unknown."""
    people: tuple[str, ...] = ()
    """Name of each number in `identity`; empty where nobody knows."""

    @classmethod
    def of(
        cls,
        voice: np.ndarray,
        face: np.ndarray,
        *,
        identities: Sequence[str] | np.ndarray,
        videos: Sequence[str] | np.ndarray | None = None,
        keys: Sequence[str] | None = None,
        covariates: Mapping[str, Sequence[str | None]] | None = None,
    ) -> Pairs:
        """Check arrays and names and join them.

        Args:
            voice: (n, voice_dim) floats.
            face: (n, face_dim) floats; row i belongs to row i of `voice`.
            identities: n names of persons; "video:..." where the person is unknown.
            videos: n names of videos; None makes each row its own video.
            keys: n names of rows for messages; None numbers them.
            covariates: for each name n values, None where unknown.

        Raises:
            DataError: there is no row; lengths differ; "Voice embedding of 'clip-7' (row 7) holds nan or infinity".
        """
        n = len(voice)
        keys = tuple(f"row {i}" for i in range(n)) if keys is None else tuple(keys)
        videos = [f"row {i}" for i in range(n)] if videos is None else videos
        if n == 0:
            raise DataError("There are no pairs of voice and face. Give at least one clip that has both.")
        labelled = dict(covariates or {})
        columns = [("faces", face), ("identities", identities), ("videos", videos), ("keys", keys), *labelled.items()]
        for name, values in columns:
            if len(values) != n:
                raise DataError(f"Pairs need one row each of everything. Got {n} voices and {len(values)} {name}.")
        for role, x in (("Voice", voice), ("Face", face)):
            if x.ndim != 2:
                raise DataError(f"{role} embeddings must have shape (n, dim). Got {x.shape}.")
            broken = np.flatnonzero(~np.isfinite(x).all(axis=1))
            if len(broken):
                raise DataError(
                    f"{role} embedding of {keys[broken[0]]!r} (row {broken[0]}, {len(broken)} such rows) holds nan "
                    "or infinity. Embed it again or drop it."
                )
        known = {name: _known_codes(values) for name, values in labelled.items()}
        people = tuple(str(name) for name in np.unique(np.asarray(identities)))
        vectors = voice.astype(np.float32), face.astype(np.float32)
        return cls(*vectors, codes(identities), codes(videos), keys, known, people)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.voice)

    def select(self, rows: np.ndarray) -> Pairs:
        """Return the pairs of some rows, (k,) integers or (n,) bool, in that order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        keys = tuple(self.keys[i] for i in rows)
        known = {name: values[rows] for name, values in self.covariates.items()}
        columns = self.voice[rows], self.face[rows], self.identity[rows], self.video[rows]
        return Pairs(*columns, keys, known, self.people)

    def names_of_labels(self) -> tuple[str, ...]:
        """Return the names of the people that occur, in the order of their labels in batches; empty if unknown."""
        return tuple(self.people[code] for code in np.unique(self.identity)) if self.people else ()

    def allowed(self) -> np.ndarray:
        """Return (n, n) bool: where voice i and face j may be compared as different people."""
        return np.asarray(negatives_mask(torch.from_numpy(self.identity), torch.from_numpy(self.video)).numpy())

    def balancing_weights(self) -> np.ndarray:
        """Return (n,) float64, mean 1: what lets every identity count once."""
        return balancing_weights(codes(self.identity))


@dataclass(frozen=True)
class PairBatch:
    """What one optimiser step sees, on the device."""

    voice: Tensor
    """(n, voice_dim) float32."""
    face: Tensor
    """(n, face_dim) float32."""
    labels: Tensor | None
    """(n,) int64 of the identity, 0 to n_people - 1; None when no identity occurs twice, unless always wanted."""
    mask: Tensor | None
    """(n, n) bool, where two rows may be negatives; None when only the diagonal may not."""
    weights: Tensor | None
    """(n,) float32; None when all rows count alike."""
    rows: Tensor
    """(n,) int64, rows of the training pairs."""
    covariates: Mapping[str, Tensor]
    """(n,) int64 each, -1 where unknown."""


class PairBatches:
    """Deals the pairs of one training set in batches.

    Args:
        pairs: the training pairs.
        batch_size: most rows a batch, 2 or more; larger than the set gives one batch an epoch.
        seed: of the shuffling.
        balanced: weigh the rows so that every identity counts once.
        one_per_person: an epoch is one pair of each identity, drawn anew each time, so that no batch has two.
        labelled: give `labels` always.
        device: where the vectors are held.
    """

    def __init__(
        self,
        pairs: Pairs,
        *,
        batch_size: int,
        seed: int,
        balanced: bool = False,
        one_per_person: bool = False,
        labelled: bool = False,
        device: str = "cpu",
    ) -> None:
        """Move the vectors to the device."""
        self.pairs = pairs
        self.batch_size = batch_size
        self.seed = seed
        self.balanced = balanced
        self.one_per_person = one_per_person
        self.labelled = labelled
        self.device = device
        self._people = np.unique(pairs.identity, return_inverse=True)[1]  # 0 to n_people - 1, also in a selection
        self._n_rows = int(self._people.max()) + 1 if one_per_person else len(pairs)
        self._voice = torch.from_numpy(pairs.voice).to(device)
        self._face = torch.from_numpy(pairs.face).to(device)
        self._identity = torch.from_numpy(self._people.astype(np.int64)).to(device)
        self._covariates = {name: torch.from_numpy(values).to(device) for name, values in pairs.covariates.items()}
        self._video = torch.from_numpy(pairs.video).to(device)
        weights = torch.from_numpy(pairs.balancing_weights().astype(np.float32))
        self._weights = weights.to(device) if balanced else None

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return math.ceil(self._n_rows / self.batch_size)

    def epoch(self, epoch: int) -> list[PairBatch]:
        """Return the batches of an epoch; the same ones whenever asked for."""
        dealt = batch_rows(self._n_rows, batch_size=self.batch_size, seed=self.seed, epoch=epoch)
        if self.one_per_person:
            drawn = one_row_each(self._people, seed=self.seed, epoch=epoch)
            dealt = [drawn[people] for people in dealt]
        return [self._batch(chosen) for chosen in dealt]

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Return all training vectors, (n, voice_dim) and (n, face_dim) float32, on the device."""
        return self._voice, self._face

    def _batch(self, rows: np.ndarray) -> PairBatch:
        # Decided on the CPU before anything is moved: a batch without repeats, the usual one, needs no (n, n) mask.
        repeats = len(np.unique(self.pairs.identity[rows])) < len(rows)
        same_video = len(np.unique(self.pairs.video[rows])) < len(rows)
        at = torch.from_numpy(rows).to(self.device)
        identity, video = self._identity[at], self._video[at]
        return PairBatch(
            voice=self._voice[at],
            face=self._face[at],
            labels=identity if repeats or self.labelled else None,
            mask=negatives_mask(identity, video) if repeats or same_video else None,
            weights=None if self._weights is None else self._weights[at],
            rows=at,
            covariates={name: values[at] for name, values in self._covariates.items()},
        )


def one_row_each(people: np.ndarray, *, seed: int, epoch: int) -> np.ndarray:
    """Return one random row of each person.

    Args:
        people: (n,) integers from 0, whose each row is.
        seed: of the draw, 0 or more.
        epoch: number of the epoch; each has its own draw.

    Returns:
        (n_people,) int64, a row of each person in their order.
    """
    order = np.random.default_rng([seed, epoch, 1]).permutation(len(people))
    return np.asarray(order[np.unique(people[order], return_index=True)[1]], dtype=np.int64)


def batch_rows(n_rows: int, *, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Return the shuffled rows of an epoch, cut into the fewest batches of nearly equal size.

    Nearly equal, since InfoNCE is harder the more candidates a batch has: 775 rows by 400 are 388 and 387.

    Args:
        n_rows: how many rows there are.
        batch_size: most rows a batch, 1 or more.
        seed: of the shuffling, 0 or more.
        epoch: number of the epoch; each has its own order.

    Returns:
        ceil(n_rows / batch_size) arrays of int64, every row in one of them.
    """
    order = np.random.default_rng([seed, epoch]).permutation(n_rows)
    return np.array_split(order, max(math.ceil(n_rows / batch_size), 1))


def _known_codes(values: Sequence[str | None]) -> np.ndarray:
    """Return (n,) int64 from 0 in the order of the sorted values, -1 for None and for empty texts."""
    names = {name: code for code, name in enumerate(sorted({value for value in values if value}))}
    return np.array([names[value] if value else -1 for value in values], dtype=np.int64)
