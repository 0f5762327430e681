"""A source-filter speech synthesiser: glottal pulses and noise, shaped by formants that move.

Knows nothing of words or people: it turns tracks (pitch, loudness of each source, formants, one value every 5 ms) into
samples. Each source is cut into short frames, each frame is filtered in the frequency domain by the formants of its
moment, and the frames are added up again; everything is a handful of array operations.

Example:
    >>> tracks = steady_tracks(0.5, f0_hz=120.0, formants_hz=(500.0, 1500.0, 2500.0, 3500.0, 4500.0))
    >>> synthesise(tracks, Source(), np.random.default_rng(0)).shape
    (8000,)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HOP = 80
"""Samples from one value of a track to the next: 5 ms."""

_WINDOW = 320  # samples, 20 ms; Hann windows at a quarter of their length add up to 2
_FFT = 800  # samples: the window and 30 ms for the formants to ring out
_BANDWIDTHS_HZ = np.array([70.0, 90.0, 130.0, 190.0, 260.0])
_GLOTTAL_CORNER_HZ = 180.0  # the spectrum of the pulses falls above it
_KERNEL = 16  # samples on each side of a pulse between two samples

Track = NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """What is said, moment by moment; every array has one row per 5 ms."""

    f0_hz: Track
    """(n,) pitch, 50 to 500."""
    voicing: Track
    """(n,) amplitude of the glottal pulses, 0 to 1."""
    aspiration: Track
    """(n,) amplitude of the noise that passes through the formants, 0 to 1."""
    frication: Track
    """(n,) amplitude of the hiss made at the lips and teeth, 0 to 1."""
    frication_hz: Track
    """(n,) centre of the hiss, 500 to 7500."""
    formants_hz: Track
    """(n, 5) resonances of the vocal tract, rising."""


@dataclass(frozen=True)
class Source:
    """How the voice of a speaker is made."""

    tilt_db_per_octave: float = 10.0
    """Fall of the pulses' spectrum; 6 is bright and 14 dull."""
    breath: float = 0.1
    """Amplitude of the noise that goes with voicing, 0 to 1."""
    jitter: float = 0.006
    """Standard deviation of the length of a period, as a share of it."""
    shimmer: float = 0.04
    """Standard deviation of the height of a pulse, as a share of it."""


def steady_tracks(duration_s: float, *, f0_hz: float, formants_hz: tuple[float, ...]) -> Tracks:
    """Return the tracks of one vowel held at one pitch.

    Args:
        duration_s: above 0.
        f0_hz: pitch.
        formants_hz: five resonances, rising.
    """
    n = round(duration_s * SAMPLE_RATE / HOP)
    silent = np.zeros(n)
    return Tracks(
        f0_hz=np.full(n, f0_hz),
        voicing=np.ones(n),
        aspiration=silent,
        frication=silent,
        frication_hz=np.full(n, 3000.0),
        formants_hz=np.tile(np.array(formants_hz), (n, 1)),
    )


