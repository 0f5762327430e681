"""The voice backbone of Seeking the Shape of Sound and of voxceleb_trainer, trainable or with their weights.

    voice -> repeated to 10 s and cut there -> times 32768 -> 40 log-mel bands, 100 a second -> thin ResNet-34 -> 512

The bands are prepared once and kept; the norm over time is the network's, so that a cut of the bands is normalised
over the cut, as when the network was trained.

Without trained weights its vectors say nothing.

Example:
    >>> encoder = ThinResNet34Encoder(seed=1, length_s=1.0)
    >>> encoder.encode([np.sin(np.arange(32_000, dtype=np.float32) / 9)]).shape
    (1, 512)

Source: Wen et al., "Seeking the Shape of Sound: An Adaptive Framework for Learning Voice-Face Association" (CVPR 2021),
    and its code, dataloaders/base_dataset.py; Chung et al., "In Defence of Metric Learning for Speaker Recognition"
    (Interspeech 2020). The audio there is what 16-bit files hold, not divided by 32768, hence `sample_scale`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import nn

from visavox.errors import ConfigError
from visavox.models.attentive_pooling import Pooling
from visavox.models.encoders.published import LEAST_S, PublishedVoiceEncoder, check_length, of_length
from visavox.models.log_mel import checked_voice, log_mel
from visavox.models.thin_resnet import FRONT_END_CONSTANTS, ThinResNet34
from visavox.registry import ENCODERS

DIM = 512


@ENCODERS.register("thin_resnet34")
class ThinResNet34Encoder(PublishedVoiceEncoder):
    """Trainable voice encoder; see `TrainableEncoder` for weights, seed and device.

    Args:
        weights: "" for random ones, or the folder or model that holds trained ones.
        pooling: "sap" as published, or "asp", which also takes the deviation.
        length_s: a shorter voice is repeated up to this many seconds and a longer one cut there, 0.1 to 60; 0 takes
            each as it is.
        sample_scale: what samples are multiplied with, above 0: 32768 as in Seeking the Shape of Sound, 1 where the
            network was trained on samples in [-1, 1].
        preemphasis: 0, or 0.97 as in the later networks of voxceleb_trainer; below 1.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
    """

    name = "thin_resnet34"
    dim = DIM
    options: ClassVar[tuple[str, ...]] = ("length_s", "pooling", "preemphasis", "sample_scale")
    constants = FRONT_END_CONSTANTS

    def __init__(
        self,
        *,
        weights: str = "",
        pooling: Pooling = "sap",
        length_s: float = 10.0,
        sample_scale: float = 32768.0,
        preemphasis: float = 0.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        """Build the network; see `TrainableEncoder`.

        Raises:
            ConfigError: an option is outside its range.
        """
        if pooling not in ("sap", "asp"):
            raise ConfigError(f"`pooling` of the encoder 'thin_resnet34' must be 'sap' or 'asp'. Got {pooling!r}.")
        check_length(length_s, self.name)
        if not 0 < sample_scale < float("inf"):
            raise ConfigError(f"`sample_scale` of the encoder 'thin_resnet34' must be above 0. Got {sample_scale}.")
        if not 0 <= preemphasis < 1:
            raise ConfigError(f"`preemphasis` of the encoder 'thin_resnet34' must be 0 to below 1. Got {preemphasis}.")
        self.pooling: Pooling = pooling
        self.length_s = float(length_s)
        self.sample_scale = float(sample_scale)
        self.preemphasis = float(preemphasis)
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        """Return a `ThinResNet34` with random weights."""
        return ThinResNet34(DIM, pooling=self.pooling)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the log-mel bands of a voice, see `visavox.models.log_mel.log_mel`.

        Args:
            item: (samples,) float32, 16 kHz, one sample or more.

        Returns:
            (1 + samples // 160, 40) float32; 1,001 frames of a voice of 10 s.

        Raises:
            DataError: the voice is empty, not one-dimensional, or holds nan or infinity.
        """
        voice = of_length(checked_voice(item), self.length_s, LEAST_S)
        return log_mel(voice, sample_scale=self.sample_scale, preemphasis=self.preemphasis)
