"""JPEG: a lower quality is a smaller file and farther from the face."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from visavox.media.degrading.jpeg import compress_face


def test_a_lower_quality_is_farther_from_the_face(face: np.ndarray) -> None:
    away = []
    for quality in (90.0, 50.0, 20.0, 5.0):
        compressed = compress_face(face, quality=quality)
        assert compressed.dtype == np.uint8
        assert compressed.shape == face.shape
        away.append(np.abs(compressed.astype(int) - face).mean())
    assert away == sorted(away)
    assert 0 < away[0] < 8 < away[-1]


def test_it_is_what_pillow_writes_with_half_the_chroma(face: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(face).save(file, format="JPEG", quality=20, subsampling="4:2:0")
    assert np.array_equal(compress_face(face, quality=20.0), np.asarray(Image.open(file)))


def test_colours_of_single_pixels_run_into_each_other() -> None:
    red_and_blue = np.zeros((256, 256, 3), np.uint8)
    red_and_blue[:, ::2, 0] = red_and_blue[:, 1::2, 2] = 200
    colours = compress_face(red_and_blue, quality=95.0)[128, 100:102].astype(int)
    assert np.abs(colours[0, [0, 2]] - colours[1, [0, 2]]).max() < 100  # 200 before
