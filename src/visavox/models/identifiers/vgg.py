"""VGG-16 or VGG-19 behind one modality: a mel image or a face to one logit for each person, 44 million parameters.

    picture -> 13 or 16 convolutions 3x3 with ReLU, 5 poolings -> flat -> 4096 ReLU -> 1072 ReLU -> dropout -> n_people

Published, the convolutions come trained on ImageNet, and only the last of Keras' layers go on learning: 2 of VGG-16
(one convolution and a pooling), 3 of VGG-19. What lies before is frozen, so that its output need be computed but once
a picture (`frozen_features`). Without `weights` everything starts at random and everything learns; to freeze random
convolutions, which is a network of its own kind, say `weights: random`.

Example:
    >>> import torch
    >>> network = VGGIdentifier(n_people=49, modality="voice")
    >>> network(voice=torch.rand(1, 1, 128, 110)).shape, network.n_parameters
    (torch.Size([1, 49]), 44329169)

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2015), table 1, D
    and E. Weights: the hub's timm/vgg16.tv_in1k and timm/vgg19.tv_in1k, which are torchvision's; the published runs
    took those of Keras, of other training.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.models.hub_weights import fill, hub_folder, read_state
from visavox.models.identifiers.base import MEL_BANDS, MEL_FRAMES, Identifier, as_picture, check_modality
from visavox.models.picture_scaling import Numbers, PictureScaling
from visavox.models.small_vit import check_widths
from visavox.registry import IDENTIFIERS

CHANNELS = (64, 128, 256, 512, 512)
BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Depth -> convolutions of each block; a pooling ends a block."""
FACE_PX, LEAST_FACE_PX = 224, 32
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
WEIGHTS_FILE = "model.safetensors"
PREFIX = "features."
RANDOM = "random"


