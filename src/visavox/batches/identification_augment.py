"""Random changes of voices and mel images for networks that name people: shifts in time and masks, and nothing else.

A mel image has a low and a high end and a before and an after: it is never mirrored or turned. Faces are changed by
`visavox.batches.augment`. Everything is drawn from a `torch.Generator` on the CPU, so that a seed gives one result.

Example:
    >>> shifted_voices(np.array([[1, 2, 3, 4]], dtype=np.int16), torch.tensor([1]), scale=1.0)
    tensor([[4., 1., 2., 3.]])
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PCM_SCALE = 1 / 32768  # of 16-bit samples to [-1, 1]


def draw_shifts(n: int, most_samples: int, generator: torch.Generator) -> Tensor:
    """Return (n,) int64 shifts, each of -most_samples to most_samples as likely as any other."""
    return torch.randint(-most_samples, most_samples + 1, (n,), generator=generator)


def fixed_shifts(n: int, n_copies: int, most_samples: int, generator: torch.Generator) -> Tensor:
    """Return the shifts of the published design: every clip as it is, and copies shifted to alternating sides.

    Args:
        n: clips.
        n_copies: shifted copies of each, 0 or more; two re-create the published 8,550 clips of 2,850.
        most_samples: no shift is as large as this, unless it is 0.
        generator: n numbers a copy are drawn.

    Returns:
        (n, 1 + n_copies) int64: 0, then minus and plus a whole number from 0 to most_samples - 1, in turns.
    """
    sizes = (torch.rand(n, n_copies, generator=generator) * most_samples).long()
    sides = torch.tensor([-1, 1]).repeat(n_copies // 2 + 1)[:n_copies]
    return torch.cat([torch.zeros(n, 1, dtype=torch.long), sizes * sides], dim=1)


def shifted_voices(voices: np.ndarray, shifts: Tensor, *, scale: float = PCM_SCALE) -> Tensor:
    """Return voices as floats, each turned round in time: what leaves at one end comes in at the other.

    Args:
        voices: (n, samples) int16.
        shifts: (n,) int64, samples to the right, negative to the left.
        scale: what samples are multiplied with.

    Returns:
        (n, samples) float32.
    """
    turned = np.empty(voices.shape, dtype=np.float32)
    for row, (voice, shift) in enumerate(zip(voices, shifts.tolist(), strict=True)):
        cut = -shift % len(voice)
        turned[row, : len(voice) - cut] = voice[cut:]
        turned[row, len(voice) - cut :] = voice[:cut]
    return torch.from_numpy(turned).mul_(scale)


def mask_spectra(images: Tensor, width: int, generator: torch.Generator) -> Tensor:
    """Return mel images with a stripe of bands and a stripe of frames painted over with the image's mean.

    Args:
        images: (n, 1, bands, frames) float.
        width: most bands, and most frames, of a stripe; 0 or more. The width of each is drawn from 0 to this, then its
            place within the picture.
        generator: on the CPU; 4 n numbers are drawn.

    Returns:
        (n, 1, bands, frames) of the same type.

    Source: Park et al., 2019, SpecAugment, section 2, with one mask of each kind; the published experiment's width
        is 20.
    """
    n, _, n_bands, n_frames = images.shape
    drawn = torch.rand(n, 4, generator=generator)
    bands = _stripe(n_bands, drawn[:, 0], drawn[:, 1], width).to(images.device)  # (n, bands)
    frames = _stripe(n_frames, drawn[:, 2], drawn[:, 3], width).to(images.device)
    masked = bands[:, None, :, None] | frames[:, None, None, :]
    return torch.where(masked, images.mean(dim=(1, 2, 3), keepdim=True), images)


def _stripe(size: int, wide: Tensor, place: Tensor, width: int) -> Tensor:
    """Return (n, size) bool from two draws a row in [0, 1): how wide the stripe is, and where it begins."""
    widths = (wide * (min(width, size) + 1)).long()  # 0 to width
    first = (place * (size - widths + 1)).long()  # 0 to size - width
    cells = torch.arange(size)
    return (cells >= first[:, None]) & (cells < (first + widths)[:, None])
