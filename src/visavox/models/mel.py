"""Mel spectrograms of voices: the power in 40 bands of pitch, 100 times a second.

The front end that the GE2E encoder was trained on: power and not its logarithm, Slaney's mel scale, bands of equal
area. Not a general feature library: one fixed setting, tested against frozen figures of librosa's.

Example:
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    >>> frames = mel_frames(torch.from_numpy(tone), n_frames=100)
    >>> frames.shape, int(frames[50].argmax())     # the band around 1 kHz
    (torch.Size([100, 40]), 13)

Source: M. Slaney, Auditory Toolbox (1998), `MakeERBFilters` and `mfcc`; the setting is that of Resemblyzer 0.1.4
(https://github.com/resemble-ai/Resemblyzer), which calls librosa's `melspectrogram` with its defaults.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

SAMPLE_RATE = 16_000
"""Rate of the voices, in Hz."""
N_FFT = 400
"""Samples of one frame, 25 ms; also the length of its Fourier transform, so that bins lie 40 Hz apart."""
HOP = 160
"""Samples from one frame to the next, 10 ms."""
N_MELS = 40
"""Bands, from 0 to 8 kHz."""

# Slaney's scale: linear below 1 kHz (15 mels), then logarithmic, 27 mels to a factor of 6.4.
_HZ_A_MEL = 200 / 3
_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
_LOG_A_MEL = np.log(6.4) / 27

Array = npt.NDArray[np.float64]


def hz_to_mel(hz: Array) -> Array:
    """Return mels on Slaney's scale, for an array of any shape (...,) of Hz, 0 or more.

    Example:
        >>> hz_to_mel(np.array([0.0, 200.0, 1000.0, 6400.0])).tolist()
        [0.0, 3.0, 15.0, 42.0]
    """
    logarithmic = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_A_MEL
    return np.where(hz < _KNEE_HZ, hz / _HZ_A_MEL, logarithmic)


def mel_to_hz(mel: Array) -> Array:
    """Return Hz for an array of any shape (...,) of Slaney's mels: the inverse of `hz_to_mel`."""
    exponential = _KNEE_HZ * np.exp(_LOG_A_MEL * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _HZ_A_MEL, exponential)


def mel_filters(n_mels: int = N_MELS, *, n_fft: int = N_FFT, sample_rate: int = SAMPLE_RATE) -> Array:
    r"""Return the weight of each frequency in each band.

        weight      /\        each band is a triangle from the centre of the band below to the centre of
                   /  \       the band above; its area over Hz is 1, so that high, wide bands are low
        Hz    ____/    \____

    Args:
        n_mels: bands, evenly spaced in mels from 0 Hz to half the sample rate.
        n_fft: length of the Fourier transform in samples.
        sample_rate: in Hz.

    Returns:
        (n_mels, n_fft // 2 + 1) float64, 0 or more.
    """
    bins_hz = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    corners_hz = mel_to_hz(np.linspace(0, hz_to_mel(np.array(sample_rate / 2)), n_mels + 2))
    low, centre, high = (corners_hz[i : i + n_mels, None] for i in range(3))  # (n_mels, 1) each
    rising = (bins_hz - low) / (centre - low)  # (n_mels, bins)
    falling = (high - bins_hz) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


def mel_frames(voice: Tensor, n_frames: int) -> Tensor:
    """Return the first mel frames of a voice.

    Args:
        voice: (samples,) float32, 16 kHz.
        n_frames: how many, 1 or more; where the voice ends earlier, zeros follow it.

    Returns:
        (n_frames, 40) float32, power, 0 or more. Frame t is centred on sample 160 t; zeros stand before the voice.
    """
    n_samples = (n_frames - 1) * HOP + N_FFT
    half = N_FFT // 2
    wanted = voice[: n_samples - half]
    padded = functional.pad(wanted, (half, n_samples - half - len(wanted)))
    window, filters = _tables()
    spectrum = torch.fft.rfft(padded.unfold(0, N_FFT, HOP) * window)  # (frames, 201) complex
    power = spectrum.real.square() + spectrum.imag.square()
    frames: Tensor = power @ filters  # (frames, 201) @ (201, 40)
    return frames


@functools.cache
def _tables() -> tuple[Tensor, Tensor]:
    """The Hann window (400,) and the filters (201, 40), float32."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    return torch.from_numpy(window).float(), torch.from_numpy(mel_filters().T.copy()).float()
