"""Noise added to a voice at a given signal-to-noise ratio: white, or the babble of other people.

The ratio is that of the mean powers over the whole recording, pauses included, which for speech with pauses is a
little lower than the ratio while somebody speaks.

Example:
    >>> voice = np.sin(np.arange(16_000) / 5).astype(np.float32) / 10
    >>> noisy = add_white_noise(voice, snr_db=10.0, rng=np.random.default_rng(0))
    >>> f"{10 * np.log10(power(voice) / power(noisy - voice)):.3f} dB"
    '10.000 dB'
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visavox.media.degrading.base import CannotDegradeError, in_range, power

N_TALKERS = 6
"""Voices of a babble: more sound like a murmur, fewer like a quarrel."""

Voice = npt.NDArray[np.float32]
SILENT, ALONE = "the recording is silent", "no other voices for babble"


def add_white_noise(voice: Voice, *, snr_db: float, rng: np.random.Generator) -> Voice:
    """Return a voice with Gaussian noise of a flat spectrum, 0 to 8 kHz.

    Args:
        voice: (samples,) float32, 16 kHz.
        snr_db: mean power of the voice over that of the noise, in dB.
        rng: draws the noise.

    Returns:
        (samples,) float32 in [-1, 1]; where the sum passes full scale all of it is turned down.

    Raises:
        CannotDegradeError: the voice is silent.
    """
    return mix(voice, rng.standard_normal(len(voice)), snr_db=snr_db)


def add_babble(voice: Voice, *, snr_db: float, rng: np.random.Generator, others: Sequence[Voice]) -> Voice:
    """Return a voice amid other people who talk at once, equally loud.

    Args:
        voice: (samples,) float32, 16 kHz.
        snr_db: mean power of the voice over that of the babble, in dB.
        rng: chooses the talkers and where each begins.
        others: voices of other people; up to six of them talk. One that is shorter than the voice is repeated.

    Returns:
        (samples,) float32 in [-1, 1].

    Raises:
        CannotDegradeError: the voice is silent, or there are not two other voices that are not.
    """
    usable = [other for other in others if power(other) > 0]
    if len(usable) < 2:
        raise CannotDegradeError(ALONE)
    babble = np.zeros(len(voice))
    for chosen in rng.choice(len(usable), size=min(N_TALKERS, len(usable)), replace=False):
        other = usable[int(chosen)].astype(np.float64)
        start = int(rng.integers(len(other)))
        babble += np.resize(np.roll(other, -start), len(voice)) / np.sqrt(power(other))
    return mix(voice, babble, snr_db=snr_db)


def mix(voice: Voice, noise: npt.NDArray[np.float64], *, snr_db: float) -> Voice:
    """Return voice and noise at a ratio of mean powers; what is not in [-1, 1] is turned down together.

    Args:
        voice: (samples,) float32.
        noise: (samples,) of any loudness.
        snr_db: mean power of the voice over that of the noise, in dB.

    Raises:
        CannotDegradeError: the voice or the noise is silent.
    """
    loudness, noisiness = power(voice), power(noise)
    if loudness == 0 or noisiness == 0:
        raise CannotDegradeError(SILENT)
    gain = np.sqrt(loudness / noisiness / 10 ** (snr_db / 10))
    return in_range(voice + gain * noise)
