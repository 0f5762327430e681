"""Random changes of faces and voices that leave the person recognisable, a whole batch at a time.

They act on the tensors that the networks take: pictures in [0, 1], logarithmic spectra. Everything is drawn from a
`torch.Generator` on the CPU first and applied afterwards, so that a seed gives one result whatever the device. Pitch
and formants are what a voice tells about a face; nothing here moves a spectrum along the frequency axis.

Example:
    >>> faces = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> changed = augment_faces(faces, FaceAugmentation(), torch.Generator().manual_seed(1))
    >>> changed.shape, bool((changed == faces).all())
    (torch.Size([2, 3, 8, 8]), False)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError

PROBABILITIES = ("flip", "turn")


class _Checked:
    """Holds every strength of an augmentation to being a number of at least 0."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ConfigError(f"`{item.name}` of an augmentation must be a number of at least 0. Got {value!r}.")
            if item.name in PROBABILITIES and value > 1:
                raise ConfigError(f"`{item.name}` of an augmentation is a probability, at most 1. Got {value!r}.")


@dataclass(frozen=True)
class FaceAugmentation(_Checked):
    """How far faces are changed; 0 leaves them alone. Amounts are drawn evenly within the bounds given."""

    flip: float = 0.5
    """Probability of a mirrored face."""
    shift: float = 0.04
    """Most shift to each side, as a share of the picture."""
    scale: float = 0.06
    """Most change of size, as a share."""
    turn_deg: float = 3.5
    """Most rotation, in degrees."""
    turn: float = 1.0
    """Probability of a rotation at all."""
    brightness: float = 0.1
    """Most that is added to all pixels."""
    colour: float = 0.04
    """Most that is added to each of the three colours."""
    contrast: float = 0.2
    """Most change of the pixels' factor, as a share; a tenth of it again for each colour by itself."""
    noise: float = 0.0125
    """Most standard deviation of the noise on each pixel."""
    cutout: float = 0.1
    """Most half side of a square that is painted over with the face's mean colour, as a share of the picture."""


@dataclass(frozen=True)
class VoiceAugmentation(_Checked):
    """How far voices are changed; 0 leaves them alone. Amounts are in standard deviations of the batch's spectra."""

    gain: float = 0.25
    """Most that is added to the whole spectrum: loudness."""
    tilt: float = 0.3
    """Most that is added at the top, and taken away at the bottom, of the spectrum: the microphone."""
    noise: float = 0.1
    """Standard deviation of the noise on each number."""
    band_mask: float = 0.03
    """Most half width of each of two masks over frequencies, as a share of the bands."""
    time_mask: float = 0.04
    """Most half width of each of two masks over time, as a share of the frames."""


def augment_faces(faces: Tensor, strength: FaceAugmentation, generator: torch.Generator) -> Tensor:
    """Return changed copies of faces.

    Args:
        faces: (n, 3, height, width) float in [0, 1].
        strength: how far.
        generator: on the CPU; n * (18 + 3 * height * width) numbers are drawn, whatever the strength.

    Returns:
        (n, 3, height, width) of the same type, in the same memory format; not clipped, about -0.3 to 1.4.
    """
    n, _, height, width = faces.shape
    drawn = _spread(generator, n, 16).to(faces.device)  # (n, 16) in [-1, 1)
    chosen = torch.rand(n, 2, generator=generator).to(faces.device)
    speckle = torch.randn(faces.shape, generator=generator).to(faces.device)
    flip = torch.where(chosen[:, 0] < strength.flip, -1.0, 1.0)
    scale = 1 + strength.scale * drawn[:, 0]
    turned = drawn[:, 15] < 2 * strength.turn - 1
    turn = torch.where(turned, torch.deg2rad(strength.turn_deg * drawn[:, 1]), 0.0)
    rows = torch.stack(
        [
            torch.stack(
                [scale * flip * torch.cos(turn), -scale * torch.sin(turn), 2 * strength.shift * drawn[:, 2]], 1
            ),
            torch.stack([scale * flip * torch.sin(turn), scale * torch.cos(turn), 2 * strength.shift * drawn[:, 3]], 1),
        ],
        dim=1,
    )  # (n, 2, 3): where each pixel of the new picture comes from, in half widths
    grid = functional.affine_grid(rows, list(faces.shape), align_corners=False)
    moved = functional.grid_sample(faces.float(), grid, padding_mode="border", align_corners=False)
    factor = 1 + strength.contrast * (drawn[:, 4:5] + 0.1 * drawn[:, 5:8])  # (n, 3)
    offset = strength.brightness * drawn[:, 8:9] + strength.colour * drawn[:, 9:12]
    middle = moved.mean(dim=(2, 3))  # (n, 3)
    moved = (moved - middle[..., None, None]) * factor[..., None, None] + (middle + offset)[..., None, None]
    moved = moved + strength.noise * chosen[:, 1, None, None, None] * speckle
    half = strength.cutout * drawn[:, 12].abs()  # (n,) of the picture
    inside_y = _near(height, drawn[:, 13], half)  # (n, height)
    inside_x = _near(width, drawn[:, 14], half)
    hole = (inside_y[:, :, None] & inside_x[:, None, :])[:, None]  # (n, 1, height, width)
    fill = (middle + offset)[..., None, None].expand_as(moved)
    memory = torch.channels_last if faces.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return torch.where(hole, fill, moved).to(faces.dtype).contiguous(memory_format=memory)


