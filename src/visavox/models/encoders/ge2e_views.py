"""GE2E on several views of one voice, played faster, denoised, backwards; and the voice's mean spectrum beside them.

The network is that of the encoder `ge2e` and nothing is trained here. Each view is the voice changed in a way that
leaves the speaker recognisable but moves the errors of the network: noise, a tilted spectrum, a lost pitch range, words
that are none. The vectors of the views, each of unit length, stand one behind the other, and after them figures of the
spectrum of the loud parts, which the network was taught to overlook. Told apart by a back-end that is fitted on the
enrolled (`visavox.identification`), they name more people rightly than the one vector of `ge2e`; they cost as many
passes as there are views.

Example (needs the offline weights):
    >>> encoder = GE2EViewsEncoder(views=("plain", "backwards"), spectrum_gain=0.0)
    >>> encoder.encode([np.sin(np.arange(32_000, dtype=np.float32) / 9)]).shape
    (1, 512)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, istft, resample_poly, sosfilt, stft

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.models.encoders.ge2e import HIDDEN, GE2EEncoder
from visavox.models.log_mel import checked_voice, log_mel, repeated
from visavox.models.mel import SAMPLE_RATE
from visavox.registry import ENCODERS

Voice = npt.NDArray[np.float32]

LOW_CUT_HZ = 300.0
"""`bright_band` holds nothing below: neither hum nor the fundamental of a voice."""
EMPHASIS = 0.9
"""`emphasised` subtracts this part of the sample before."""
NOISE_QUANTILE, NOISE_GAIN, NOISE_SHARE, FLOOR = 0.15, 1.5, 1.5, 0.05
"""The power of the noise in a band is this quantile over time, times the gain; so many times of it are taken away; no
band is turned down further than to the floor, an amplitude ratio."""
FFT, HOP = 512, 128  # samples, 32 ms and 8 ms
N_MELS = 40
LOUD_QUANTILE = 0.65
"""The figures of the spectrum are of frames at least as loud as this quantile of the voice's."""
RMS = 0.05
"""Loudness to which a voice is brought before its spectrum is taken."""
SPREADS = (7.67, 2.74, 0.933)
"""Square root of the total variance of each kind of figure over 242 voices of AVSpeech, a quarter of those at hand."""
LEAST_SAMPLES = 800  # 50 ms; a shorter voice is repeated for its spectrum


def faster(voice: Voice, up: int, down: int) -> Voice:
    """Return a voice played down / up times as fast, its pitch raised with it.

    Args:
        voice: (samples,) float32.
        up: length of the result, in parts.
        down: length of the voice, in the same parts.

    Returns:
        (ceil(samples * up / down),) float32.
    """
    return np.ascontiguousarray(resample_poly(voice, up, down), dtype=np.float32)


def denoised(voice: Voice) -> Voice:
    """Return a voice with a steady noise turned down: a gain for each band and frame, from the quietest frames.

    Args:
        voice: (samples,) float32, of any length.

    Returns:
        (samples,) float32.

    Source: Berouti, Schwartz and Makhoul, "Enhancement of speech corrupted by acoustic noise" (1979): subtraction of
        more than the noise, with a floor; the noise from a quantile after Stahl, Fischer and Bippus, "Quantile based
        noise estimation for spectral subtraction and Wiener filtering" (2000). The gain is that of powers.
    """
    padded = np.pad(voice, (0, max(0, FFT - len(voice))))
    spectrum = stft(padded, SAMPLE_RATE, nperseg=FFT, noverlap=FFT - HOP)[2]  # (bands, frames)
    power = np.abs(spectrum) ** 2
    noise = NOISE_GAIN * np.quantile(power, NOISE_QUANTILE, axis=1, keepdims=True)
    gain = np.maximum(1 - NOISE_SHARE * noise / np.maximum(power, 1e-12), FLOOR)
    clean = istft(spectrum * gain, SAMPLE_RATE, nperseg=FFT, noverlap=FFT - HOP)[1]
    return np.ascontiguousarray(clean[: len(voice)], dtype=np.float32)


def backwards(voice: Voice) -> Voice:
    """Return a voice from its end to its beginning."""
    return np.ascontiguousarray(voice[::-1])


def emphasised(voice: Voice) -> Voice:
    """Return a voice with its high frequencies raised; the first sample stays."""
    return np.append(voice[:1], voice[1:] - np.float32(EMPHASIS) * voice[:-1])


def bright_band(voice: Voice) -> Voice:
    """Return what lies above 300 Hz."""
    filters = butter(4, LOW_CUT_HZ, "high", fs=SAMPLE_RATE, output="sos")
    return np.ascontiguousarray(sosfilt(filters, voice), dtype=np.float32)


