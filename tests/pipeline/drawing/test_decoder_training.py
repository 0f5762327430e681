"""A decoder for an encoder that is taken as it is: features once, and pictures from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.pipeline.drawing.made_media import made_media

from visavox.models.face_decoders.landmark_texture import LandmarkTextureDecoder
from visavox.models.face_decoders.small import SmallDecoder
from visavox.pipeline.drawing.decoder_training import DecoderFeatures, decoder_features, train_decoder
from visavox.pipeline.drawing.picture_set import training_pictures
from visavox.pipeline.drawing.settings import PictureTraining


class MeanColour:
    """A frozen encoder whose feature is the mean colour."""

    dim, identifier = 3, "mean-colour-1()"

    def __init__(self) -> None:
        self.n_seen = 0

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        self.n_seen += len(batch)
        return np.array([crop[64:192, 64:192].mean(axis=(0, 1)) for crop in batch], np.float32).reshape(-1, 3)


def encoder() -> Any:
    return MeanColour()


def settings(n_epochs: int = 2) -> PictureTraining:
    return PictureTraining(n_epochs=n_epochs, batch_size=8, learning_rate=0.01, averaging=0.5, corpus_copies=2)


def small() -> SmallDecoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallDecoder(feature_dim=3, image_px=8, channel_factor=0.1)


def test_features_are_computed_once_and_kept(tmp_path: Path) -> None:
    media, counting = made_media(), encoder()
    first = decoder_features(counting, media, cache=tmp_path)
    assert first.train.shape == (16, 3) and first.validation.shape == (4, 3) and counting.n_seen == 20
    again = decoder_features(counting, media, cache=tmp_path)
    assert counting.n_seen == 20 and len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(first.train, again.train) and np.array_equal(first.validation, again.validation)
    decoder_features(counting, media)
    assert counting.n_seen == 40


def test_features_stand_beside_their_pictures() -> None:
    media = made_media()
    found = decoder_features(encoder(), media).train
    pictures = training_pictures(media, corpus_copies=1).pictures
    assert np.abs(found - pictures.mean(axis=(1, 2))).max() < 12


def test_it_learns_to_draw_from_features_and_takes_their_mean() -> None:
    media = made_media()
    features, decoder = decoder_features(encoder(), media), small()
    history = train_decoder(decoder, features, media, settings(16))
    assert history[-1]["validation_l1"] < 0.75 * history[0]["validation_l1"]
    assert np.allclose(decoder.mean.numpy(), features.train.mean(axis=0), rtol=1e-4)
    assert np.allclose(decoder.deviation.numpy(), features.train.std(axis=0, ddof=1), rtol=1e-3)
    assert not decoder.training


def test_a_number_that_is_always_the_same_divides_nothing() -> None:
    media = made_media()
    features = decoder_features(encoder(), media)
    flat = DecoderFeatures(features.train.copy(), features.validation)
    flat.train[:, 1] = 7
    decoder = small()
    (line,) = train_decoder(decoder, flat, media, settings(1))
    assert float(decoder.deviation[1]) > 0 and np.isfinite(line["loss"])


def test_without_validation_clips_nothing_is_measured() -> None:
    media = made_media(n_validation=0)
    (line,) = train_decoder(small(), decoder_features(encoder(), media), media, settings(1))
    assert "validation_l1" not in line and line["loss"] > 0


@pytest.mark.parametrize("given", ["none", "some", "nobody"])
def test_landmarks_are_learned_where_they_are_given(given: str) -> None:
    media = made_media(px=16)
    features = decoder_features(encoder(), media)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = LandmarkTextureDecoder(feature_dim=3, image_px=16, hidden_dims=(8, 8), channel_factor=0.05)
    before = {name: value.clone() for name, value in decoder.places.named_parameters()}
    landmarks = None if given == "none" else np.full((16, 72, 2), np.nan, np.float32)
    if given == "some":
        assert landmarks is not None
        landmarks[:9] = 0.5
    (line,) = train_decoder(decoder, features, media, settings(1), landmarks=landmarks)
    biases = {name for name in before if name.endswith("bias")}
    moved = any(not torch.equal(value, before[n]) for n, value in decoder.places.named_parameters() if n in biases)
    assert moved == (given == "some") and np.isfinite(line["loss"])