def synthesise(tracks: Tracks, source: Source, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the sound of tracks.

    Args:
        tracks: n rows.
        source: the speaker's.
        rng: of the noise and of the irregularity of the pulses.

    Returns:
        (n * HOP,) float32, mono 16 kHz, with a root mean square of 0.1 over its loud half; silence stays zero.
    """
    n_samples = len(tracks.f0_hz) * HOP
    phase = np.cumsum(_to_samples(tracks.f0_hz, n_samples)) / SAMPLE_RATE
    voicing = _to_samples(tracks.voicing, n_samples)
    pulses = glottal_pulses(phase, source, rng) * voicing
    puffs = voicing * source.breath * (1.0 + 0.7 * np.cos(2.0 * np.pi * phase))
    breath = (_to_samples(tracks.aspiration, n_samples) + puffs) * rng.standard_normal(n_samples)
    hiss = _to_samples(tracks.frication, n_samples) * rng.standard_normal(n_samples)

    frequency: Track = np.fft.rfftfreq(_FFT, 1.0 / SAMPLE_RATE).astype(np.float64)
    formants = formant_response(tracks.formants_hz, frequency)  # (n, bins)
    tilt = (1.0 + (frequency / _GLOTTAL_CORNER_HZ) ** 2) ** (-source.tilt_db_per_octave / 12.04)
    radiation = frequency / (frequency + 300.0)
    octaves = np.log2(np.maximum(frequency, 50.0)[None, :] / tracks.frication_hz[:, None])
    hiss_shape = np.exp(-0.5 * (octaves / 0.45) ** 2) + 0.05
    mouth = _spectra(pulses) * (14.0 * tilt * np.sqrt(radiation)) + _spectra(breath) * (0.22 * radiation)
    spectrum = mouth * formants + _spectra(hiss) * (0.28 * hiss_shape)
    voice = _overlap_add(np.fft.irfft(spectrum, _FFT, axis=1), n_samples)
    power = voice**2
    loud = power[power > np.median(power)]
    level = float(np.sqrt(loud.mean())) if len(loud) else 0.0
    scaled: NDArray[np.float32] = (voice * (0.1 / level if level > 0.0 else 1.0)).astype(np.float32)
    return scaled


def glottal_pulses(phase: Track, source: Source, rng: np.random.Generator) -> Track:
    """Return band-limited pulses, one for each whole number that `phase` passes.

    Args:
        phase: (samples,) periods since the start, rising.
        source: its jitter and shimmer are read.
        rng: of the irregularity.

    Returns:
        (samples,) float64; a pulse has the area of one sample of height 1.
    """
    n_pulses = int(phase[-1])
    whole = np.arange(1, n_pulses + 1, dtype=np.float64)
    moved = whole + source.jitter * rng.standard_normal(n_pulses)
    position = np.interp(moved, phase, np.arange(len(phase), dtype=np.float64))  # in samples, with fractions
    height = 1.0 + source.shimmer * rng.standard_normal(n_pulses)
    offset = np.arange(-_KERNEL, _KERNEL + 1)
    nearest = np.rint(position).astype(np.int64)
    distance = nearest[:, None] + offset - position[:, None]  # (pulses, taps)
    kernel = np.sinc(distance) * (0.5 + 0.5 * np.cos(np.pi * distance / (_KERNEL + 1.0))) * height[:, None]
    padded = np.zeros(len(phase) + 2 * _KERNEL + 2)
    np.add.at(padded, nearest[:, None] + offset + _KERNEL, kernel)
    pulses: Track = padded[_KERNEL : _KERNEL + len(phase)]
    return pulses


def formant_response(formants_hz: Track, frequency_hz: Track) -> NDArray[np.complex128]:
    """Return the response of two-pole resonators in cascade, each with gain 1 at 0 Hz.

    Args:
        formants_hz: (n, 5).
        frequency_hz: (bins,) where to evaluate.

    Returns:
        (n, bins) complex128.

    Source:
        Klatt 1980, "Software for a cascade/parallel formant synthesizer", equations 2 and 3; the bandwidths here grow
        with the number of the formant only.
    """
    radius = np.exp(-np.pi * _BANDWIDTHS_HZ / SAMPLE_RATE)
    first = 2.0 * radius * np.cos(2.0 * np.pi * formants_hz / SAMPLE_RATE)  # (n, 5)
    second = -(radius**2)
    delay = np.exp(-2j * np.pi * frequency_hz / SAMPLE_RATE)  # (bins,)
    response = np.ones((len(formants_hz), len(frequency_hz)), dtype=np.complex128)
    for index in range(formants_hz.shape[1]):
        gain = 1.0 - first[:, index] - second[index]
        response *= gain[:, None] / (1.0 - first[:, index, None] * delay - second[index] * delay**2)
    return response


def _to_samples(track: Track, n_samples: int) -> Track:
    return np.interp(np.arange(n_samples), np.arange(len(track)) * HOP, track)


def _spectra(signal: Track) -> NDArray[np.complex128]:
    """Return the spectra (n, bins) of Hann windows centred on each track value."""
    padded = np.pad(signal, (_WINDOW // 2, _WINDOW // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: len(signal) : HOP]
    window = 0.25 * (1.0 - np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW))  # adds up to 1 at this hop
    return np.fft.rfft(frames * window, _FFT, axis=1)


def _overlap_add(frames: Track, n_samples: int) -> Track:
    """Return the sum (n_samples,) of frames (n, _FFT), each HOP after the one before."""
    parts = frames.reshape(len(frames), _FFT // HOP, HOP)
    total = np.zeros((len(frames) + _FFT // HOP, HOP))
    for shift in range(_FFT // HOP):
        total[shift : shift + len(frames)] += parts[:, shift]
    start = _WINDOW // 2
    summed: Track = total.reshape(-1)[start : start + n_samples]
    return summed
