"""The encoder around IR-50: what it sees of a crop, and its weights in and out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.media.face_crop import MEAN_PLACES
from visavox.models.encoders import ir50
from visavox.models.encoders.ir50 import VIEWS, IR50Encoder
from visavox.registry import ENCODERS

ARCFACE_EYES = np.array([[38.2946, 51.6963], [73.5318, 51.5014]])
"""Places of the eyes in ArcFace's template of 112 px."""


@pytest.fixture(scope="module")
def encoder() -> IR50Encoder:
    return IR50Encoder(seed=1)


def crops(n: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 256, (16, 16, 3)).astype(np.uint8), (256, 256)) for _ in range(n)]


def test_the_view_lays_the_eyes_where_arcface_has_them() -> None:
    right, left = MEAN_PLACES[:2].mean(axis=0), MEAN_PLACES[2:4].mean(axis=0)
    eyes_px = (0.5 + np.stack([left, right])) * 128  # of the 256 px crop
    x0, y0, side = VIEWS["arcface"]
    seen = (eyes_px - [x0, y0]) * 112 / side
    assert np.abs(seen[:, 0] - ARCFACE_EYES[:, 0]).max() < 0.5
    assert np.abs(seen[:, 1] - ARCFACE_EYES[:, 1]).max() < 3.5


def test_a_view_is_resized_to_112_px_and_the_pictures_lie_between_0_and_1(encoder: IR50Encoder) -> None:
    crop = crops(1)[0]
    found = encoder.prepare(crop)
    np.testing.assert_array_equal(found, cv2.resize(crop[:214, 20:234], (112, 112)))
    (picture,) = encoder.collate([found])
    assert picture.shape == (1, 3, 112, 112) and picture.dtype == torch.float32
    np.testing.assert_allclose(picture[0].permute(1, 2, 0) * 255, found, atol=1e-4)
    whole = IR50Encoder.prepare(ViewOf("whole"), crop)  # type: ignore[arg-type]
    np.testing.assert_array_equal(whole, cv2.resize(crop, (112, 112)))


class ViewOf:
    """As much of an encoder as `prepare` needs, without 44 million weights."""

    def __init__(self, view: str) -> None:
        self.view = view


def test_vectors_do_not_depend_on_the_batch(encoder: IR50Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    together = encoder.encode(crops())
    assert together.shape == (3, 512) and together.dtype == np.float32
    scale = together.std()
    np.testing.assert_allclose(encoder.encode(crops()[:1]), together[:1], atol=1e-4 * scale)
    monkeypatch.setattr(ir50, "CHUNK", 2)
    np.testing.assert_allclose(encoder.encode(crops()), together, atol=1e-4 * scale)
    assert np.abs(together[0] - together[1]).max() > 1e-2 * scale
    assert encoder.encode([]).shape == (0, 512)


@pytest.mark.slow
def test_weights_come_back_and_options_must_agree(encoder: IR50Encoder, tmp_path: Path) -> None:
    encoder.save_weights(tmp_path / "w", training_data="MS1M", licence="MIT")
    again = ENCODERS.build({"name": "ir50", "weights": str(tmp_path / "w"), "seed": 3})
    assert again.identifier == encoder.identifier
    assert "channels='bgr', squeeze_excitation=False, view='arcface'" in again.identifier
    assert again.provenance.training_data == "MS1M" and again.n_parameters == 43_574_976
    for options, words in (
        ({"view": "whole"}, "under `view` 'arcface', not 'whole'. Ask for the encoder with `view: arcface`"),
        ({"squeeze_excitation": True}, "under `squeeze_excitation` False, not True"),
    ):
        with pytest.raises(DataError, match=words), torch.device("meta"):  # refused before any weight is needed
            IR50Encoder(weights=str(tmp_path / "w"), **options)  # type: ignore[arg-type]


def test_what_is_no_crop_and_no_option_is_refused(encoder: IR50Encoder) -> None:
    with pytest.raises(
        DataError, match=r"Item 1 of the batch: A face crop must be \(256, 256, 3\) uint8. Got \(9, 9, 3\)"
    ):
        encoder.encode([crops(1)[0], np.zeros((9, 9, 3), np.uint8)])
    with pytest.raises(DataError, match="float32"):
        encoder.prepare(np.zeros((256, 256, 3), np.float32))
    with pytest.raises(ConfigError, match="`channels` of the encoder 'ir50' must be 'bgr' or 'rgb'. Got 'grey'"):
        IR50Encoder(channels="grey")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`view` of the encoder 'ir50' must be 'arcface' or 'whole'. Got 'mouth'"):
        IR50Encoder(view="mouth")  # type: ignore[arg-type]
