"""Clips of known people in memory, and batches of them as networks that name people take them.

It holds arrays and numbers of people; it reads no file and knows no network. A voice leaves as its waveform, since what
is shifted in time must be shifted before it becomes a picture. What it grows by: a voice of 3.5 s is 112 kB, a face of
256 pixels 197 kB; either array may be a map of a file.

Example:
    >>> clips = IdentificationClips(labels=np.array([0, 1, 1]), voices=np.ones((3, 8), dtype=np.int16))
    >>> batches = IdentificationBatches(clips, batch_size=2, shift_samples=2, seed=0)
    >>> [batch.voice.shape for batch in batches.epoch(1)], [len(batch.label) for batch in in_order(clips, 2)]
    ([torch.Size([2, 8]), torch.Size([1, 8])], [2, 1])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.batches.augment import FaceAugmentation, augment_faces
from visavox.batches.identification_augment import draw_shifts, fixed_shifts, shifted_voices
from visavox.errors import ConfigError, DataError

COPIES, ORDER = 1, 2  # streams of random numbers


@dataclass(frozen=True, eq=False)
class IdentificationClips:
    """Clips that have been read, of people with numbers.

    Raises:
        DataError: no clip, no modality, or arrays of different lengths.
    """

    labels: NDArray[np.intp]
    """(n,) number of the person of each clip; -1 for a stranger."""
    voices: NDArray[np.int16] | None = None
    """(n, samples) 16-bit samples; None where no network takes voices."""
    faces: NDArray[np.uint8] | None = None
    """(n, height, width, 3) RGB; None where no network takes faces."""

    def __post_init__(self) -> None:
        """Check what every reader relies on."""
        lengths = [len(array) for array in (self.voices, self.faces) if array is not None]
        if not lengths or {*lengths, len(self.labels)} != {len(self.labels)} or not len(self.labels):
            raise DataError(
                f"Clips must have a voice or a face each, one clip or more. Got {len(self.labels)} labels and "
                f"{lengths or 'no'} voices or faces."
            )

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class IdentificationBatch:
    """What a network and its loss are given."""

    label: Tensor
    """(n,) int64."""
    voice: Tensor | None
    """(n, samples) float32 in [-1, 1], or None."""
    face: Tensor | None
    """(n, 3, height, width) float32 in [0, 1], channels last in memory; or None."""


class IdentificationBatches:
    """Deals the training clips of an epoch: in a new order, shifted and changed anew; a function of seed and epoch.

    Args:
        clips: to train on.
        batch_size: clips a batch; the last batch of an epoch may be smaller.
        shift_samples: most that a voice is turned round in time, to either side; 0 leaves it.
        n_shifted_copies: 0 draws a shift for every clip anew in each epoch; above 0 an epoch holds every clip as it is
            and so many copies of it, whose shifts are drawn once.
        faces: how faces are changed; None leaves them.
        seed: of everything that is drawn; draws are made on the CPU.
        device: where batches are put, and faces changed.

    Raises:
        ConfigError: copies without a shift.
    """

    def __init__(
        self,
        clips: IdentificationClips,
        *,
        batch_size: int,
        shift_samples: int = 0,
        n_shifted_copies: int = 0,
        faces: FaceAugmentation | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        if n_shifted_copies and not shift_samples:
            raise ConfigError(
                f"`n_shifted_copies` must be 0 where `shift_samples` is 0. Got {n_shifted_copies}. The copies would be "
                "equal; give shift_samples: 2000."
            )
        self.clips = clips
        self.batch_size = batch_size
        self.shift_samples = shift_samples
        self.n_shifted_copies = n_shifted_copies
        self.faces = faces
        self.seed = seed
        self.device = torch.device(device)
        self._fixed = fixed_shifts(len(clips), n_shifted_copies, shift_samples, _generator(seed, 0, COPIES))

    @property
    def n_clips(self) -> int:
        """Clips an epoch, copies included."""
        return int(self._fixed.numel())

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return -(-self.n_clips // self.batch_size)

    def epoch(self, epoch: int) -> Iterator[IdentificationBatch]:
        """Yield the batches of an epoch, from 1 on."""
        generator = _generator(self.seed, epoch, ORDER)
        for chosen in self._order(generator):
            rows = chosen // self._fixed.shape[1]
            if self.n_shifted_copies:
                shifts = self._fixed.flatten()[chosen]
            else:
                shifts = draw_shifts(len(rows), self.shift_samples, generator)
            yield self._changed(rows.numpy(), shifts, generator)

    def order(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield places among all clips and copies, (n,) int64 in 0 to n_clips - 1, and labels, of an epoch's batches.

        For what is kept of `unchanged` batches; the order is that of `epoch` where nothing is drawn but the order.
        """
        labels = torch.from_numpy(self.clips.labels.astype(np.int64))
        for chosen in self._order(_generator(self.seed, epoch, ORDER)):
            yield chosen, labels[chosen // self._fixed.shape[1]].to(self.device)

    def unchanged(self, batch_size: int) -> Iterator[IdentificationBatch]:
        """Yield all clips and their copies in order, each clip's copies one after the other, faces as they are."""
        shifts = self._fixed.flatten()
        for chosen in torch.split(torch.arange(self.n_clips), batch_size):
            yield _batch(self.clips, (chosen // self._fixed.shape[1]).numpy(), shifts[chosen], self.device)

    def _order(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        order = torch.randperm(self.n_clips, generator=generator)
        return tuple(torch.split(order, self.batch_size))

    def _changed(self, rows: NDArray[np.intp], shifts: Tensor, generator: torch.Generator) -> IdentificationBatch:
        batch = _batch(self.clips, rows, shifts, self.device)
        if batch.face is None or self.faces is None:
            return batch
        return IdentificationBatch(
            batch.label, batch.voice, augment_faces(batch.face, self.faces, generator).clamp(0, 1)
        )


def in_order(
    clips: IdentificationClips, batch_size: int, device: torch.device | str = "cpu"
) -> Iterator[IdentificationBatch]:
    """Yield all clips as they are, in their order, in batches of at most `batch_size`, on a device."""
    for start in range(0, len(clips), batch_size):
        rows = np.arange(start, min(start + batch_size, len(clips)))
        yield _batch(clips, rows, torch.zeros(len(rows), dtype=torch.long), torch.device(device))


def _batch(
    clips: IdentificationClips, rows: NDArray[np.intp], shifts: Tensor, device: torch.device
) -> IdentificationBatch:
    voice = face = None
    if clips.voices is not None:
        voice = shifted_voices(clips.voices[rows], shifts).to(device)
    if clips.faces is not None:
        face = torch.from_numpy(clips.faces[rows]).to(device).permute(0, 3, 1, 2).float().div_(255)
    return IdentificationBatch(torch.from_numpy(clips.labels[rows].astype(np.int64)).to(device), voice, face)


def _generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    drawn = int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1)[0])
    return torch.Generator().manual_seed(drawn)
