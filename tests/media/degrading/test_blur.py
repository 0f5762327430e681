"""Blur: a convolution with a Gaussian, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.media.degrading.blur import blur_face


@pytest.mark.parametrize("sigma_px", [1.0, 2.0])
def test_blur_is_the_convolution_that_a_loop_gives(face: np.ndarray, sigma_px: float) -> None:
    sigma = sigma_px * 192 / 112
    reach = math.ceil(4 * sigma)
    weights = [math.exp(-(d**2) / (2 * sigma**2)) for d in range(-reach, reach + 1)]
    blurred = blur_face(face, sigma_px=sigma_px)
    for row, column, colour in ((0, 0, 0), (128, 40, 1), (250, 255, 2), (70, 71, 0)):
        total = 0.0
        for dy, a in zip(range(-reach, reach + 1), weights, strict=True):
            for dx, b in zip(range(-reach, reach + 1), weights, strict=True):
                y, x = (abs(p) if p < 256 else 510 - p for p in (row + dy, column + dx))  # mirrored at the border
                total += a * b * face[y, x, colour]
        assert float(blurred[row, column, colour]) == pytest.approx(total / sum(weights) ** 2, abs=1.1)


def test_a_spot_spreads_by_the_deviation_in_pixels_of_a_112_px_face() -> None:
    spot = np.zeros((256, 256, 3), np.uint8)
    spot[118:139, 118:139] = 255
    blurred = blur_face(spot, sigma_px=4.0)[:, :, 0].astype(float)
    places = np.arange(256)
    before = spot[:, :, 0].astype(float).sum(axis=0)
    after = blurred.sum(axis=0)
    spread = [float(np.sum(w * (places - 128) ** 2) / w.sum()) for w in (before, after)]
    assert math.sqrt(spread[1] - spread[0]) == pytest.approx(4 * 192 / 112, rel=0.03)


def test_a_flat_face_stays_and_the_given_one_is_not_touched(face: np.ndarray) -> None:
    before = face.copy()
    assert blur_face(face, sigma_px=8.0).std() < face.std()
    assert np.array_equal(face, before)
    flat = np.full((256, 256, 3), 77, np.uint8)
    assert np.array_equal(blur_face(flat, sigma_px=8.0), flat)
