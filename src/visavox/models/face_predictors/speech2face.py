"""Speech2Face's voice encoder: 6 s of speech as a picture to the feature that a face network gave its speaker.

    (2, 598, 257) -> 4x4 convolutions, each ReLU then batch normalisation, no padding, pools of 2 along time alone:
    64, 64, 128 | 128 | 128 | 256 | 512, 512 stride 2, 512 stride 2 -> mean over time -> ReLU, normalisation
    -> 512 x 57 numbers -> 4096, ReLU -> feature of 4096                                      (| marks a pool)

With the statistics of its normalisations, as Keras counts, these are 148,067,584 numbers, 120 million of them in the
first linear layer. `channel_factor` and `hidden_dim` make a small network of the same order, which a processor trains.
It makes no spectrogram: that is `visavox.models.speech_image`.

Example:
    >>> predictor = Speech2FacePredictor(feature_dim=8, channel_factor=0.0625, hidden_dim=16)
    >>> predictor.eval()(torch.zeros(1, 2, 598, 257)).shape
    torch.Size([1, 8])

Source: Oh et al., "Speech2Face: Learning the Face Behind a Voice" (CVPR 2019), table 1. The normalisations have Keras'
    constants (epsilon 0.001, momentum 0.99), as the public code has.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.speech_image import LEAST_FRAMES, N_BINS, N_FRAMES, SpeechForm
from visavox.registry import PREDICTORS

Pooling = Literal["fixed", "global"]

LAYOUT: tuple[tuple[int, int, bool], ...] = (
    (64, 1, False), (64, 1, False), (128, 1, True), (128, 1, True), (128, 1, True), (256, 1, True), (512, 1, False),
    (512, 2, False), (512, 2, False),
)  # fmt: skip
"""Of each convolution: channels, stride, and whether a pool of 2 along time follows."""
N_LAST_FRAMES, N_LAST_BINS = 6, 57
"""What the convolutions leave of 598 x 257."""
EPSILON, MOMENTUM = 1e-3, 0.01  # momentum: share of a new batch, as torch counts


@PREDICTORS.register("speech2face")
class Speech2FacePredictor(FacePredictor):
    """The convolutional voice encoder.

    Args:
        feature_dim: length of a face feature, 1 or more; VGG-Face's is 4096.
        hidden_dim: width of the linear layer before it, 1 or more.
        channel_factor: what the channels of every convolution are multiplied with, above 0 to 1.
        form: "real_imaginary" or "amplitude_phase": which picture of a voice it takes.
        pooling: "fixed" takes exactly 6 s, and a mean over its last 6 frames; "global" takes 259 frames (2.6 s) or
            more, and a mean over all.
        norm_momentum: share of a new batch in the statistics of the normalisations, above 0 to 1; 0.01 needs some
            hundred steps before they have settled, which small trainings have not.
        spread_rank: columns of `spread`, 0 or more.

    Attributes:
        scale: () buffer, what the output is multiplied with: the normalised loss teaches a direction and no length.
    """

    takes: ClassVar[Literal["embedding", "spectrogram"]] = "spectrogram"
    scale: Tensor

    def __init__(
        self,
        *,
        feature_dim: int = 4096,
        hidden_dim: int = 4096,
        channel_factor: float = 1.0,
        form: SpeechForm = "real_imaginary",
        pooling: Pooling = "fixed",
        norm_momentum: float = MOMENTUM,
        spread_rank: int = 0,
    ) -> None:
        """Build the network with torch's random weights.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__(feature_dim=feature_dim, spread_rank=spread_rank)
        if hidden_dim < 1:
            raise ConfigError(f"`hidden_dim` must be at least 1. Got {hidden_dim}.")
        if not 0 < channel_factor <= 1:
            raise ConfigError(f"`channel_factor` must be above 0 and at most 1. Got {channel_factor}.")
        if not 0 < norm_momentum <= 1:
            raise ConfigError(f"`norm_momentum` must be above 0 and at most 1. Got {norm_momentum}.")
        for name, value, known in (("form", form, get_args(SpeechForm)), ("pooling", pooling, get_args(Pooling))):
            if value not in known:
                raise ConfigError(f"`{name}` must be one of {', '.join(known)}. Got {value!r}.")
        self.hidden_dim = hidden_dim
        self.channel_factor = channel_factor
        self.form: SpeechForm = form
        self.pooling: Pooling = pooling
        self.norm_momentum = norm_momentum
        self.convolutions, n_channels = _convolutions(channel_factor, norm_momentum)
        self.last_norm = nn.BatchNorm1d(n_channels, EPSILON, norm_momentum)
        self.hidden = nn.Linear(n_channels * N_LAST_BINS, hidden_dim)
        self.feature = nn.Linear(hidden_dim, feature_dim)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, voice: Tensor) -> Tensor:
        """Return features.

        Args:
            voice: (n, 2, n_frames, 257) float; 598 frames, or 259 or more where the pooling is global.

        Returns:
            (n, feature_dim) float.

        Raises:
            ValueError: another shape.
        """
        n_frames = voice.shape[2] if voice.ndim == 4 else 0
        enough = n_frames == N_FRAMES if self.pooling == "fixed" else n_frames >= LEAST_FRAMES
        if voice.ndim != 4 or voice.shape[1] != 2 or voice.shape[3] != N_BINS or not enough:
            wanted = N_FRAMES if self.pooling == "fixed" else f"{LEAST_FRAMES} or more"
            raise ValueError(f"voice must be (n, 2, {wanted}, {N_BINS}). Got {tuple(voice.shape)}.")
        # Channels last in memory: on a processor that halves the time of a step.
        x = self.convolutions(voice.contiguous(memory_format=torch.channels_last))  # (n, channels, 6 or more, 57)
        x = self.last_norm(torch.relu(x.mean(dim=2)))  # (n, channels, 57)
        x = x.transpose(1, 2).flatten(1)  # frequency by frequency, as Keras flattens
        features: Tensor = self.feature(torch.relu(self.hidden(x)))
        return features * self.scale

    @property
    def n_numbers(self) -> int:
        """Weights and statistics of normalisation, as Keras counts: 148,067,584 at the published size."""
        statistics = [b for name, b in self.named_buffers() if name.rsplit(".", 1)[-1].startswith("running_")]
        return sum(p.numel() for p in self.parameters()) + sum(b.numel() for b in statistics)


def _convolutions(factor: float, momentum: float) -> tuple[nn.Sequential, int]:
    """Return the convolutional part, up to the mean over time, and its number of channels."""
    layers: list[tuple[str, nn.Module]] = []
    n_in = 2
    for number, (n_published, stride, pooled) in enumerate(LAYOUT, start=1):
        n_out = max(1, round(n_published * factor))
        layers.append((f"conv{number}", nn.Conv2d(n_in, n_out, 4, stride=stride)))
        if number < len(LAYOUT):  # the last one's ReLU and normalisation come after the mean over time
            norm = nn.BatchNorm2d(n_out, EPSILON, momentum)
            layers += [(f"relu{number}", nn.ReLU(inplace=True)), (f"norm{number}", norm)]
        if pooled:
            layers.append((f"pool{number}", nn.MaxPool2d((2, 1))))
        n_in = n_out
    return nn.Sequential(OrderedDict(layers)), n_in
