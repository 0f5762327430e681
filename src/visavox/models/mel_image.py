"""Mel images: 3.5 s of a voice as a picture of 128 bands and 110 frames, which networks for pictures can take.

The front end of the published experiment: power mel spectrogram, 2048 points, hop 512, Slaney's bands, decibels below
the loudest cell of the clip, nothing more than 80 dB below it. Here the loudest cell is 1 and everything 80 dB or more
below it is 0. The original kept the magnitude of the (negative) decibels, so that loud was 0; the two are 1 minus each
other, which the bias of a first layer undoes, so the way round does not matter to a network that is trained on it. What
does matter is the constant: the original divided by the largest value of all clips, test clips included; 80 dB is a
constant, so that an image is a function of its own clip alone.

Not a front end of encoders that are compared by distance: see `visavox.models.mel` and `visavox.models.log_mel`.

Example:
    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(VOICE_SAMPLES) / 16_000)[None]
    >>> images = mel_images(tone)
    >>> images.shape, images.max().item(), int(images[0, 0, :, 55].argmax())     # the band around 1 kHz
    (torch.Size([1, 1, 128, 110]), 1.0, 42)
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import DataError
from visavox.models.mel import mel_filters

VOICE_SAMPLES = 56_000
"""Samples of a voice, 3.5 s at 16 kHz."""
N_FFT = 2048
"""Samples of one frame, 128 ms; also the length of its Fourier transform."""
HOP = 512
"""Samples from one frame to the next, 32 ms."""
N_MELS = 128
"""Bands, from 0 to 8 kHz."""
N_FRAMES = 1 + VOICE_SAMPLES // HOP
"""Frames of a voice, 110; frame t is centred on sample 512 t."""
TOP_DB = 80.0
"""Decibels from the brightest value of an image, 1, down to the darkest, 0."""
LEAST_POWER = 1e-10
"""Power below which nothing is told apart; a voice that never reaches it is silent."""


def mel_images(voices: Tensor) -> Tensor:
    """Return voices as pictures.

    Args:
        voices: (n, 56000) float32 in [-1, 1], 16 kHz, on any device; the scale of a voice does not change its image.

    Returns:
        (n, 1, 128, 110) float32 in [0, 1], bands from low to high: 1 + (dB below the loudest cell) / 80, at least 0.

    Raises:
        DataError: the voices have another length, or hold nan or infinity.

    Ties and edges:
        Digital silence, and whatever stays below a power of 1e-10 in every band, is 0 everywhere. The two ends of a
        voice are mirrored, as librosa did up to 0.9; zeros, as it does since, would dim the first and the last two
        frames.

    Source: librosa's `melspectrogram` (sr 16000, n_fft 2048, hop 512, 128 Slaney mels, centred, periodic Hann) and
        `power_to_db(ref=max, top_db=80)`, which the published notebooks call; Slaney, 1998, Auditory Toolbox.
    """
    if voices.ndim != 2 or voices.shape[1] != VOICE_SAMPLES:
        raise DataError(
            f"Voices of mel images must have shape (n, {VOICE_SAMPLES}), 3.5 s at 16 kHz. Got {tuple(voices.shape)}. "
            "Cut or repeat them to that length."
        )
    window, filters = _tables(voices.device)
    padded = functional.pad(voices.float()[:, None], (N_FFT // 2, N_FFT // 2), mode="reflect")[:, 0]
    spectrum = torch.fft.rfft(padded.unfold(1, N_FFT, HOP) * window)  # (n, 110, 1025) complex
    power = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
    mel = power @ filters  # (n, 110, 1025) @ (1025, 128)
    peak = mel.amax(dim=(1, 2), keepdim=True)  # (n, 1, 1)
    if not bool(torch.isfinite(peak).all()):
        raise DataError("Voices of mel images must be finite. Got nan or infinite samples. Read the voice anew.")
    decibels = 10 * (mel.clamp_min(LEAST_POWER).log10() - peak.clamp_min(LEAST_POWER).log10())
    images = (1 + decibels / TOP_DB).clamp_min(0)
    return torch.where(peak > LEAST_POWER, images, 0.0).transpose(1, 2).contiguous()[:, None]


@functools.cache
def _tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """The Hann window (2048,) and the filters (1025, 128), float32."""
    filters = torch.from_numpy(mel_filters(N_MELS, n_fft=N_FFT).T.copy()).float()
    return torch.hann_window(N_FFT).to(device), filters.to(device)