def augment_voices(voices: Tensor, strength: VoiceAugmentation, generator: torch.Generator) -> Tensor:
    """Return changed copies of voices.

    Args:
        voices: (n, n_frames, n_bands) float, logarithmic power; all frames count as speech.
        strength: how far.
        generator: on the CPU; n * (11 + n_frames * n_bands) numbers are drawn, whatever the strength.

    Returns:
        (n, n_frames, n_bands) of the same type. Masked parts hold the voice's own mean of each band.
    """
    n, n_frames, n_bands = voices.shape
    drawn = _spread(generator, n, 11).to(voices.device)  # (n, 11) in [-1, 1)
    speckle = torch.randn(voices.shape, generator=generator).to(voices.device)
    unit = voices.detach().float().std()  # one number: a spectrum's own spread would undo its loudness
    slope = torch.linspace(-1, 1, n_bands, device=voices.device)
    colour = strength.gain * drawn[:, 0, None] + strength.tilt * drawn[:, 1, None] * slope  # (n, n_bands)
    changed = voices + unit * colour[:, None]
    mean = changed.mean(dim=1, keepdim=True)  # (n, 1, n_bands)
    changed = changed + unit * strength.noise * speckle
    masked = torch.zeros(voices.shape, dtype=torch.bool, device=voices.device)
    for first in (2, 4):
        masked |= _near(n_bands, drawn[:, first], strength.band_mask * drawn[:, first + 1].abs())[:, None]
    for first in (6, 8):
        masked |= _near(n_frames, drawn[:, first], strength.time_mask * drawn[:, first + 1].abs())[:, :, None]
    return torch.where(masked, mean, changed).to(voices.dtype)


def random_windows(voices: Sequence[np.ndarray], n_frames: int, generator: torch.Generator) -> list[np.ndarray]:
    """Return a window of each voice at a random place, as views.

    Args:
        voices: (n_frames of its own, n_bands) each, any type.
        n_frames: length of a window, 1 or more; a shorter voice is taken whole.
        generator: on the CPU; one number a voice is drawn.

    Returns:
        As many arrays of shape (n_frames, n_bands).
    """
    places = torch.rand(len(voices), generator=generator).tolist()
    starts = [int(place * (max(len(voice) - n_frames, 0) + 1)) for place, voice in zip(places, voices, strict=True)]
    return [voice[start : start + n_frames] for start, voice in zip(starts, voices, strict=True)]


def _spread(generator: torch.Generator, n: int, count: int) -> Tensor:
    return torch.rand(n, count, generator=generator) * 2 - 1


def _near(size: int, middle: Tensor, half: Tensor) -> Tensor:
    """Return (n, size) bool: the cells within `half` (a share) of a place from -1 (first edge) to 1 (last edge)."""
    cells = (torch.arange(size, device=middle.device) + 0.5) / size  # (size,) 0 to 1
    distance = (cells[None] - (middle[:, None] + 1) / 2).abs()
    return distance < half[:, None]
