"""DINOv2 from the hub by way of transformers: a face crop to one token, a mean, or all tokens as FaceTones wants them.

    crop 256 px -> 128 px -> 256 px -> middle 224 px -> ImageNet's mean and deviation -> 16 x 16 patches, class token

The way over 128 px is FaceTones': what it compares voices with has seen no finer faces. `first_px: 0` leaves it out.
Pictures are resized as Pillow does, which transformers' own image processor uses, and held to 256 grey values between
the steps as there.

Example (needs the network, or the model in the hub's cache):
    DINOv2Encoder(output="tokens").encode([np.zeros((256, 256, 3), np.uint8)]).shape      # (1, 197376)

Source: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision" (TMLR 2024); the hub's
    facebook/dinov2-base; FaceTones, https://github.com/zurbb/FaceTones, models/image_embedding.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.models.encoders.ir50 import checked_crop
from visavox.models.hub_weights import from_transformers, hub_folder, model_identity, read_config, width_of
from visavox.registry import ENCODERS

Output = Literal["cls", "pooled", "tokens"]

PUBLISHED = "facebook/dinov2-base"
WIDTHS = {
    "facebook/dinov2-small": 384,
    PUBLISHED: 768,
    "facebook/dinov2-large": 1024,
    "facebook/dinov2-giant": 1536,
}
"""Models of the hub and the lengths of their tokens."""
FILES = ("config.json", "model.safetensors|pytorch_model.bin")
EDGE_PX, SEEN_PX, PATCH_PX = 256, 224, 14
N_TOKENS = 1 + (SEEN_PX // PATCH_PX) ** 2
"""The class token, then 16 rows of 16 patches."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
CHUNK = 16


@ENCODERS.register("dinov2")
class DINOv2Encoder(Encoder):
    """Frozen face encoder; the weights are read by the first call of `encode`.

    Args:
        source: "facebook/dinov2-small", "-base", "-large", "-giant", or a folder that holds such a model.
        output: "cls" is the class token, (768,) for the base model; "pooled" the mean over the 256 patches, as long;
            "tokens" all 257 one behind the other, (197376,), 0.8 MB a face: what the associator `facetones` takes.
        first_px: FaceTones' first resize, 128; 0 leaves it out, otherwise 16 to 256.
        revision: branch, tag or commit on the hub.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "dinov2"
    modality = "face"
    batch_size = CHUNK
    provenance = Provenance(
        weights=PUBLISHED,
        training_data="LVD-142M, 142 million web pictures without labels; people in them are not known",
        licence="Apache-2.0",
    )

    def __init__(
        self,
        *,
        source: str = PUBLISHED,
        output: Output = "cls",
        first_px: int = 128,
        revision: str = "main",
        device: str = "cpu",
    ) -> None:
        """Store the arguments, and read the length of a token from the folder where one is given.

        Raises:
            ConfigError: an argument is outside its range.
            DataError: the folder holds another model.
        """
        if output not in ("cls", "pooled", "tokens"):
            raise ConfigError(f"`output` of the encoder 'dinov2' must be 'cls', 'pooled' or 'tokens'. Got {output!r}.")
        if first_px and not 16 <= first_px <= EDGE_PX:
            raise ConfigError(f"`first_px` of the encoder 'dinov2' must be 0, or 16 to 256. Got {first_px}.")
        self.source = source
        self.output: Output = output
        self.first_px = first_px
        self.revision = revision
        self.device = device
        self._width = width_of(source, WIDTHS, "hidden_size", self.name)
        self.dim = self._width * (N_TOKENS if output == "tokens" else 1)
        self._network: Any = None

    @property
    def identifier(self) -> str:
        """Name, version, options, and the hub's name and revision, or a digest of the folder."""
        weights = model_identity(self.source, self.revision)
        return f"{self.name}-{self.version}(first_px={self.first_px}, output={self.output!r}, weights={weights})"

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind when the encoder crosses into another process."""
        return {**self.__dict__, "_network": None}

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each face crop, in order.

        Args:
            batch: canonical crops (256, 256, 3) uint8, RGB.

        Returns:
            (len(batch), dim) float32.

        Raises:
            DataError: a crop has another shape or type, or the model cannot be had.
            MissingDependencyError: transformers or huggingface_hub is not installed.
        """
        for index, crop in enumerate(batch):
            try:
                checked_crop(crop)
            except DataError as error:
                raise DataError(f"Item {index} of the batch: {error}") from error
        vectors = np.empty((len(batch), self.dim), dtype=np.float32)
        for start in range(0, len(batch), CHUNK):
            some = np.stack(batch[start : start + CHUNK])
            vectors[start : start + CHUNK] = self._forward(pixel_values(some, self.first_px))
        return vectors

    def _forward(self, pixels: Tensor) -> np.ndarray:
        """(n, 3, 224, 224) -> (n, dim)."""
        if self._network is None:
            folder = hub_folder(self.source, FILES, owner=self.name, revision=self.revision)
            kind = read_config(folder, "config.json").get("model_type")
            if kind != "dinov2":
                raise DataError(f"{self.source} is a {kind}, not a dinov2. Give one of {', '.join(WIDTHS)}.")
            self._network = from_transformers("Dinov2Model", folder, owner=self.name).to(self.device)
        with torch.inference_mode():
            tokens = self._network(pixels.to(self.device)).last_hidden_state.float()  # (n, 257, width)
        chosen = {"cls": tokens[:, 0], "pooled": tokens[:, 1:].mean(dim=1), "tokens": tokens.flatten(1)}
        return np.asarray(chosen[self.output].cpu().numpy())


def pixel_values(crops: np.ndarray, first_px: int) -> Tensor:
    """Return what the network sees of crops.

    Args:
        crops: (n, 256, 256, 3) uint8 RGB.
        first_px: side of the first resize; 0 for none.

    Returns:
        (n, 3, 224, 224) float32, standardised.
    """
    x = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)
    if first_px:
        x = _resized(x, first_px, "bilinear")
        x = _resized(x, EDGE_PX, "bicubic")
    first = (EDGE_PX - SEEN_PX) // 2
    x = x[:, :, first : first + SEEN_PX, first : first + SEEN_PX].float() / 255
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return (x - mean) / deviation


def _resized(x: Tensor, side: int, mode: str) -> Tensor:
    """(n, 3, height, width) uint8 to (n, 3, side, side) uint8: of uint8, torch computes as Pillow does."""
    return functional.interpolate(x, size=(side, side), mode=mode, antialias=True, align_corners=False)
