r"""The picture of a voice that Speech2Face's network looks at: 6 s as 598 frames of 257 frequencies in two channels.

    voice --repeat to 6 s, cut--> 96,000 samples --Hann windows of 400, strides of 160, 512 points--> S(t, f)
    real_imaginary    sgn(x)|x|^0.3 of Re S and of Im S          (the paper; the default)
    amplitude_phase   |S|^0.3 and the angle of S in radians      (the public code, which departs from its own report)

A network that takes the mean over all time reads any length: `seconds=0` leaves a voice as long as it is, and repeats
it only where the network's pools would have nothing left. The transform itself is `visavox.models.spectrogram`.

Example:
    >>> speech_image(np.ones(16_000, np.float32)).shape, speech_image(np.ones(64_000, np.float32), seconds=0).shape
    ((2, 598, 257), (2, 398, 257))

Source: Oh et al., "Speech2Face: Learning the Face Behind a Voice" (CVPR 2019), section 3 and supplementary material.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from visavox.errors import ConfigError, DataError
from visavox.models.mel import SAMPLE_RATE
from visavox.models.spectrogram import Form, SpectrogramSettings, spectrogram

SpeechForm = Literal["real_imaginary", "amplitude_phase"]

PUBLISHED_S = 6.0
"""Length that every voice has in the publication, in seconds."""
N_FRAMES, N_BINS = 598, 257
"""Frames of 6 s, and frequencies of a frame from 0 to 8 kHz."""
LEAST_FRAMES = 259
"""Fewest frames of which the network's convolutions and pools leave something: 2.6 s."""
WINDOW, STRIDE = 400, 160  # samples: 25 and 10 ms
MAX_S = 60.0  # a longer picture of 2 x 6,000 x 257 numbers would fill memory in a batch
_FORMS: Mapping[str, Form] = {"real_imaginary": "real_imaginary", "amplitude_phase": "magnitude_phase"}


def looped(voice: npt.NDArray[np.floating], *, seconds: float = PUBLISHED_S) -> npt.NDArray[np.float32]:
    """Return the part of a voice that is looked at.

    Args:
        voice: (samples,) float, 16 kHz, finite, 400 samples (one window, 25 ms) or more.
        seconds: a shorter voice is repeated up to this length and a longer one cut there, from its beginning; 0 leaves
            it as it is, repeated up to 2.6 s and cut after 60 s.

    Returns:
        (samples,) float32.

    Raises:
        ConfigError: `seconds` is neither 0 nor from 0.025 to 60.
        DataError: the voice is not one-dimensional, too short, or holds nan or infinity.
    """
    if seconds and not WINDOW / SAMPLE_RATE <= seconds <= MAX_S:
        raise ConfigError(f"`seconds` of a picture of speech must be 0, or 0.025 to 60. Got {seconds}.")
    if voice.ndim != 1:
        raise DataError(f"A voice must be an array of shape (samples,). Got shape {voice.shape}.")
    if len(voice) < WINDOW:
        raise DataError(
            f"A voice must have {WINDOW} samples (25 ms) or more for a picture of speech. Got {len(voice)}. "
            "Give a longer recording."
        )
    if not bool(np.isfinite(voice).all()):
        raise DataError("A voice must be finite. Got nan or infinity. Read or record it again.")
    if seconds:
        n_wanted = round(seconds * SAMPLE_RATE)
    else:
        n_wanted = min(max(len(voice), WINDOW + (LEAST_FRAMES - 1) * STRIDE), round(MAX_S * SAMPLE_RATE))
    return np.asarray(np.resize(voice, n_wanted), dtype=np.float32)  # repeats from the beginning, the last in part


def speech_image(
    voice: npt.NDArray[np.floating], *, form: SpeechForm = "real_imaginary", seconds: float = PUBLISHED_S
) -> npt.NDArray[np.float32]:
    """Return the two channels of a voice's compressed spectrum.

    Args:
        voice: (samples,) float, 16 kHz, finite, 400 samples or more.
        form: "real_imaginary" or "amplitude_phase".
        seconds: length that is looked at, see `looped`.

    Returns:
        (2, n_frames, 257) float32; 598 frames for 6 s.

    Raises:
        ConfigError: `form` or `seconds` is out of its range.
        DataError: the voice is too short, not finite or not one-dimensional.

    Ties and edges: silence is all zeros in either form.
    """
    if form not in get_args(SpeechForm):
        raise ConfigError(f"`form` must be one of {', '.join(get_args(SpeechForm))}. Got {form!r}.")
    settings = SpectrogramSettings(form=_FORMS[form], window=WINDOW, stride=STRIDE)
    parts = spectrogram(looped(voice, seconds=seconds), settings)  # (n_frames, 257, 2)
    return np.ascontiguousarray(parts.transpose(2, 0, 1))
