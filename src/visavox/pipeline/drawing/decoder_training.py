"""A decoder for a face encoder that is taken as it is: its features of all pictures once, then feature to picture.

    picture --frozen encoder--> feature (kept) --decoder--> picture

Example:
    features = decoder_features(encoder, media, cache=run / "features")
    history = train_decoder(decoder, features, media, PictureTraining(n_epochs=30), LoopOptions(seed=0))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visavox.models.encoders.base import Encoder
from visavox.models.face_decoders.base import FaceDecoder
from visavox.models.face_decoders.landmark_texture import LandmarkTextureDecoder, landmark_texture_loss
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.drawing.epoch_loop import LoopOptions, train_epochs
from visavox.pipeline.drawing.look_features import features_of_pictures
from visavox.pipeline.drawing.picture_loss import picture_loss
from visavox.pipeline.drawing.picture_set import as_tensor, training_pictures
from visavox.pipeline.drawing.pictures import DrawingMedia
from visavox.pipeline.drawing.settings import PictureTraining

DEFAULTS = LoopOptions()
MEASURED = 256  # pictures a forward pass when measuring
LEAST_DEVIATION = 1e-6

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class DecoderFeatures:
    """Features of the pictures that a decoder learns from and is measured on."""

    train: NDArray[np.float32]
    """(n, dim), of the pictures of `training_pictures`, in their order."""
    validation: NDArray[np.float32]
    """(n_validation, dim), of the corpus's validation clips."""


def decoder_features(
    encoder: Encoder, media: DrawingMedia, *, cache: Path | None = None, progress: Progress | None = None
) -> DecoderFeatures:
    """Return the features of all pictures, from the cache where it has them.

    Args:
        encoder: of faces, taken as it is.
        media: the pictures.
        cache: folder that keeps features; None computes them every time.
        progress: called as progress(pictures done, pictures).
    """
    name = hashlib.sha256(f"{encoder.identifier} {media.digest}".encode()).hexdigest()[:16]
    file = None if cache is None else cache / f"{name}.safetensors"
    if file is not None and file.is_file():
        tensors, _ = read_tensors(file)
        return DecoderFeatures(tensors["train"], tensors["validation"])
    pictures = training_pictures(media, corpus_copies=1).pictures
    both = np.concatenate([pictures, media.paired["validation"].pictures])
    found = features_of_pictures(encoder, both, progress=progress)
    features = DecoderFeatures(found[: len(pictures)], found[len(pictures) :])
    if file is not None:
        write_tensors(file, {"train": features.train, "validation": features.validation}, {})
    return features


def train_decoder(
    decoder: FaceDecoder,
    features: DecoderFeatures,
    media: DrawingMedia,
    settings: PictureTraining,
    options: LoopOptions = DEFAULTS,
    *,
    landmarks: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> tuple[Mapping[str, float], ...]:
    """Train a decoder in place and leave it in evaluation mode.

    Args:
        decoder: with fresh weights, on the device to train on; takes mean and deviation of the features.
        features: of the pictures.
        media: the pictures.
        settings: how.
        options: seed, number format, folder.
        landmarks: (n, 72, 2) of the training pictures, as shares of the side, for `landmark_texture`; rows of nan
            where nobody gave any; None where nothing is known of any.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        One mapping an epoch: loss, and the mean pixel difference of validation pictures, 0 to 1, by the averaged
        weights (validation_l1).

    Raises:
        DataError: too few pictures, a loss that is no number, a state of another training.
    """
    device = next(decoder.parameters()).device
    pictures = training_pictures(media, corpus_copies=settings.corpus_copies)
    known = torch.from_numpy(features.train)
    with torch.no_grad():
        decoder.mean.copy_(known.mean(dim=0))
        decoder.deviation.copy_(known.std(dim=0).clamp_min(LEAST_DEVIATION))

    def loss_of_rows(rows: Tensor, _changes: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        chosen = pictures.rows[rows.numpy()]
        given = known[torch.from_numpy(chosen)].to(device)
        true = pictures.batch(rows, device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.bfloat16):
            if isinstance(decoder, LandmarkTextureDecoder):
                drawn, places = decoder.both(given)
            else:
                drawn, places = decoder(given), None
        if places is None:
            return picture_loss(
                drawn.float(), true, edge_weight=settings.edge_weight, coarse_weight=settings.coarse_weight
            ), {}
        if landmarks is None:
            return landmark_texture_loss(drawn.float(), true), {}
        wanted = torch.from_numpy(landmarks[chosen]).to(device)
        said = torch.isfinite(wanted).all(dim=(1, 2))
        some = {"landmarks": places.float()[said], "true_landmarks": wanted[said]} if bool(said.any()) else {}
        return landmark_texture_loss(drawn.float(), true, **some), {}

    def measure(network: nn.Module) -> dict[str, float]:
        true, given = media.paired["validation"].pictures, features.validation
        if not len(true):
            return {}
        wrong = 0.0
        for at in range(0, len(true), MEASURED):
            drawn = network(torch.from_numpy(given[at : at + MEASURED]).to(device))
            wrong += float((drawn - as_tensor(true[at : at + MEASURED], device)).abs().mean(dim=(1, 2, 3)).sum())
        return {"validation_l1": wrong / len(true)}

    return train_epochs(decoder, len(pictures), loss_of_rows, settings, options, measure=measure, progress=progress)
