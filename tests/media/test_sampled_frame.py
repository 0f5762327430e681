"""The pixels of a sampled frame: size, turn, shape of the pixels."""

from __future__ import annotations

import av
import numpy as np
import pytest

from visavox.media import sampled_frame
from visavox.media.sampled_frame import SampledFrame


def frame_of(image: np.ndarray, **options: float) -> SampledFrame:
    return SampledFrame(av.VideoFrame.from_ndarray(image, format="rgb24"), time_s=0.0, index=0, **options)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)


def test_full_is_the_picture_itself(image: np.ndarray) -> None:
    frame = frame_of(image)
    assert (frame.width_px, frame.height_px) == (160, 90)
    np.testing.assert_array_equal(frame.full(), image)


def test_small_keeps_the_shape_and_never_grows(image: np.ndarray) -> None:
    frame = frame_of(image)
    assert frame.small(45).shape == (45, 80, 3)
    assert frame.small(500).shape == (90, 160, 3)
    assert frame.small(1).shape == (1, 2, 3)


def test_small_is_about_the_mean_of_areas(image: np.ndarray) -> None:
    means = image.reshape(45, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(frame_of(image).small(45) - means).mean() < 3


def test_pixels_become_square(image: np.ndarray) -> None:
    frame = frame_of(image, pixel_ratio=1.5)
    assert (frame.width_px, frame.height_px) == (240, 90)
    assert frame.full().shape == (90, 240, 3)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_phone_gives_an_upright_picture(
    image: np.ndarray, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Turned:
        """A frame with the rotation that its container notes."""

        def __init__(self, frame: av.VideoFrame) -> None:
            self.frame = frame
            self.rotation = 90 * turns
            self.width, self.height = frame.width, frame.height
            self.format = frame.format

    class Scaler:
        """What scales the frame inside."""

        def reformat(self, frame: Turned, *size: int, **options: str) -> av.VideoFrame:
            return frame.frame.reformat(*size, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sampled_frame, "_scaler", lambda *_: Scaler())
    frame = SampledFrame(Turned(av.VideoFrame.from_ndarray(image, format="rgb24")), time_s=0.0, index=0)  # type: ignore[arg-type]
    expected = np.rot90(image, k=turns)
    np.testing.assert_array_equal(frame.full(), expected)
    assert (frame.height_px, frame.width_px) == expected.shape[:2]
