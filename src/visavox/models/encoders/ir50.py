"""The face backbone of Seeking the Shape of Sound, IR-50 or IR-SE-50, trainable or with published weights.

    crop 256 px -> the part that ArcFace's alignment shows -> 112 px -> improved residual network -> 512

Seeking the Shape of Sound gives the whole picture of a cropped face (`view: whole`); weights of face.evoLVe and ArcFace
were trained on faces aligned to a template (`view: arcface`, the default). In our canonical crop the eyes lie at
(93, 92) and (160, 92) of 256 px; the square from (20, 0) to (234, 214) lays them on the template's columns and within 3
of its 112 rows.

Without trained weights its vectors say nothing.

Example:
    encoder = IR50Encoder(seed=1)
    encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape     # (1, 512)

Source: Wen et al., "Seeking the Shape of Sound" (CVPR 2021), and its code, config/train_main.yaml: BGR, (x - 127.5) /
    127.5, bilinear resize; Deng et al., "ArcFace" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.media.face_crop import CROP_PX
from visavox.models.encoders.published import PublishedEncoder
from visavox.models.ir_net import DIM, FACE_PX, Channels, IRNet50
from visavox.registry import ENCODERS

View = Literal["arcface", "whole"]
VIEWS: dict[str, tuple[int, int, int]] = {"arcface": (20, 0, 214), "whole": (0, 0, CROP_PX)}
"""Name -> left, top and side in pixels of the crop."""
CHUNK = 32  # faces in one pass: 0.7 GB at most


@ENCODERS.register("ir50")
class IR50Encoder(PublishedEncoder):
    """Trainable face encoder; see `TrainableEncoder` for weights, seed and device.

    Args:
        weights: "" for random ones, or the folder or model that holds trained ones.
        squeeze_excitation: IR-SE-50 in place of IR-50.
        channels: "bgr" as in Seeking the Shape of Sound, "rgb" for weights that were trained so.
        view: "arcface" or "whole": the part of the crop that is seen.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
    """

    name = "ir50"
    modality = "face"
    dim = DIM
    options: ClassVar[tuple[str, ...]] = ("channels", "squeeze_excitation", "view")

    def __init__(
        self,
        *,
        weights: str = "",
        squeeze_excitation: bool = False,
        channels: Channels = "bgr",
        view: View = "arcface",
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        """Build the network; see `TrainableEncoder`.

        Raises:
            ConfigError: `channels` or `view` is unknown.
        """
        if channels not in ("bgr", "rgb"):
            raise ConfigError(f"`channels` of the encoder 'ir50' must be 'bgr' or 'rgb'. Got {channels!r}.")
        if view not in VIEWS:
            raise ConfigError(f"`view` of the encoder 'ir50' must be 'arcface' or 'whole'. Got {view!r}.")
        self.squeeze_excitation = squeeze_excitation
        self.channels: Channels = channels
        self.view: View = view
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        """Return an `IRNet50` with random weights."""
        return IRNet50(squeeze_excitation=self.squeeze_excitation, channels=self.channels)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the (112, 112, 3) uint8 RGB picture of a canonical crop (256, 256, 3) uint8 RGB.

        Raises:
            DataError: the crop has another shape or type.
        """
        crop = checked_crop(item)
        x0, y0, side = VIEWS[self.view]
        return np.asarray(
            cv2.resize(crop[y0 : y0 + side, x0 : x0 + side], (FACE_PX, FACE_PX), interpolation=cv2.INTER_LINEAR)
        )

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor]:
        """Return the pictures (n, 3, 112, 112) float32 RGB in [0, 1]; the network turns and scales them."""
        pictures = torch.from_numpy(np.stack(prepared)).to(self.device)
        return (pictures.permute(0, 3, 1, 2).float() / 255,)

    def _groups(self, prepared: Sequence[np.ndarray]) -> Iterator[list[int]]:
        for start in range(0, len(prepared), CHUNK):
            yield list(range(start, min(start + CHUNK, len(prepared))))


def checked_crop(crop: np.ndarray) -> np.ndarray:
    """Return a canonical crop of the shape (256, 256, 3) after holding it to its rule.

    Raises:
        DataError: it is not (256, 256, 3) uint8.
    """
    if getattr(crop, "shape", ()) != (CROP_PX, CROP_PX, 3) or crop.dtype != np.uint8:
        raise DataError(
            f"A face crop must be (256, 256, 3) uint8. Got {getattr(crop, 'shape', ())} "
            f"{getattr(crop, 'dtype', type(crop).__name__)}. Make it with visavox.media.face_crop.crop_face."
        )
    return crop
