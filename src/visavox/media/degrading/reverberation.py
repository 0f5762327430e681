"""A voice in a room: convolved with a made-up impulse response whose echoes die away exponentially.

A real room has early reflections and a decay that depends on frequency; this one has neither. It is the direct sound,
and noise that falls by 60 dB within the reverberation time and holds as much energy as the direct sound.

Example:
    >>> response = impulse_response(0.5, np.random.default_rng(0))
    >>> response.shape, round(float(response[0] ** 2), 3), round(float(np.sum(response[1:] ** 2)), 3)
    ((8000,), 1.0, 1.0)

Source: Polack, "La transmission de l'énergie sonore dans les salles" (1988): noise with an exponential envelope as the
    model of diffuse reverberation; RT60 as Sabine and ISO 3382 define it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from visavox.errors import ConfigError
from visavox.media.audio import SAMPLE_RATE
from visavox.media.degrading.base import CannotDegradeError, in_range, power
from visavox.media.degrading.noise import SILENT

MIN_RT60_S = 0.01

Voice = npt.NDArray[np.float32]


def add_reverberation(voice: Voice, *, rt60_s: float, rng: np.random.Generator) -> Voice:
    """Return a voice in a room.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz.
        rt60_s: seconds in which an echo falls by 60 dB, 0.01 or more.
        rng: draws the room.

    Returns:
        (samples,) float32, as loud as `voice` unless that passed full scale; the echo after its end is cut off.

    Raises:
        CannotDegradeError: the voice is silent.
    """
    if power(voice) == 0:
        raise CannotDegradeError(SILENT)
    wet = fftconvolve(voice.astype(np.float64), impulse_response(rt60_s, rng))[: len(voice)]
    return in_range(wet * np.sqrt(power(voice) / power(wet)))


def impulse_response(rt60_s: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the answer of a room to a click.

    Args:
        rt60_s: reverberation time in seconds, 0.01 or more.
        rng: draws the echoes.

    Returns:
        (rt60_s * 16,000,) float64: the direct sound of energy 1 first, then echoes of energy 1 together.

    Raises:
        ConfigError: `rt60_s` is below 0.01.
    """
    if not rt60_s >= MIN_RT60_S:
        raise ConfigError(f"`rt60_s` must be at least {MIN_RT60_S:g}. Got {rt60_s}.")
    times_s = np.arange(round(rt60_s * SAMPLE_RATE)) / SAMPLE_RATE
    # 60 dB of energy are a factor of 1000 in amplitude.
    tail = rng.standard_normal(len(times_s)) * 10 ** (-3 * times_s / rt60_s)
    tail[0] = 0.0
    tail /= np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    return tail
