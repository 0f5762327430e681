"""Pictures in memory as a training takes them: rows of an epoch, labels where there are any, and light changes.

Example:
    pictures = training_pictures(media, corpus_copies=3)
    drawn = changed(pictures.batch(rows, device), flip=0.5, colour=0.08, generator=generator)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.pipeline.drawing.pictures import DrawingMedia


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures, and which of them an epoch shows how often."""

    pictures: NDArray[np.uint8]
    """(n, px, px, 3) RGB: the labelled ones first, then those of the corpus."""
    rows: NDArray[np.int64]
    """(n_rows,) index of the picture of each row of an epoch."""
    age: NDArray[np.float32]
    """(n_labelled,) years, of the first pictures."""
    male: NDArray[np.bool_]
    """(n_labelled,)."""
    race: NDArray[np.int64]
    """(n_labelled,) index into `visavox.corpus.labelled_faces.RACES`."""

    @property
    def n_labelled(self) -> int:
        """How many of the pictures have labels."""
        return len(self.age)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Return (n, 3, px, px) float32 in 0..1, channels last in memory, of rows (n,) int64 of an epoch."""
        return as_tensor(self.pictures[self.rows[rows.numpy()]], device)


def training_pictures(media: DrawingMedia, *, corpus_copies: int) -> PictureSet:
    """Return what is learned from: labelled faces that are not held out, and those of the corpus's training clips."""
    labelled, paired = media.labelled, media.paired["train"]
    kept = ~labelled.held_out
    n_labelled = int(kept.sum())
    of_corpus = n_labelled + np.arange(len(paired))
    return PictureSet(
        np.concatenate([labelled.pictures[kept], paired.pictures]),
        np.concatenate([np.arange(n_labelled), np.tile(of_corpus, corpus_copies)]).astype(np.int64),
        labelled.age[kept],
        labelled.male[kept],
        labelled.race[kept],
    )


def as_tensor(pictures: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Return (n, 3, px, px) float32 in 0..1, channels last in memory, of (n, px, px, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 255


def changed(pictures: Tensor, *, flip: float, colour: float, generator: torch.Generator) -> Tensor:
    """Return pictures of which some are mirrored, and whose light and colours are changed a little.

    Args:
        pictures: (n, 3, px, px) float32 in 0..1; left alone.
        flip: share that is mirrored left to right, 0 to 1.
        colour: c: contrast about the picture's mean, brightness, and each colour are multiplied with evenly drawn
            numbers from 1 - c to 1 + c; 0 to 1.
        generator: on the pictures' device; draws the same whatever the shares are.

    Returns:
        (n, 3, px, px) float32 in 0..1, channels last in memory.
    """
    n, device = len(pictures), pictures.device
    turned = torch.rand(n, 1, 1, 1, generator=generator, device=device) < flip
    drawn = torch.rand(n, 5, 1, 1, generator=generator, device=device)
    pictures = torch.where(turned, pictures.flip(3), pictures)
    if colour:
        factor = 1 + colour * (2 * drawn - 1)
        mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
        pictures = ((pictures - mean) * factor[:, :1] + mean) * factor[:, 1:2] * factor[:, 2:]
        pictures = pictures.clamp(0, 1)
    return pictures.contiguous(memory_format=torch.channels_last)