@IDENTIFIERS.register("vgg")
class VGGIdentifier(Identifier):
    """The convolutions of VGG, two wide layers and a last one.

    A trainer that shows the same pictures in every epoch may keep their `frozen_features(voice, face)`, where
    `has_frozen_part`, and give them to `forward_from`, which is the rest of `forward`.

    Args:
        n_people: how many people are known; 2 or more.
        modality: "voice" or "face".
        depth: 16 or 19.
        hidden: widths of the layers between the convolutions and the last layer, one or more.
        dropout: before the last layer, 0 to below 1.
        weights: "" starts at random and lets everything learn; "random" starts so too, and may be frozen; else a model
            of the hub, a folder with model.safetensors, or a file (.safetensors, or what torch.save wrote) with
            torchvision's names `features.N.weight`. Other tensors in it are not read.
        n_trained_layers: how many of the last layers of the convolutional part learn, as Keras counts: a convolution
            with its ReLU is one, a pooling is one; 0 to 18 (VGG-16) or 21 (VGG-19). None: all. Published: 2 and 3.
        face_px: side of the faces that it is given, 32 or more; None for 224. No other value for a voice.

    Attributes:
        is_pretrained: `weights` names published ones; pictures are then scaled by ImageNet's mean and deviation.
        has_frozen_part: some of the convolutional part does not learn.

    Raises:
        ConfigError: an argument is outside its range, or random weights would be frozen.
    """

    def __init__(
        self,
        *,
        n_people: int,
        modality: str,
        depth: int = 16,
        hidden: Sequence[int] = (4096, 1072),
        dropout: float = 0.2,
        weights: str = "",
        n_trained_layers: int | None = None,
        face_px: int | None = None,
    ) -> None:
        """Store the arguments and lay out the layers with random weights; `fill_pretrained` reads the others."""
        super().__init__(n_people=n_people)
        self.modality = check_modality(modality)
        self.modalities = (self.modality,)
        self.depth = depth
        self.hidden = hidden
        self.dropout = dropout
        self.weights = weights
        self.n_trained_layers = n_trained_layers
        self.is_pretrained = weights not in ("", RANDOM)
        self._check(face_px)
        self.face_px = (face_px or FACE_PX) if self.modality == "face" else None
        self.height_px, self.width_px = (self.face_px, self.face_px) if self.face_px else (MEL_BANDS, MEL_FRAMES)
        self.scaling = (
            PictureScaling(3, mean=IMAGENET_MEAN, std=IMAGENET_DEVIATION) if self.is_pretrained else PictureScaling(3)
        )
        layers = convolutional_layers(depth)
        self.convolutions = nn.Sequential(*(module for layer in layers for module in layer))
        n_frozen = 0 if n_trained_layers is None else len(layers) - n_trained_layers
        self._n_frozen_modules = sum(len(layer) for layer in layers[:n_frozen])
        self.has_frozen_part = n_frozen > 0
        self.convolutions[: self._n_frozen_modules].requires_grad_(False)
        flat = CHANNELS[-1] * (self.height_px // 2**5) * (self.width_px // 2**5)
        self.hidden_layers = nn.Sequential(*_dense([flat, *hidden]), nn.Dropout(dropout))
        self.feature_dim = hidden[-1]
        self.last = nn.Linear(self.feature_dim, n_people)
        _draw(self)
        self._is_filled = not self.is_pretrained
        self.register_load_state_dict_post_hook(_filled)  # type: ignore[no-untyped-call]

    def _check(self, face_px: int | None) -> None:
        if self.depth not in BLOCKS:
            raise ConfigError(f"`depth` of the identifier 'vgg' must be 16 or 19. Got {self.depth}.")
        check_widths("hidden", self.hidden)
        if not self.hidden:
            raise ConfigError("`hidden` of the identifier 'vgg' must hold one width or more. Got none.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"`dropout` must be 0 to below 1. Got {self.dropout}.")
        if face_px is not None and (
            self.modality == "voice" or not isinstance(face_px, int) or face_px < LEAST_FACE_PX
        ):
            raise ConfigError(
                f"`face_px` of the identifier 'vgg' must be {LEAST_FACE_PX} or more, and is for faces only. "
                f"Got {face_px!r} for a {self.modality}."
            )
        most = sum(BLOCKS[self.depth]) + len(CHANNELS)
        n = self.n_trained_layers
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= most):
            raise ConfigError(
                f"`n_trained_layers` of VGG-{self.depth} must be 0 to {most}, or null for all. Got {n!r}."
            )
        if n is not None and n < most and not self.weights:
            raise ConfigError(
                f"`n_trained_layers` {n} would freeze random weights. Leave it out, give `weights` such as "
                f"timm/vgg{self.depth}.tv_in1k, or say `weights: random` to mean it."
            )

    def adapt(self, mean: Numbers, std: Numbers) -> None:
        """Take mean and standard deviation of the training pictures in [0, 1], one number or one a channel.

        Nothing happens to a pretrained network, whose convolutions know ImageNet's.

        Raises:
            DataError: a number is missing, not finite, or a deviation is not above 0.
        """
        if not self.is_pretrained:
            self.scaling.adapt(mean, std)

    def fill_pretrained(self) -> None:
        """Read `weights` and put them in place; where they are random nothing happens.

        The first forward pass does it where nobody did. After a load_state_dict it is not done again, so that a saved
        network needs no hub.

        Raises:
            DataError: the weights cannot be had, or are not those of this depth.
        """
        if self.is_pretrained:
            path = self._weights_path()
            state = _read_features(path) if path.suffix == ".safetensors" else read_state(path)
            fill(self.convolutions, state, owner="vgg", where=str(path), prefix=PREFIX)
        self._is_filled = True

    def _weights_path(self) -> Path:
        if Path(self.weights).is_file():
            return Path(self.weights)
        try:
            return hub_folder(self.weights, (WEIGHTS_FILE,), owner="vgg") / WEIGHTS_FILE
        except DataError as error:
            reason = str(error).partition(". ")[0].rstrip(".")
            raise DataError(
                f"{reason}. Give `weights` as a folder or a safetensors file, or leave them out to start at random."
            ) from error

    def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the frozen part makes of pictures: maps (n, channels, height, width).

        It has no dropout and never changes, so that it may be kept. Without a frozen part it is the scaled picture.
        Arguments and errors as of `forward`.
        """
        (media,) = self.needed(voice, face)
        if not self._is_filled:
            self.fill_pretrained()
        picture = self.scaling(as_picture(media, height_px=self.height_px, width_px=self.width_px))
        maps: Tensor = self.convolutions[: self._n_frozen_modules](picture)
        return maps

    def forward_from(self, frozen: Tensor) -> Tensor:
        """Return logits (n, n_people) float32 of what `frozen_features` returned."""
        logits: Tensor = self.last(self._features_from(frozen))
        return logits.float()

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        return self._features_from(self.frozen_features(voice, face)).float()

    def _features_from(self, frozen: Tensor) -> Tensor:
        maps = self.convolutions[self._n_frozen_modules :](frozen)
        vectors: Tensor = self.hidden_layers(maps.flatten(1))
        return vectors

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32.

        Args:
            voice: (n, 1, 128, 110) float32 mel images in [0, 1]; left out by a network of faces.
            face: (n, 3, face_px, face_px) float32 RGB in [0, 1]; left out by a network of voices.

        Raises:
            ConfigError: the modality that the network needs is missing.
            DataError: as of `fill_pretrained`, once.
        """
        return self.forward_from(self.frozen_features(voice, face))


def convolutional_layers(depth: int) -> list[list[nn.Module]]:
    """Return the layers as Keras counts them, each with its torch modules: [convolution, ReLU] or [pooling].

    Args:
        depth: 16 or 19.
    """
    layers: list[list[nn.Module]] = []
    before = 3
    for channels, n_convolutions in zip(CHANNELS, BLOCKS[depth], strict=True):
        for _ in range(n_convolutions):
            layers.append([nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()])
            before = channels
        layers.append([nn.MaxPool2d(2)])
    return layers


def _dense(widths: Sequence[int]) -> list[nn.Module]:
    return [module for n_in, n_out in pairwise(widths) for module in (nn.Linear(n_in, n_out), nn.ReLU())]


def _draw(network: nn.Module) -> None:
    """Kaiming's weights for convolutions, or none of 13 would pass anything on; Glorot's, as Keras', for the rest."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def _filled(network: nn.Module, _: object) -> None:
    """Note that a state was loaded, so that no published weights go over it."""
    network._is_filled = True  # type: ignore[assignment]


def _read_features(path: Path) -> dict[str, Tensor]:
    """Return the convolutions' tensors of a safetensors file; the classifier, four fifths of it, stays on disk."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if name.startswith(PREFIX)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is no whole safetensors file. Fetch it again.") from error
