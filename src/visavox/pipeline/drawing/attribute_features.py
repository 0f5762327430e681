"""What our own face encoder tells of gender, age and race, and how its feature changes with it.

Labelled faces are many and pairs are few: from both together `basis` is known precisely, and a predictor that goes
through it need learn from the pairs only what a voice tells of three things.

Example:
    told = told_attributes(encoder, features, media.labelled)
    told.told.shape, told.basis.shape     # (n_clips, 7), (7, 256)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.models.attribute_ridge import attribute_basis
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.pipeline.drawing.look_features import features_of_pictures
from visavox.pipeline.drawing.pictures import LabelledPictures
from visavox.pipeline.drawing.predictor_training import ToldAttributes

FEWEST = 100
"""Labelled faces below which their directions are no more certain than those of the pairs."""


def told_attributes(
    encoder: FaceLookEncoder, features: NDArray[np.float32], labelled: LabelledPictures
) -> ToldAttributes | None:
    """Return attributes of the clips' faces and their directions; None where labelled faces are too few.

    Args:
        encoder: trained, in evaluation mode.
        features: (n, dim) float32 of the clips' faces.
        labelled: faces that are held out are left alone.
    """
    seen = labelled.pictures[~labelled.held_out]
    if len(seen) < FEWEST:
        return None
    others = features_of_pictures(encoder, seen)
    told, told_of_others = (attributes_of(encoder, rows) for rows in (features, others))
    groups = np.repeat([0, 1], [len(features), len(others)])
    basis = attribute_basis(np.concatenate([told, told_of_others]), np.concatenate([features, others]), groups)
    return ToldAttributes(told, basis)


def attributes_of(encoder: FaceLookEncoder, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, 7) float32 of (n, dim) features: logit of a man, scaled age, logits of the races."""
    with torch.inference_mode():
        told = encoder.network.attributes(torch.from_numpy(features).float().to(encoder.device))
    return np.asarray(told.float().cpu().numpy(), dtype=np.float32)
