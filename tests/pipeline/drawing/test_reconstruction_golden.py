"""From training to drawn pixels in float32: the same numbers as when this was written, to a tolerance.

`python tests/pipeline/drawing/test_reconstruction_golden.py` prints the numbers as they are now.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pipeline.drawing.made_media import made_media

from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.decoder import DecoderDrawer
from visavox.media.drawn_frame import crop_of_picture
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.models.face_decoders.small import SmallDecoder
from visavox.models.face_predictors.light import LightPredictor
from visavox.pipeline.drawing.epoch_loop import LoopOptions
from visavox.pipeline.drawing.face_training import train_face_look
from visavox.pipeline.drawing.look_features import mirrored_features
from visavox.pipeline.drawing.settings import FaceTraining

GOLDEN: dict[str, list[list[int]]] = {
    "top left": [[132, 134, 140], [131, 133, 141], [126, 128, 143]],
    "middle": [[133, 134, 138], [132, 132, 138], [126, 126, 142]],
    "bottom right": [[135, 133, 138], [134, 133, 137], [128, 129, 138]],
}
TOLERANCE = 4  # of 255: sums are added in another order on other processors


def drawn() -> np.ndarray:
    """Return (3, 8, 8, 3) uint8: three samples of one made-up voice, by networks of a few steps of training."""
    media = made_media(n_train=24, n_labelled=8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = FaceLookEncoder(seed=0, dim=4), SmallDecoder(feature_dim=4, image_px=8, channel_factor=0.1)
    settings = FaceTraining(n_epochs=25, batch_size=8, learning_rate=0.005, averaging=0.5, corpus_copies=1)
    train_face_look(encoder, decoder, media, settings, LoopOptions(seed=0))
    pictures = media.paired["train"].pictures
    features = mirrored_features(encoder, [crop_of_picture(picture) for picture in pictures])
    voices = pictures.mean(axis=(1, 2)).astype(np.float64)  # a voice that tells the colour
    predictor = LightPredictor(input_dim=3, feature_dim=4, spread_rank=2)
    predictor.fit_affine(voices, features, media.paired["train"].people, n_folds=3)
    heard = HeardForDrawing(np.array([190.0, 90.0, 90.0]), np.zeros((1, 3)), np.zeros(16000))
    drawer = DecoderDrawer(predictor, decoder, guidance=1.5)
    return drawer.draw(DrawingRequest(heard, n_samples=3, seed=5))


def corners(pictures: np.ndarray) -> dict[str, list[list[int]]]:
    """Return the colours of three pixels of each sample."""
    places = {"top left": (0, 0), "middle": (4, 4), "bottom right": (7, 7)}
    return {name: pictures[:, row, column].tolist() for name, (row, column) in places.items()}


@pytest.mark.slow
def test_drawn_pixels_are_those_of_the_golden_run() -> None:
    found = corners(drawn())
    assert found.keys() == GOLDEN.keys()
    for name, wanted in GOLDEN.items():
        assert np.abs(np.array(found[name]) - np.array(wanted)).max() <= TOLERANCE, (name, found[name], wanted)


def test_golden_pixels_tell_samples_apart() -> None:
    for pixels in GOLDEN.values():
        assert len({tuple(pixel) for pixel in pixels}) == len(pixels) == 3


if __name__ == "__main__":
    print(corners(drawn()))  # noqa: T201 - its one purpose
