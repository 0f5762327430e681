"""A source-filter speech synthesiser: glottal pulses and noise, shaped by formants that move.

Knows nothing of words or people: it turns tracks (pitch, loudness of each source, formants, one value every 5 ms) into
samples. The pulses and the breath get their spectra at once; the result is cut into short frames, each is filtered in
the frequency domain by the formants of its moment, and the frames are added up again. Everything is a handful of array
operations.

Example:
    >>> tracks = steady_tracks(0.5, f0_hz=120.0, formants_hz=(500.0, 1500.0, 2500.0))
    >>> synthesise(tracks, Source(), Tract(), np.random.default_rng(0)).shape
    (8000,)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SAMPLE_RATE = 16_000
HOP = 80
"""Samples from one value of a track to the next: 5 ms."""

BANDWIDTHS_HZ = (70.0, 90.0, 130.0, 190.0, 260.0, 350.0)
"""Widths of the formants, from the first to the sixth, of a tract with `damping` 1."""

_STEP = 160  # samples from one frame to the next, 10 ms
_WINDOW = 320  # samples, 20 ms; Hann windows half as long apart add up to 1
_FFT = 960  # samples: the window and 40 ms for the formants to ring out
_GLOTTAL_CORNER_HZ = 180.0  # the spectrum of the pulses falls above it
_LOWEST_HZ = 60.0  # below it the pulses hold only the beat of the syllables
_BREATH_CORNER_HZ = 2500.0  # the spectrum of the breath falls above it
_KERNEL = 16  # samples on each side of a pulse between two samples
_LOUDNESS = 0.1  # of what is returned, over its loud half

Track = NDArray[np.float64]
Samples = NDArray[np.float32]

_FREQUENCY_HZ: Track = (np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT).astype(np.float64)


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
    """(n, 3) resonances of the vocal tract that move with speech, rising."""


@dataclass(frozen=True)
class Source:
    """How the voice of a speaker is made at the glottis."""

    tilt_db_per_octave: float = 10.0
    """Fall of the pulses' spectrum; 6 is bright and 14 dull."""
    breath: float = 0.1
    """Amplitude of the noise that goes with voicing, 0 to 1."""
    jitter: float = 0.006
    """Standard deviation of the place of a pulse, as a share of the period."""
    shimmer: float = 0.04
    """Standard deviation of the height of a pulse, as a share of it."""
    openness_db: float = 0.0
    """How much louder than otherwise the first harmonic is, -12 to 12: a glottis that hardly closes makes it loud."""


@dataclass(frozen=True)
class Tract:
    """What does not move in a speaker's vocal tract."""

    high_formants_hz: tuple[float, float, float] = (3500.0, 4500.0, 5500.0)
    """Fourth, fifth and sixth resonance, rising, below 8000."""
    damping: float = 1.0
    """Factor on the widths of all formants, 0.7 or more: soft walls make wide ones."""


