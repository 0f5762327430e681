"""What a request for a drawing tells, in the form that a denoiser takes; what it was not trained with is refused.

Example:
    told = told_of(DrawingRequest(heard), ("voice", "windows"), voice_dim=256)
    len(told)      # 1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.errors import ConfigError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.mel_statistics import SEGMENT_S, evenly, mel_statistics
from visavox.generation.provenance import OF_VOICE
from visavox.models.diffusion.conditions import CHOICES, MAX_SEGMENTS, MAX_WINDOWS, Told, nothing_told
from visavox.models.diffusion.guides import blurred, low_resolution

GUIDE_SIDE_PX = 64


def told_of(
    request: DrawingRequest, conditions: Sequence[str], *, voice_dim: int, segment_s: float = SEGMENT_S
) -> Told:
    """Return one row of conditions.

    Of the voice all is told that the model was trained with and the request names: "voice" stands for the whole
    embedding and its windows.

    Args:
        request: what was heard and what else is told.
        conditions: kinds that the model was trained with.
        voice_dim: length of a vector of a voice that it was trained with.
        segment_s: length of a segment of mel features.

    Raises:
        ConfigError: a condition that the model was not trained with, a value that it does not know, or a voice vector
            of another length.
    """
    named = {condition.name: condition.value for condition in request.told}
    strange = [name for name in named if name not in conditions and name not in OF_VOICE]
    if strange:
        raise ConfigError(
            f"This model was not trained with the condition {strange[0]!r}. It takes: {', '.join(conditions)}. "
            "Leave it out, or train one with it."
        )
    told = nothing_told(1, voice_dim=voice_dim)
    if OF_VOICE & set(named):
        told = _heard(told, request.heard, conditions, voice_dim=voice_dim, segment_s=segment_s)
    for name, value in named.items():
        if name not in OF_VOICE:
            told = told.with_values(**{name: _value(name, value), f"{name}_known": torch.tensor([True])})
    return told


def _heard(told: Told, heard: HeardForDrawing, conditions: Sequence[str], *, voice_dim: int, segment_s: float) -> Told:
    if heard.vector.shape != (voice_dim,) or heard.windows.ndim != 2 or heard.windows.shape[1] != voice_dim:
        raise ConfigError(
            f"This model listens to vectors of {voice_dim} numbers. Got {heard.vector.shape} and windows "
            f"{heard.windows.shape}. Use the voice encoder that it was trained with."
        )
    told = told.with_values(voice=_row(heard.vector), voice_known=torch.tensor([True]))
    windows, known = _laid(heard.windows, MAX_WINDOWS)
    told = told.with_values(windows=windows, windows_known=known)
    if "mel" in conditions:
        features, known = _laid(mel_statistics(np.asarray(heard.samples, np.float32), segment_s), MAX_SEGMENTS)
        told = told.with_values(mel=features, mel_known=known)
    return told.only(conditions)


def _value(name: str, value: Any) -> Tensor:
    """Return one value as a batch of one."""
    if name == "age":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 120:
            raise ConfigError(f"`age` must be 0 to 120 years. Got {value!r}.")
        return torch.tensor([float(value)])
    if name in CHOICES:
        wanted = str(value).strip().lower().replace("_", " ")
        if wanted not in CHOICES[name]:
            raise ConfigError(f"`{name}` must be one of {', '.join(CHOICES[name])}. Got {value!r}.")
        return torch.tensor([CHOICES[name].index(wanted)])
    picture = _guide(name, value)
    return low_resolution(picture) if name == "guide" else blurred(picture)


def _guide(name: str, value: Any) -> Tensor:
    """Return a guide as (1, 3, GUIDE_SIDE_PX, GUIDE_SIDE_PX) float32 in 0..1."""
    picture = np.asarray(value)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ConfigError(f"`{name}` must be a picture (px, px, 3) uint8. Got {picture.shape} {picture.dtype}.")
    small = cv2.resize(picture, (GUIDE_SIDE_PX, GUIDE_SIDE_PX), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255


def _row(vector: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.asarray(vector, np.float32))[None]


def _laid(rows: NDArray[Any], most: int) -> tuple[Tensor, Tensor]:
    """Return (1, most, dim) float32 and (1, most) bool of (length, dim); of more rows evenly spread ones."""
    kept = np.asarray(rows, np.float32)[evenly(len(rows), most)]
    values = torch.zeros(1, most, kept.shape[1])
    values[0, : len(kept)] = torch.from_numpy(kept)
    return values, (torch.arange(most) < len(kept))[None]
