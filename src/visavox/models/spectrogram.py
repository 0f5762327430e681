r"""Short-time spectra of voices in the forms that published networks take: compressed, in parts, or log-mel.

    frame t:   S(t, f) = sum over n of hann(n) voice(stride t + n) exp(-2 pi i f n / n_fft),   n = 0 ... window - 1

without padding at either end, so that 6 s in windows of 400 and strides of 160 give 598 frames, and a Fourier
transform of 512 gives 257 frequencies. Not the front end of GE2E (`visavox.models.mel`) or of the encoders that we
train ourselves (`visavox.models.voice_bands`).

Example:
    >>> voice = np.zeros(96_000, dtype=np.float32)
    >>> spectrogram(voice, SpectrogramSettings()).shape
    (598, 257, 2)

Source: Oh et al., Speech2Face: Learning the Face Behind a Voice (CVPR 2019), section 3: windows of 25 ms, strides of
    10 ms, 512 points, power law sgn(S)|S|^0.3 on real and imaginary part. Its public reimplementations keep |S|^0.3 and
    the angle instead.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from visavox.errors import ConfigError, DataError
from visavox.models.mel import SAMPLE_RATE, mel_filters

Form = Literal["real_imaginary", "magnitude_phase", "magnitude", "log_mel"]

FORMS: tuple[Form, ...] = ("real_imaginary", "magnitude_phase", "magnitude", "log_mel")
LEAST_POWER = 1e-6
"""Added to the power in a mel band before its logarithm: about the power of 16-bit rounding noise."""
MAX_N_FFT = SAMPLE_RATE
BLOCK_FRAMES = 4096  # frames transformed at a time, so that an hour needs little more memory than its result

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpectrogramSettings:
    """What decides a spectrogram.

    Raises:
        ConfigError: a number out of its range, or another form.
    """

    form: Form = "real_imaginary"
    """real_imaginary: sgn(x)|x|^power of either part; magnitude_phase: |S|^power and the angle in radians; magnitude:
    |S|^power; log_mel: natural logarithm of the power in mel bands."""
    window: int = 400
    """Samples of a frame, 2 or more; 25 ms at 16 kHz."""
    stride: int = 160
    """Samples from one frame to the next, 1 or more."""
    n_fft: int = 512
    """Length of the Fourier transform in samples, from `window` to 16000; zeros fill the frame up."""
    power: float = 0.3
    """Exponent of the compression, above 0; 1 compresses nothing; log_mel has none."""
    bands: int = 64
    """Bands of log_mel, from 1 to n_fft // 2."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges."""
        if self.form not in FORMS:
            raise ConfigError(f"`form` must be one of {', '.join(FORMS)}. Got {self.form!r}.")
        for name, least in {"window": 2, "stride": 1, "n_fft": self.window, "bands": 1}.items():
            if getattr(self, name) < least:
                words = f"`window` ({least})" if name == "n_fft" else str(least)
                raise ConfigError(f"`{name}` must be at least {words}. Got {getattr(self, name)}.")
        if self.n_fft > MAX_N_FFT:
            raise ConfigError(f"`n_fft` must be at most {MAX_N_FFT}, a second. Got {self.n_fft}.")
        if not 0 < self.power < np.inf:
            raise ConfigError(f"`power` must be above 0. Got {self.power}.")
        if self.form == "log_mel" and self.bands > self.n_fft // 2:
            raise ConfigError(f"`bands` must be at most half of `n_fft`, {self.n_fft // 2}. Got {self.bands}.")

    def shape(self, n_samples: int) -> tuple[int, ...]:
        """Return the shape of the spectrogram of a voice of so many samples."""
        n_frames = max(0, 1 + (n_samples - self.window) // self.stride)
        n_bins = self.bands if self.form == "log_mel" else self.n_fft // 2 + 1
        return (n_frames, n_bins, 2) if self.form in ("real_imaginary", "magnitude_phase") else (n_frames, n_bins)


def spectrogram(voice: npt.NDArray[np.float32], settings: SpectrogramSettings) -> Array:
    """Return the spectrogram of a voice.

    Args:
        voice: (samples,) float, 16 kHz, finite.
        settings: form, window, stride, length of the transform, compression.

    Returns:
        (n_frames, n_fft // 2 + 1, 2) float32 for the two forms of two parts, (n_frames, n_fft // 2 + 1) for
        magnitude, (n_frames, bands) for log_mel. Frame t begins at sample stride * t. A voice shorter than a window
        has no frame.

    Raises:
        DataError: the voice is not one-dimensional.
    """
    if voice.ndim != 1:
        raise DataError(f"A voice must be an array of shape (samples,). Got shape {voice.shape}.")
    out = np.empty(settings.shape(len(voice)), dtype=np.float32)
    if len(out) == 0:
        return out
    frames = sliding_window_view(voice, settings.window)[:: settings.stride]  # (n_frames, window)
    hann = _hann(settings.window)
    for begin in range(0, len(out), BLOCK_FRAMES):
        some = frames[begin : begin + BLOCK_FRAMES] * hann
        spectrum = np.fft.rfft(some, n=settings.n_fft)  # (frames, bins) complex
        out[begin : begin + BLOCK_FRAMES] = _in_form(spectrum, settings)
    return out


def _in_form(spectrum: npt.NDArray[np.complexfloating], settings: SpectrogramSettings) -> npt.NDArray[np.floating]:
    """Spectrum (frames, bins) complex to the wanted form."""
    if settings.form == "log_mel":
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands = power @ _mel(settings.bands, settings.n_fft)  # (frames, bins) @ (bins, bands)
        return np.asarray(np.log(bands + LEAST_POWER))
    if settings.form == "real_imaginary":
        parts = np.stack([spectrum.real, spectrum.imag], axis=-1)  # (frames, bins, 2)
        return np.asarray(np.sign(parts) * np.abs(parts) ** settings.power)
    compressed = np.abs(spectrum) ** settings.power
    if settings.form == "magnitude":
        return np.asarray(compressed)
    return np.stack([compressed, np.angle(spectrum)], axis=-1)  # (frames, bins, 2)


@functools.cache
def _hann(window: int) -> npt.NDArray[np.float64]:
    """The periodic Hann window (window,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)


@functools.cache
def _mel(bands: int, n_fft: int) -> npt.NDArray[np.float64]:
    """The mel filters, (bins, bands)."""
    return mel_filters(bands, n_fft=n_fft, sample_rate=SAMPLE_RATE).T.copy()
