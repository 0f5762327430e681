"""VGG-M on voices, trainable or with published weights: voxceleb_trainer's form, or that of VoxCeleb and PINs.

    mel40        voice -> 40 log-mel bands (Hann) -> VGGVox with attention -> 1024     (voxceleb_trainer)
    spectrum512  voice -> 512 magnitudes a frame -> VGG-M, mean over time -> 1024      (VoxCeleb 2017, SVHF-Net, PINs)

Without trained weights its vectors say nothing.

Example:
    >>> encoder = VGGMEncoder(seed=1)
    >>> encoder.encode([np.sin(np.arange(16_000, dtype=np.float32) / 9)]).shape
    (1, 1024)

Source: Nagrani et al., "VoxCeleb" (Interspeech 2017), section 4 and table 4; Nagrani et al., "Learnable PINs" (ECCV
    2018), section 5, whose voice stream it is; https://github.com/clovaai/voxceleb_trainer, models/VGGVox.py.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from torch import nn

from visavox.errors import ConfigError
from visavox.models.encoders.published import PublishedVoiceEncoder, check_length, of_length
from visavox.models.log_mel import checked_voice, full_spectrum, log_mel
from visavox.models.thin_resnet import FRONT_END_CONSTANTS
from visavox.models.vgg_m_net import DIM, LEAST_FRAMES, SPEAKER_CLASSIFIER, VGGMMel, VGGMSpectrum
from visavox.registry import ENCODERS

Form = Literal["mel40", "spectrum512"]
LEAST_S = (LEAST_FRAMES + 2) / 100  # the spectrum has no frames at the ends


@ENCODERS.register("vgg_m")
class VGGMEncoder(PublishedVoiceEncoder):
    """Trainable voice encoder; see `TrainableEncoder` for weights, seed and device.

    Args:
        weights: "" for random ones, or the folder or model that holds trained ones.
        form: "mel40" or "spectrum512".
        length_s: a shorter voice is repeated up to this many seconds and a longer one cut there, 1.02 to 60; 0 takes
            each as it is, repeated up to 1.02 s.
        sample_scale: what samples are multiplied with for "mel40", above 0; "spectrum512" does not depend on it.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
    """

    name = "vgg_m"
    dim = DIM
    options: ClassVar[tuple[str, ...]] = ("form", "length_s", "sample_scale")
    constants = (*FRONT_END_CONSTANTS, *SPEAKER_CLASSIFIER)
    max_frames: ClassVar[int] = 8_000

    def __init__(
        self,
        *,
        weights: str = "",
        form: Form = "mel40",
        length_s: float = 0.0,
        sample_scale: float = 32768.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        """Build the network; see `TrainableEncoder`.

        Raises:
            ConfigError: an option is outside its range.
        """
        if form not in ("mel40", "spectrum512"):
            raise ConfigError(f"`form` of the encoder 'vgg_m' must be 'mel40' or 'spectrum512'. Got {form!r}.")
        check_length(length_s, self.name)
        if 0 < length_s < LEAST_S:
            raise ConfigError(f"`length_s` of the encoder 'vgg_m' must be 0, or 1.02 to 60 seconds. Got {length_s}.")
        if not 0 < sample_scale < float("inf"):
            raise ConfigError(f"`sample_scale` of the encoder 'vgg_m' must be above 0. Got {sample_scale}.")
        self.form: Form = form
        self.length_s = float(length_s)
        self.sample_scale = float(sample_scale)
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        """Return a `VGGMMel` or a `VGGMSpectrum` with random weights."""
        return VGGMMel() if self.form == "mel40" else VGGMSpectrum()

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the bands or magnitudes of a voice, see `visavox.models.log_mel`.

        Args:
            item: (samples,) float32, 16 kHz, one sample or more.

        Returns:
            (n_frames, 40) or (n_frames, 512) float32, 100 frames a second.

        Raises:
            DataError: the voice is empty, not one-dimensional, or holds nan or infinity.
        """
        voice = of_length(checked_voice(item), self.length_s, LEAST_S)
        if self.form == "spectrum512":
            return full_spectrum(voice)
        return log_mel(voice, sample_scale=self.sample_scale, window="hann")
