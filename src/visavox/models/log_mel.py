"""Mel spectra as published speaker networks take them: voxceleb_trainer's, SpeechBrain's, and VGGVox's full spectrum.

All three stand on HTK's mel scale or on no scale at all, keep 100 frames a second, and differ in everything else:

    log_mel              512 points, frames centred and mirrored at the ends, triangles from centre to centre, ln
    fbank_db             400 points, zeros at the ends, triangles as wide as the gap below them, dB, mean taken away
    full_spectrum        512 points, no ends, all 512 magnitudes (the upper half mirrors the lower), no logarithm

Not the front end of GE2E (`visavox.models.mel`, Slaney's scale) or of the encoders that we lay out ourselves.

Example:
    >>> voice = np.sin(np.arange(16_000, dtype=np.float32) / 9)
    >>> log_mel(voice).shape, fbank_db(voice, n_mels=24).shape, full_spectrum(voice).shape
    ((101, 40), (101, 24), (98, 512))

Source: https://github.com/clovaai/voxceleb_trainer (models/ResNetSE34L.py, utils.py), which calls torchaudio's
    MelSpectrogram with its defaults; https://github.com/speechbrain/speechbrain (lobes/features.py, Fbank);
    https://github.com/a-nagrani/VGGVox, after its public port to PyTorch. VGGVox adds noise of a millionth of the
    deviation to a voice; we do not, so that a voice has one spectrum.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter
from torch import Tensor

from visavox.errors import DataError
from visavox.models.mel import HOP, SAMPLE_RATE

Array = npt.NDArray[np.float32]
Window = Literal["hamming", "hann"]
Triangles = Literal["corners", "symmetric"]

WINDOW = 400
"""Samples of a frame, 25 ms at 16 kHz."""
LEAST_MEL = 1e-6
"""Added to the power in a band before the logarithm of `log_mel`."""
TOP_DB = 80.0
"""`fbank_db` holds nothing quieter than this many dB below the loudest band of the voice."""
SPECTRUM_BINS = 512
"""Magnitudes a frame of `full_spectrum`."""


def checked_voice(voice: np.ndarray) -> Array:
    """Return a voice as float32 after holding it to its rule.

    Args:
        voice: (samples,) float, 16 kHz, one sample or more.

    Raises:
        DataError: the voice is empty, not one-dimensional, or holds nan or infinity.
    """
    if voice.ndim != 1 or len(voice) == 0:
        raise DataError(f"A voice must have shape (samples,), one sample or more. Got {voice.shape}.")
    if not np.isfinite(voice).all():
        n_bad = int(np.sum(~np.isfinite(voice)))
        raise DataError(f"A voice must be finite. Got {n_bad} nan or infinite samples. Read it anew.")
    return np.ascontiguousarray(voice, dtype=np.float32)


def repeated(voice: Array, n_samples: int) -> Array:
    """Return a voice of at least `n_samples`: itself, or itself over and over, cut to `n_samples`.

    Example:
        >>> repeated(np.array([1, 2, 3], dtype=np.float32), 7).tolist()
        [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]
    """
    return voice if len(voice) >= n_samples else np.resize(voice, n_samples)


def hz_to_htk(hz: float) -> float:
    """Return mels on HTK's scale for Hz, 0 or more.

    Example:
        >>> hz_to_htk(0.0), round(hz_to_htk(1000.0))
        (0.0, 1000)
    """
    return float(2595 * np.log10(1 + hz / 700))


@functools.cache
def htk_filters(n_mels: int, n_fft: int, triangles: Triangles = "corners") -> npt.NDArray[np.float64]:
    r"""Return the weight of each frequency in each band, from 0 Hz to 8 kHz.

        corners       /|\      from the centre of the band below to the centre of the band above (torchaudio)
                     / |  \
        symmetric     /|\      from the centre of the band below to as far above the centre (SpeechBrain)
                     / | \

    Args:
        n_mels: bands, evenly spaced in mels.
        n_fft: length of the Fourier transform in samples.
        triangles: how far a band reaches upwards.

    Returns:
        (n_mels, n_fft // 2 + 1) float64 in [0, 1]; every triangle would peak at 1.
    """
    mels = np.linspace(0, hz_to_htk(SAMPLE_RATE / 2), n_mels + 2)
    corners_hz = 700 * (10 ** (mels / 2595) - 1)
    low, centre, high = (corners_hz[i : i + n_mels, None] for i in range(3))  # (n_mels, 1) each
    bins_hz = np.linspace(0, SAMPLE_RATE / 2, n_fft // 2 + 1)
    rising = (bins_hz - low) / (centre - low)  # (n_mels, bins)
    falling = (high - bins_hz) / (high - centre) if triangles == "corners" else 2 - rising
    return np.maximum(0, np.minimum(rising, falling))


def log_mel(
    voice: Array, *, sample_scale: float = 1.0, preemphasis: float = 0.0, window: Window = "hamming", n_mels: int = 40
) -> Array:
    """Return the log-mel spectrum of voxceleb_trainer's networks.

    Args:
        voice: (samples,) float32 in [-1, 1], 257 samples or more: what is mirrored at the ends.
        sample_scale: what samples are multiplied with; 32768 where a network was trained on 16-bit integers.
        preemphasis: 0 leaves the voice; 0.97 subtracts that part of the sample before.
        window: over a frame; periodic.
        n_mels: bands.

    Returns:
        (1 + samples // 160, n_mels) float32: ln of the power in the band, plus 1e-6.
    """
    samples = torch.from_numpy(voice) * sample_scale
    if preemphasis:
        # The first sample is taken against the second: voxceleb_trainer mirrors the beginning.
        samples = samples - preemphasis * torch.cat([samples[1:2], samples[:-1]])
    power = _power(samples, 512, window, "reflect")  # (frames, 257)
    mel = power @ torch.from_numpy(htk_filters(n_mels, 512)).float().T
    return np.asarray((mel + LEAST_MEL).log().numpy())


def fbank_db(voice: Array, *, n_mels: int) -> Array:
    """Return SpeechBrain's filter bank of a voice, less its mean over time (its sentence norm without deviation).

    Args:
        voice: (samples,) float32 in [-1, 1], one sample or more.
        n_mels: bands: 80 for its ECAPA-TDNN, 24 for its x-vector.

    Returns:
        (1 + samples // 160, n_mels) float32, dB; the mean of every band is 0.
    """
    power = _power(torch.from_numpy(voice), 400, "hamming", "constant")  # (frames, 201)
    mel = power @ torch.from_numpy(htk_filters(n_mels, 400, "symmetric")).float().T
    decibels = 10 * torch.log10(mel.clamp_min(1e-10))
    decibels = torch.maximum(decibels, decibels.max() - TOP_DB)
    return np.asarray((decibels - decibels.mean(dim=0)).numpy())


def full_spectrum(voice: Array) -> Array:
    """Return VGGVox's spectrum of a voice: 512 magnitudes a frame.

    Args:
        voice: (samples,) float32 of any scale, 400 samples or more.

    Returns:
        (1 + (samples - 400) // 160, 512) float32, 0 or more; column k and column 512 - k are equal.
    """
    without_offset = lfilter([1.0, -1.0], [1.0, -0.99], voice.astype(np.float64))
    emphasised = lfilter([1.0, -0.97], [1.0], without_offset)
    frames = sliding_window_view(emphasised, WINDOW)[::HOP] * np.hamming(WINDOW)
    half = np.abs(np.fft.rfft(frames, n=SPECTRUM_BINS)).astype(np.float32)  # (frames, 257)
    return np.concatenate([half, half[:, -2:0:-1]], axis=1)


def _power(samples: Tensor, n_fft: int, window: Window, pad_mode: str) -> Tensor:
    """(samples,) -> (frames, n_fft // 2 + 1), frame t centred on sample 160 t."""
    make = torch.hamming_window if window == "hamming" else torch.hann_window
    spectrum = torch.stft(
        samples, n_fft, HOP, WINDOW, make(WINDOW), center=True, pad_mode=pad_mode, return_complex=True
    )  # (bins, frames) complex
    return (spectrum.real.square() + spectrum.imag.square()).T