VIEWS: dict[str, Callable[[Voice], Voice]] = {
    "plain": lambda voice: voice,
    "faster": lambda voice: faster(voice, 10, 11),
    "fastest": lambda voice: faster(voice, 5, 6),
    "denoised": denoised,
    "denoised_faster": lambda voice: faster(denoised(voice), 10, 11),
    "backwards": backwards,
    "backwards_faster": lambda voice: faster(backwards(voice), 10, 11),
    "emphasised": emphasised,
    "emphasised_faster": lambda voice: faster(emphasised(voice), 10, 11),
    "bright_band": bright_band,
}
"""Name -> what is done to the voice before the network hears it; "faster" is by a tenth, "fastest" by a fifth."""


def spectrum_figures(voice: Voice) -> Voice:
    """Return what the loud frames of a voice look like: mean spectrum, its deviation, the deviation of its change.

    Args:
        voice: (samples,) float32, one sample or more.

    Returns:
        (120,) float32: of each of 40 mel bands the mean log power less that of all bands, then the deviations, then
        those of the change from frame to frame; each kind scaled so that its total variance over speakers is about
        1 / 3. All zeros for silence.
    """
    long = repeated(voice, LEAST_SAMPLES)
    rms = float(np.sqrt(np.mean(np.square(long, dtype=np.float64))))
    scale = np.float32(RMS / rms if rms > 0 else 1.0)
    frames = log_mel(long * scale, n_mels=N_MELS, preemphasis=0.97)  # (frames, 40)
    loudness = frames.mean(axis=1)
    loud = loudness >= np.quantile(loudness, LOUD_QUANTILE)
    changes = np.gradient(frames, axis=0)[loud]
    means = frames[loud].mean(axis=0)
    kinds = (means - means.mean(), frames[loud].std(axis=0), changes.std(axis=0))
    scaled = [kind / (spread * np.sqrt(len(SPREADS))) for kind, spread in zip(kinds, SPREADS, strict=True)]
    return np.concatenate(scaled).astype(np.float32)


@ENCODERS.register("ge2e_views")
class GE2EViewsEncoder(Encoder):
    """Frozen GE2E voice encoder that hears each voice in several ways.

    Args:
        views: names of `VIEWS`, each once; their vectors stand one behind the other.
        spectrum_gain: deviation of the figures of the spectrum over speakers beside that of one view, times the square
            root of the number of views; 0 leaves them out.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "ge2e_views"
    modality = "voice"
    provenance: Provenance = GE2EEncoder.provenance
    batch_size = 16

    def __init__(
        self, *, views: Sequence[str] = tuple(VIEWS), spectrum_gain: float = 0.35, device: str = "cpu"
    ) -> None:
        """Store the arguments.

        Raises:
            ConfigError: there is no view, one appears twice, or the gain is below 0.
            UnknownNameError: a view of no known name.
        """
        names = (views,) if isinstance(views, str) else tuple(views)
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"`views` of the encoder 'ge2e_views' must be different names. Got {list(names)}.")
        for name in names:
            if name not in VIEWS:
                raise UnknownNameError("view of a voice", str(name), VIEWS)
        if not 0 <= spectrum_gain < np.inf:
            raise ConfigError(f"`spectrum_gain` of the encoder 'ge2e_views' must be 0 or more. Got {spectrum_gain}.")
        self.views = names
        self.spectrum_gain = spectrum_gain
        self.device = device
        self.dim = HIDDEN * len(names) + (len(SPREADS) * N_MELS if spectrum_gain else 0)
        self._ge2e = GE2EEncoder(device=device)

    def encode(self, batch: Sequence[np.ndarray]) -> npt.NDArray[np.float32]:
        """Return one vector for each voice, in order.

        Args:
            batch: voices (samples,) float32 in [-1, 1], 16 kHz mono, of any lengths from one sample.

        Returns:
            (len(batch), 256 for each view and 120 for the spectrum) float32; each view's part is of unit length.

        Raises:
            DataError: a voice is empty, not one-dimensional, or holds NaN or infinity.
            MissingDependencyError: resemblyzer is not installed.
        """
        voices = [_checked(voice, index) for index, voice in enumerate(batch)]
        parts = [self._ge2e.encode([VIEWS[name](voice) for voice in voices]) for name in self.views]
        if self.spectrum_gain:
            gain = np.float32(self.spectrum_gain * np.sqrt(len(self.views)))
            figures = [gain * spectrum_figures(voice) for voice in voices]
            parts.append(np.array(figures, dtype=np.float32).reshape(len(voices), len(SPREADS) * N_MELS))
        return np.concatenate(parts, axis=1)


def _checked(voice: np.ndarray, index: int) -> Voice:
    try:
        return checked_voice(voice)
    except DataError as error:
        raise DataError(f"Voice {index}: {error}") from error
