"""The shape of a detector's answer, and what detectors share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.media.detectors.base import (
    BatchDetector,
    DetectedFace,
    Detector,
    check_image,
    detect_all,
    largest_first,
    rescaled,
    shrink,
)
from visavox.registry import DETECTORS


def face(x0: float, y0: float, x1: float, y1: float, score: float = 0.5) -> DetectedFace:
    return DetectedFace(x0, y0, x1, y1, score=score)


def test_faces_come_largest_first_then_by_score_then_from_left_to_right() -> None:
    small, wide, right = face(0, 0, 2, 2), face(0, 0, 10, 2), face(50, 0, 60, 2)
    sure = face(90, 0, 100, 2, score=0.9)
    assert largest_first([small, right, wide, sure]) == [sure, wide, right, small]
    assert largest_first([]) == []


def test_width_and_height_are_those_of_the_box() -> None:
    assert (face(1, 2, 4, 9).width_px, face(1, 2, 4, 9).height_px) == (3, 7)


def test_faces_are_equal_by_their_box_whatever_their_points() -> None:
    pointed = DetectedFace(0, 0, 1, 1, score=0.5, landmarks_px=np.zeros((5, 2), np.float32))
    assert pointed == face(0, 0, 1, 1)


def test_a_small_image_is_left_as_it_is() -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    same, factor = shrink(image, max_px=40)
    assert same is image
    assert factor == 1.0


def test_a_large_image_is_shrunk_with_its_shape_kept() -> None:
    small, factor = shrink(np.full((300, 600, 3), 9, np.uint8), max_px=100)
    assert small.shape == (50, 100, 3)
    assert factor == pytest.approx(1 / 6)
    assert (small == 9).all()


def test_a_long_strip_keeps_at_least_one_pixel() -> None:
    assert shrink(np.zeros((1, 5000, 3), np.uint8), max_px=100)[0].shape == (1, 100, 3)


class Width:
    """Finds one face, as wide as the image."""

    name = "width"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        self.batches.append(1)
        return [face(0, 0, image.shape[1], 1)]


class WidthOfMany(Width):
    """Also takes images of one size together."""

    def detect_many(self, images: Sequence[np.ndarray]) -> list[list[DetectedFace]]:
        assert len({image.shape for image in images}) == 1
        self.batches.append(len(images))
        return [[face(0, 0, image.shape[1], 1)] for image in images]


@pytest.mark.parametrize(("kind", "batches"), [(Width, [1, 1, 1, 1]), (WidthOfMany, [2, 1, 1])])
def test_all_images_are_looked_at_those_of_one_size_together(kind: type[Width], batches: list[int]) -> None:
    detector = kind()
    images = [np.zeros(shape, np.uint8) for shape in ((4, 30, 3), (4, 20, 3), (4, 30, 3), (5, 30, 3))]
    assert [found[0].width_px for found in detect_all(detector, images)] == [30, 20, 30, 30]
    assert detector.batches == batches
    assert detect_all(detector, []) == []
    assert isinstance(detector, BatchDetector) == (kind is WidthOfMany)


def test_a_rescaled_face_is_where_it_is_in_the_image_itself() -> None:
    small = DetectedFace(1, 2, 3, 4, score=0.7, landmarks_px=np.ones((5, 2), np.float32))
    large = rescaled(small, 0.25)
    assert large == DetectedFace(4, 8, 12, 16, score=0.7)
    np.testing.assert_array_equal(large.landmarks_px, np.full((5, 2), 4, np.float32))
    assert rescaled(small, 1.0) is small
    assert rescaled(face(0, 0, 1, 1), 0.5).landmarks_px is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((1, 4, 4, 3), np.uint8),
        "face.jpg",
        None,
    ],
)
def test_what_is_no_rgb_image_is_refused_in_one_line(image: object) -> None:
    with pytest.raises(ConfigError, match=r"must be \(height, width, 3\) uint8") as caught:
        check_image(image)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_every_detector_is_registered_under_its_module_name() -> None:
    assert DETECTORS.names() == ["dlib_hog", "haar", "mtcnn"]
    for name in DETECTORS.names():
        detector = DETECTORS.build(name)
        assert isinstance(detector, Detector)
        assert detector.name == name
        assert type(detector).__module__ == f"visavox.media.detectors.{name}"


IMAGES = {
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "no pixel": np.zeros((0, 5, 3), np.uint8),
    "a line": np.full((1, 400, 3), 200, np.uint8),
    "eleven pixels": np.full((11, 11, 3), 90, np.uint8),
    "twelve pixels": np.full((12, 13, 3), 90, np.uint8),
    "a strip": np.full((14, 900, 3), 90, np.uint8),
    "black": np.zeros((64, 64, 3), np.uint8),
    "white": np.full((64, 64, 3), 255, np.uint8),
    "grey ramp": np.tile(np.arange(96, dtype=np.uint8)[:, None, None], (1, 80, 3)),
    "noise": np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8),
    "huge and blank": np.full((3000, 4000, 3), 128, np.uint8),
}


@pytest.mark.parametrize("name", ["dlib_hog", "haar", "mtcnn"])
def test_images_without_a_face_give_an_empty_list(name: str) -> None:
    detector = DETECTORS.build(name)
    for what, image in IMAGES.items():
        assert detector.detect(image) == [], what


@pytest.mark.parametrize("name", ["dlib_hog", "haar", "mtcnn"])
def test_every_detector_refuses_what_is_no_image(name: str) -> None:
    with pytest.raises(ConfigError, match="must be"):
        DETECTORS.build(name).detect(np.zeros((4, 4), np.uint8))
