"""Resolution: what is left after so few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.resolution import reduce_face


@pytest.mark.parametrize(("face_px", "side"), [(96.0, 128), (48.0, 64), (24.0, 32)])
def test_the_pixels_left_are_means_over_squares(face: np.ndarray, face_px: float, side: int) -> None:
    step = 256 // side
    means = face.reshape(side, step, side, step, 3).mean(axis=(1, 3))
    again = reduce_face(face, face_px=face_px)
    assert again.dtype == np.uint8
    assert again.shape == face.shape
    assert np.abs(again.reshape(side, step, side, step, 3).mean(axis=(1, 3)) - means).mean() < 2


def test_fine_stripes_vanish_and_coarse_ones_stay() -> None:
    def stripes(width: int) -> np.ndarray:
        bright = (np.arange(256) // width % 2 * 200).astype(np.uint8)
        return np.repeat(np.tile(bright, (256, 1))[:, :, np.newaxis], 3, axis=2)

    assert reduce_face(stripes(2), face_px=24.0).std() < 5  # a pixel of 8 columns
    assert reduce_face(stripes(64), face_px=24.0).std() > 90


def test_all_pixels_of_the_face_change_nothing(face: np.ndarray) -> None:
    assert np.array_equal(reduce_face(face, face_px=192.0), face)


def test_fewer_pixels_are_farther_from_the_face(face: np.ndarray) -> None:
    away = [np.abs(reduce_face(face, face_px=px).astype(int) - face).mean() for px in (64.0, 32.0, 16.0, 8.0)]
    assert away == sorted(away)
    assert reduce_face(face, face_px=0.1).std(axis=(0, 1)).max() == 0  # one pixel is left
