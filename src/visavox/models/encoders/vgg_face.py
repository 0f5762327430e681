"""VGG-Face's fc7, the face feature that Speech2Face predicts: of use where its published weights are given.

    crop 256 px -> the box that dlib's detector draws, no margin -> 224 px -> colours less their means -> VGG-16 -> 4096

There are no weights in the box and none come with the package: they are of the University of Oxford, for research
alone. Without them its vectors are those of a random network and say nothing. With them: `source: FOLDER` (or a model
of the hub) that holds a PyTorch checkpoint with layers named conv1_1 ... fc7, or `weights: FOLDER` that `save_weights`
wrote. Keras' own files (.h5) are not read.

Where dlib's detector draws its box in a canonical crop was measured on 73 faces of AVSpeech: from (46, 47) to (201,
202), each end with a deviation of 5 to 9 px.

Example (needs the weights):
    encoder = VGGFaceEncoder(source="weights/vgg_face")
    encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape     # (1, 4096)

Source: Parkhi et al., "Deep Face Recognition" (BMVC 2015); Oh et al., "Speech2Face" (CVPR 2019), section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.media.face_crop import CROP_PX
from visavox.models.encoders.ir50 import checked_crop
from visavox.models.encoders.published import PublishedEncoder
from visavox.models.hub_weights import hub_folder, read_state
from visavox.models.vgg_face_net import DIM, FACE_PX, Channels, VGGFaceNet
from visavox.registry import ENCODERS

VIEWS: dict[str, tuple[int, int, int]] = {"box": (46, 46, 156), "chip": (32, 32, 192), "whole": (0, 0, CROP_PX)}
"""Name -> left, top and side in pixels of the crop."""
FILES = ("vgg_face.safetensors", "model.safetensors", "vgg_face_dag.pth", "vgg_face.pth", "pytorch_model.bin")
"""Names under which a checkpoint is looked for, in this order."""
CLASSIFIER = ("fc8.weight", "fc8.bias")
TRAINING_DATA = "VGG Face, 2.6 million pictures of 2,622 people, most of them known"
LICENCE = "CC-BY-NC-4.0"
CHUNK = 8  # faces in one pass: 0.5 GB beside the weights


@ENCODERS.register("vgg_face")
class VGGFaceEncoder(PublishedEncoder):
    """Face encoder with the network of VGG-Face; see `TrainableEncoder` for weights, seed and device.

    Args:
        weights: "" for random ones or those of `source`, or the folder that `save_weights` wrote.
        source: folder, or model of the hub, that holds a published checkpoint; "" for none.
        channels: "bgr" for weights that came by way of Caffe or Keras, "rgb" for conversions of the MatConvNet model.
        view: "box", "chip" or "whole": the part of the crop that is seen.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
    """

    name = "vgg_face"
    modality = "face"
    dim = DIM
    batch_size = 32
    options: ClassVar[tuple[str, ...]] = ("channels", "view")
    constants: ClassVar[tuple[str, ...]] = CLASSIFIER

    def __init__(
        self,
        *,
        weights: str = "",
        source: str = "",
        channels: Channels = "bgr",
        view: str = "box",
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        """Build the network of 134 million parameters and read its weights (some seconds).

        Raises:
            ConfigError: an option is unknown, or both `weights` and `source` are given.
            DataError: the weights cannot be had or do not fit.
        """
        if channels not in ("bgr", "rgb"):
            raise ConfigError(f"`channels` of the encoder 'vgg_face' must be 'bgr' or 'rgb'. Got {channels!r}.")
        if view not in VIEWS:
            raise ConfigError(f"`view` of the encoder 'vgg_face' must be one of {', '.join(VIEWS)}. Got {view!r}.")
        if weights and source:
            raise ConfigError("The encoder 'vgg_face' takes `weights` or `source`. Got both. Leave one out.")
        self.channels: Channels = channels
        self.view = view
        self.source = source
        super().__init__(weights=weights, seed=seed, device=device)
        if source:
            self.load_published(read_checkpoint(source), weights=source, training_data=TRAINING_DATA, licence=LICENCE)

    def build_network(self) -> nn.Module:
        """Return a `VGGFaceNet` with random weights."""
        return VGGFaceNet(channels=self.channels)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the (224, 224, 3) uint8 RGB picture of a canonical crop (256, 256, 3) uint8 RGB.

        Raises:
            DataError: the crop has another shape or type.
        """
        crop = checked_crop(item)
        x0, y0, side = VIEWS[self.view]
        return np.asarray(
            cv2.resize(crop[y0 : y0 + side, x0 : x0 + side], (FACE_PX, FACE_PX), interpolation=cv2.INTER_LINEAR)
        )

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor]:
        """Return the pictures (n, 3, 224, 224) float32 RGB, 0 to 255; the network turns and centres them."""
        pictures = torch.from_numpy(np.stack(prepared)).to(self.device)
        return (pictures.permute(0, 3, 1, 2).float(),)

    def _groups(self, prepared: Sequence[np.ndarray]) -> Iterator[list[int]]:
        for start in range(0, len(prepared), CHUNK):
            yield list(range(start, min(start + CHUNK, len(prepared))))


def read_checkpoint(source: str) -> dict[str, Tensor]:
    """Return the tensors of a published checkpoint, under the names conv1_1.weight ... fc8.bias.

    Args:
        source: folder that holds one of `FILES`, or such a model of the hub.

    Raises:
        DataError: it cannot be had, is damaged, or holds code.
    """
    folder = hub_folder(source, ["|".join(FILES)], owner=VGGFaceEncoder.name)
    path = next(folder / name for name in FILES if (folder / name).is_file())
    return {_our_name(name): tensor for name, tensor in _read(path).items()}


def classifier_of(state: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return weights (2622, 4096) and bias (2622,) of fc8, which the distillation of Speech2Face's loss looks through.

    Raises:
        DataError: the checkpoint does not hold them.
    """
    if any(name not in state for name in CLASSIFIER):
        raise DataError("The checkpoint of VGG-Face holds no fc8. Leave the term out: leave_out: [distillation].")
    weight, bias = (state[name] for name in CLASSIFIER)
    return weight, bias


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return read_state(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: it is not a whole safetensors file. Copy it again.") from error


def _our_name(name: str) -> str:
    """conv_1_1.weight and features.conv1_1.weight are conv1_1.weight."""
    return re.sub(r"^(?:features\.|classifier\.)?conv_?(\d)_(\d)", r"conv\1_\2", name.removeprefix("classifier."))
