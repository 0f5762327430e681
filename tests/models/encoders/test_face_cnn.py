"""What the face network looks at, and what it must not mind. The rest is in test_trainable.py."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.media.face_crop import MEAN_PLACES, UNIT_PX
from visavox.models.encoders.face_cnn import DIM, FACE_PX, FaceCNN, FaceCNNEncoder


@pytest.fixture(scope="module")
def encoder() -> FaceCNNEncoder:
    return FaceCNNEncoder(seed=1)


def test_the_picture_is_the_mean_of_the_pixels_that_it_shows(encoder: FaceCNNEncoder) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    seen = encoder.prepare(crop)
    assert seen.shape == (FACE_PX, FACE_PX, 3) and seen.dtype == np.uint8
    slow = np.zeros((FACE_PX, FACE_PX, 3))  # area of each of the 208 x 208 pixels in each cell of 3.25 x 3.25
    edges = np.arange(FACE_PX + 1) * 208 / FACE_PX
    cover = np.clip(np.minimum(edges[1:, None], np.arange(1, 209)) - np.maximum(edges[:-1, None], np.arange(208)), 0, 1)
    for channel in range(3):
        slow[..., channel] = cover @ crop[:208, 24:232, channel] @ cover.T / 3.25**2
    assert np.abs(seen - slow).max() <= 1


def test_the_face_lies_in_the_middle_of_the_picture_with_room_for_hair_and_jaw(encoder: FaceCNNEncoder) -> None:
    crop = np.zeros((256, 256, 3), np.uint8)
    for x, y in MEAN_PLACES * UNIT_PX + 64:
        cv2.circle(crop, (round(x), round(y)), 3, (255, 255, 255), -1)
    rows, columns = np.nonzero(encoder.prepare(crop).max(axis=2) > 60)
    assert abs(columns.mean() - FACE_PX / 2) < 2
    assert rows.min() > FACE_PX / 4 and rows.max() < 0.75 * FACE_PX


def test_what_lies_outside_the_picture_changes_nothing(encoder: FaceCNNEncoder) -> None:
    crop = np.full((256, 256, 3), 90, np.uint8)
    other = crop.copy()
    other[208:], other[:, :24], other[:, 232:] = 200, 200, 200
    assert np.array_equal(encoder.prepare(crop), encoder.prepare(other))
    other[100, 100] = 255
    assert not np.array_equal(encoder.encode([crop]), encoder.encode([other]))


def test_pictures_are_collated_from_0_to_1_with_channels_last_in_memory(encoder: FaceCNNEncoder) -> None:
    pictures = [np.full((FACE_PX, FACE_PX, 3), value, np.uint8) for value in (0, 255)]
    pictures[1][0, 3] = (255, 0, 51)
    (batch,) = encoder.collate(pictures)
    assert batch.shape == (2, 3, FACE_PX, FACE_PX) and batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch[0].max() == 0 and batch[1, 0].min() == 1
    assert batch[1, :, 0, 3].tolist() == pytest.approx([1, 0, 0.2])


def test_preparing_is_deterministic_and_leaves_the_crop_alone(encoder: FaceCNNEncoder) -> None:
    crop = np.random.default_rng(1).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    before = crop.copy()
    assert np.array_equal(encoder.prepare(crop), encoder.prepare(crop))
    assert np.array_equal(crop, before)


@pytest.mark.parametrize(
    "crop",
    [np.zeros((64, 64, 3), np.uint8), np.zeros((256, 256), np.uint8), np.zeros((256, 256, 3), np.float32)],
)
def test_a_crop_of_another_shape_or_type_is_refused(encoder: FaceCNNEncoder, crop: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"must be \(256, 256, 3\) uint8. Got .*crop_face"):
        encoder.prepare(crop)


def test_the_network_takes_pictures_of_any_size_of_16_and_more() -> None:
    network = FaceCNN().eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, 16, 16)).shape == network(torch.rand(2, 3, FACE_PX, FACE_PX)).shape == (2, DIM)
        assert network(torch.rand(0, 3, FACE_PX, FACE_PX)).shape == (0, DIM)


def test_bfloat16_gives_nearly_the_same_vectors(encoder: FaceCNNEncoder) -> None:
    crops = [np.random.default_rng(i).integers(0, 256, (256, 256, 3)).astype(np.uint8) for i in range(2)]
    exact = encoder.encode(crops)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder.encode(crops)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05 * np.abs(exact).max()
