"""The spectrum of a voice in 64 bands, 100 times a second, for networks that we train ourselves.

Two resolutions side by side: 40 mel bands of 25 ms frames, which follow formants, consonants and the beat of the
speech; and 24 narrow bands from 65 to 400 Hz of 64 ms frames, in which the harmonics of a low voice stand apart, so
that pitch and its trembling can be read. Every number is a logarithm of power, in bels, against the mean power of the
whole voice: loudness is taken away, the tilt of the spectrum stays. Not the front end of GE2E, which is
`visavox.models.mel`.

Example:
    >>> tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
    >>> bands = voice_bands(tone)
    >>> bands.shape, round(float(PITCH_BANDS_HZ[bands[50, N_MELS:].argmax()]))
    ((101, 64), 196)
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from visavox.models.mel import HOP, N_MELS, SAMPLE_RATE, mel_filters

N_PITCH_BANDS = 24
"""Narrow bands, behind the mel bands."""
N_BANDS = N_MELS + N_PITCH_BANDS
"""Numbers a frame."""
PITCH_BANDS_HZ: npt.NDArray[np.float64] = np.geomspace(65.0, 400.0, N_PITCH_BANDS)
"""Centres of the narrow bands, in Hz, 8 % apart: pitches of men, women and children."""
FLOOR_BELS = -7.0
"""Least number: 70 dB below the mean power of the voice."""
_MEL_SAMPLES = 400  # 25 ms
_PITCH_SAMPLES = 1024  # 64 ms: harmonics 62 Hz apart are told apart
_TINY = 1e-12  # keeps silence from dividing by zero


def voice_bands(voice: np.ndarray) -> npt.NDArray[np.float16]:
    """Return the bands of a voice.

    Args:
        voice: (samples,) float32, 16 kHz, one sample or more, finite.

    Returns:
        (1 + samples // 160, 64) float16, bels, -7 or more and about 1.5 at most. Frame t is centred on sample 160 t;
        zeros stand before and behind the voice. Silence is -7 throughout.
    """
    samples = torch.from_numpy(np.ascontiguousarray(voice, dtype=np.float32))
    mel_window, mel_weights, waves = _tables()
    spectrum = torch.fft.rfft(_frames(samples, _MEL_SAMPLES) * mel_window)  # (frames, 201) complex
    mel = (spectrum.real.square() + spectrum.imag.square()) @ mel_weights  # (frames, 40)
    pitch = (_frames(samples, _PITCH_SAMPLES) @ waves).square()  # (frames, 48)
    pitch = pitch[:, :N_PITCH_BANDS] + pitch[:, N_PITCH_BANDS:]  # (frames, 24)
    # Each kind against its own mean over the voice, all bands together: one number each, which loudness alone moves.
    bands = torch.cat([part / (part.sum(dim=1).mean() + _TINY) for part in (mel, pitch)], dim=1)
    found: npt.NDArray[np.float16] = torch.log10(bands.clamp_min(10.0**FLOOR_BELS)).numpy().astype(np.float16)
    return found


def _frames(voice: Tensor, n_samples: int) -> Tensor:
    """Return (frames, n_samples): one frame around every 160th sample, zeros before and behind the voice."""
    n_frames = 1 + len(voice) // HOP
    half = n_samples // 2
    padded = functional.pad(voice, (half, (n_frames - 1) * HOP + n_samples - half - len(voice)))
    return padded.unfold(0, n_samples, HOP)


@functools.cache
def _tables() -> tuple[Tensor, Tensor, Tensor]:
    """Return the window of the mel frames (400,), the mel filters (201, 40), and the pitch bands' waves (1024, 48).

    A column of waves is a windowed cosine of one band, 24 further a windowed sine: a Fourier transform at just the
    frequencies that are wanted, in half the time of a full one.
    """
    filters = mel_filters(N_MELS, n_fft=_MEL_SAMPLES).T
    phase = 2 * np.pi * np.arange(_PITCH_SAMPLES)[:, None] * PITCH_BANDS_HZ / SAMPLE_RATE  # (1024, 24)
    waves = _hann(_PITCH_SAMPLES)[:, None] * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    mel_window, mel_weights, columns = (
        torch.from_numpy(np.ascontiguousarray(array)).float() for array in (_hann(_MEL_SAMPLES), filters, waves)
    )
    return mel_window, mel_weights, columns


def _hann(n: int) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n))