def steady_tracks(duration_s: float, *, f0_hz: float, formants_hz: tuple[float, float, float]) -> Tracks:
    """Return the tracks of one vowel held at one pitch.

    Args:
        duration_s: above 0.
        f0_hz: pitch.
        formants_hz: three resonances, rising.
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


def synthesise(tracks: Tracks, source: Source, tract: Tract, rng: np.random.Generator) -> Samples:
    """Return the sound of tracks.

    Args:
        tracks: n rows.
        source: the speaker's.
        tract: the speaker's.
        rng: of the noise and of the irregularity of the pulses.

    Returns:
        (n * HOP,) float32, mono 16 kHz, with a root mean square of 0.1 over its loud half; silence stays zero.
    """
    n_samples = len(tracks.f0_hz) * HOP
    spectra = fft.rfft(_frames(_at_the_glottis(tracks, source, rng)), _FFT, axis=1)  # (frames, bins) complex64
    row = np.minimum(np.arange(len(spectra)) * (_STEP // HOP), len(tracks.f0_hz) - 1)
    widths = tract.damping * np.array(BANDWIDTHS_HZ)
    moving = formant_response(tracks.formants_hz[row], widths[:3], _FREQUENCY_HZ)
    moving *= formant_response(np.array([tract.high_formants_hz]), widths[3:], _FREQUENCY_HZ)
    spectra *= moving.astype(np.complex64)
    _add_hiss(spectra, tracks, row, rng)
    voice = _overlap_add(fft.irfft(spectra, _FFT, axis=1), n_samples)
    level = loudness(voice)
    return voice * np.float32(_LOUDNESS / level) if level > 0.0 else voice


def loudness(voice: Samples) -> float:
    """Return the root mean square of the loud half of a voice, 0 or more.

    Example:
        >>> loudness(np.array([0.0, 0.0, 0.5, -0.5], dtype=np.float32))
        0.5
    """
    power = np.square(voice)
    loud = power[power > np.median(power)]
    return float(np.sqrt(loud.mean(dtype=np.float64))) if len(loud) else 0.0


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
    place = nearest[:, None] + offset + _KERNEL
    padded = np.bincount(place.ravel(), kernel.ravel(), minlength=len(phase) + 2 * _KERNEL)
    pulses: Track = padded[_KERNEL : _KERNEL + len(phase)].astype(np.float64, copy=False)
    return pulses


def formant_response(formants_hz: Track, widths_hz: Track, frequency_hz: Track) -> NDArray[np.complex128]:
    """Return the response of two-pole resonators in cascade, each with gain 1 at 0 Hz.

    The denominators are multiplied as polynomials of the delay first, so that each frequency costs one division.

    Args:
        formants_hz: (n, k) centres.
        widths_hz: (k,) bandwidths.
        frequency_hz: (bins,) where to evaluate.

    Returns:
        (n, bins) complex128.

    Source:
        Klatt 1980, "Software for a cascade/parallel formant synthesizer", equations 2 and 3; the bandwidths here grow
        with the number of the formant only.
    """
    radius = np.exp(-np.pi * widths_hz / SAMPLE_RATE)
    first = -2.0 * radius * np.cos(2.0 * np.pi * formants_hz / SAMPLE_RATE)  # (n, k)
    second = radius**2
    n, k = formants_hz.shape
    poly = np.zeros((n, 2 * k + 1))  # in powers of the delay
    poly[:, 0] = 1.0
    for index in range(k):
        product = poly.copy()
        product[:, 1:] += first[:, index, None] * poly[:, :-1]
        product[:, 2:] += second[index] * poly[:, :-2]
        poly = product
    delays = np.exp(-2j * np.pi * np.outer(np.arange(2 * k + 1), frequency_hz) / SAMPLE_RATE)  # (2k + 1, bins)
    below = (poly @ delays.view(np.float64)).view(np.complex128)
    response: NDArray[np.complex128] = poly.sum(axis=1, keepdims=True) / below
    return response


def _at_the_glottis(tracks: Tracks, source: Source, rng: np.random.Generator) -> Samples:
    """Return what enters the vocal tract, (samples,): pulses and breath with their spectra."""
    n_samples = len(tracks.f0_hz) * HOP
    phase = np.cumsum(_to_samples(tracks.f0_hz, n_samples)) / SAMPLE_RATE
    voicing = _to_samples(tracks.voicing, n_samples)
    pulses = glottal_pulses(phase, source, rng) * voicing
    puffs = voicing * source.breath * (1.0 + 0.7 * np.cos(2.0 * np.pi * phase))
    breath = (_to_samples(tracks.aspiration, n_samples) + puffs) * rng.standard_normal(n_samples)
    n_fft = fft.next_fast_len(n_samples + _WINDOW, real=True)
    frequency = np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft)
    radiation = frequency / (frequency + 300.0)
    tilt = (1.0 + (frequency / _GLOTTAL_CORNER_HZ) ** 2) ** (-source.tilt_db_per_octave / 12.04)
    tilt *= frequency**2 / (frequency**2 + _LOWEST_HZ**2)
    dull = 1.0 / np.sqrt(1.0 + (frequency / _BREATH_CORNER_HZ) ** 2)
    corner_hz = 1.4 * float(np.median(tracks.f0_hz))  # between the first harmonic and the second
    tilt *= 10.0 ** (source.openness_db / 20.0 / (1.0 + (frequency / corner_hz) ** 6))
    spectrum = fft.rfft(pulses.astype(np.float32), n_fft) * (14.0 * tilt * np.sqrt(radiation)).astype(np.float32)
    spectrum += fft.rfft(breath.astype(np.float32), n_fft) * (0.28 * radiation * dull).astype(np.float32)
    sound: Samples = fft.irfft(spectrum, n_fft)[:n_samples]
    return sound


def _add_hiss(spectra: NDArray[np.complex64], tracks: Tracks, row: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Add the hiss of lips and teeth to the spectra of the frames that hold some; `row` is where each is centred."""
    n_samples = len(tracks.f0_hz) * HOP
    noise = _to_samples(tracks.frication, n_samples) * rng.standard_normal(n_samples)
    frames = _frames(noise.astype(np.float32))
    there = np.flatnonzero(frames.any(axis=1))
    if len(there) == 0:
        return
    # A burst may be shorter than a frame: its centre is that of the hiss around the middle of the frame.
    around = np.ones(2 * (_WINDOW // 2 // HOP) + 1)
    heard = np.convolve(tracks.frication, around, mode="same")[row[there]]
    centre_hz = np.convolve(tracks.frication * tracks.frication_hz, around, mode="same")[row[there]] / heard
    octaves = np.log2(np.maximum(_FREQUENCY_HZ, 50.0) / centre_hz[:, None])
    shape = 0.18 * (np.exp(-0.5 * (octaves / 0.45) ** 2) + 0.05)
    spectra[there] += fft.rfft(frames[there], _FFT, axis=1) * shape.astype(np.float32)


def _to_samples(track: Track, n_samples: int) -> Track:
    return np.interp(np.arange(n_samples), np.arange(len(track)) * HOP, track)


def _frames(signal: Samples) -> Samples:
    """Return Hann windows (frames, _WINDOW) of a signal, centred on every _STEP-th sample, that add up to it."""
    n_frames = -(-len(signal) // _STEP) + 1
    padded = np.zeros(_WINDOW + (n_frames - 1) * _STEP, dtype=np.float32)
    padded[_WINDOW // 2 : _WINDOW // 2 + len(signal)] = signal
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW)
    frames: Samples = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP] * window.astype(np.float32)
    return frames


def _overlap_add(frames: Samples, n_samples: int) -> Samples:
    """Return the sum (n_samples,) of frames (n, _FFT), each _STEP after the one before."""
    parts = frames.reshape(len(frames), _FFT // _STEP, _STEP)
    total = np.zeros((len(frames) + _FFT // _STEP, _STEP), dtype=np.float32)
    for shift in range(_FFT // _STEP):
        total[shift : shift + len(frames)] += parts[:, shift]
    start = _WINDOW // 2
    summed: Samples = total.reshape(-1)[start : start + n_samples]
    return summed
