"""The face encoder and its decoder, learned together: a picture to numbers to the picture, and what annotators see.

    picture --encoder--> feature --decoder--> picture      pixels, edges, the whole from afar
                            |--heads--> gender, age, race  labelled faces alone

No network that recognises people has a say in it: not in the loss, not in which epoch is kept (the last one is).

Example:
    trained = train_face_look(encoder, decoder, media, FaceTraining(n_epochs=30), LoopOptions(seed=0))
    trained[-1]["gender_accuracy"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models.encoders.face_look import AGE_CENTRE, AGE_SCALE, FaceLook, FaceLookEncoder
from visavox.models.face_decoders.base import FaceDecoder
from visavox.pipeline.drawing.epoch_loop import LoopOptions, train_epochs
from visavox.pipeline.drawing.picture_loss import picture_loss
from visavox.pipeline.drawing.picture_set import as_tensor, changed, training_pictures
from visavox.pipeline.drawing.pictures import DrawingMedia
from visavox.pipeline.drawing.settings import FaceTraining

DEFAULTS = LoopOptions()
MEASURED = 256  # pictures a forward pass when measuring

Progress = Callable[[int, int], None]


class FaceAutoencoder(nn.Module):
    """Both halves, as one network to train.

    Args:
        encoder: pictures to features.
        decoder: features to pictures.
    """

    def __init__(self, encoder: FaceLook, decoder: FaceDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (n, dim) and pictures (n, 3, px, px) in 0..1, both float32, of pictures of that shape."""
        features = self.encoder(pictures)
        return features.float(), self.decoder(features).float()


def train_face_look(
    encoder: FaceLookEncoder,
    decoder: FaceDecoder,
    media: DrawingMedia,
    settings: FaceTraining,
    options: LoopOptions = DEFAULTS,
    *,
    progress: Progress | None = None,
) -> tuple[Mapping[str, float], ...]:
    """Train both in place and leave them in evaluation mode.

    Args:
        encoder: with fresh weights, on the device to train on.
        decoder: of the encoder's dimension and the pictures' side.
        media: labelled faces that are held out and validation clips are measured on, and never learned from.
        settings: how.
        options: seed, number format, folder.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        One mapping an epoch: losses while it learns (picture_loss, attribute_loss), and of the averaged weights the
        mean pixel difference 0 to 1 (validation_l1, held_out_l1), gender_accuracy, age_error in years, race_accuracy.

    Raises:
        DataError: too few pictures, a loss that is no number, a state of another training.
    """
    device = torch.device(encoder.device)
    decoder.to(device)
    decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = FaceAutoencoder(encoder.network, decoder)
    pictures = training_pictures(media, corpus_copies=settings.corpus_copies)
    male = torch.from_numpy(pictures.male.astype(np.float32)).to(device)
    age = torch.from_numpy((pictures.age - AGE_CENTRE) / AGE_SCALE).float().to(device)
    race = torch.from_numpy(pictures.race).to(device)

    def loss_of_rows(rows: Tensor, changes: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        true = changed(pictures.batch(rows, device), flip=settings.flip, colour=settings.colour, generator=changes)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.bfloat16):
            features, drawn = network(true)
            told = network.encoder.attributes(features)
        seen = picture_loss(drawn, true, edge_weight=settings.edge_weight, coarse_weight=settings.coarse_weight)
        chosen = torch.from_numpy(pictures.rows[rows.numpy()]).to(device)
        labelled = chosen < pictures.n_labelled
        attributes = attribute_loss(told.float(), labelled, chosen, male=male, age=age, race=race)
        loss = settings.picture_weight * seen + settings.attribute_weight * attributes
        loss = loss + settings.size_weight * features.square().mean()
        return loss, {"picture_loss": seen, "attribute_loss": attributes}

    return train_epochs(
        network,
        len(pictures),
        loss_of_rows,
        settings,
        options,
        measure=lambda averaged: _measure(averaged, media, device),
        progress=progress,
    )


def attribute_loss(
    told: Tensor, labelled: Tensor, chosen: Tensor, *, male: Tensor, age: Tensor, race: Tensor
) -> Tensor:
    """Return the mean over labelled rows of three losses: cross-entropies of gender and race, smooth L1 of age.

    Args:
        told: (n, 7) float32 as `FaceLook.attributes` gives them.
        labelled: (n,) bool.
        chosen: (n,) int64, index of a labelled row into the labels; anything where there is no label.
        male: (n_labelled,) float32, 1 or 0.
        age: (n_labelled,) float32, scaled as the head tells it.
        race: (n_labelled,) int64.

    Returns:
        () float32; 0 where nothing is labelled.
    """
    if not bool(labelled.any()):
        return told.sum() * 0
    told, chosen = told[labelled], chosen[labelled]
    gender_loss = functional.binary_cross_entropy_with_logits(told[:, 0], male[chosen])
    age_loss = functional.smooth_l1_loss(told[:, 1], age[chosen])
    return gender_loss + age_loss + functional.cross_entropy(told[:, 2:], race[chosen])


def _measure(network: nn.Module, media: DrawingMedia, device: torch.device) -> dict[str, float]:
    """Return how near pictures that were not learned from come back, and how well their labels are told."""
    assert isinstance(network, FaceAutoencoder)
    labelled, figures = media.labelled, {}
    for name, pictures in (
        ("validation", media.paired["validation"].pictures),
        ("held_out", labelled.pictures[labelled.held_out]),
    ):
        if not len(pictures):
            continue
        wrong, told = 0.0, []
        for at in range(0, len(pictures), MEASURED):
            true = as_tensor(pictures[at : at + MEASURED], device)
            features, drawn = network(true)
            wrong += float((drawn - true).abs().mean(dim=(1, 2, 3)).sum())
            told.append(network.encoder.attributes(features).cpu().numpy())
        figures[f"{name}_l1"] = wrong / len(pictures)
        if name == "held_out":
            rows = labelled.held_out
            figures |= attribute_figures(
                np.concatenate(told), male=labelled.male[rows], age=labelled.age[rows], race=labelled.race[rows]
            )
    return figures


def attribute_figures(told: np.ndarray, *, male: np.ndarray, age: np.ndarray, race: np.ndarray) -> dict[str, float]:
    """Return gender_accuracy and race_accuracy, 0 to 1, and age_error, mean years.

    Args:
        told: (n, 7) as `FaceLook.attributes` gives them; n 1 or more.
        male: (n,) bool.
        age: (n,) years.
        race: (n,) indices.
    """
    return {
        "gender_accuracy": float(((told[:, 0] > 0) == male).mean()),
        "age_error": float(np.abs(told[:, 1] * AGE_SCALE + AGE_CENTRE - age).mean()),
        "race_accuracy": float((told[:, 2:].argmax(axis=1) == race).mean()),
    }
