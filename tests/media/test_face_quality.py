"""Figures of how well a face is seen."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from visavox.media.detectors.base import DetectedFace
from visavox.media.face_quality import frontality_score, light_score, luma_patch, luma_plane, quality_score, sharpness

GOOD = {"face_width_px": 150.0, "sharpness": 100.0, "brightness": 120.0, "frontality": 1.0, "detector_score": 1.0}


def pointed(nose_x: float, turn: float = 0.0) -> DetectedFace:
    """A face with its eyes at 0 and 10, all points turned about the left eye by `turn` radians."""
    points = np.array([[0, 0], [10, 0], [nose_x, 0], [2, 11], [8, 11]], np.float64)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return DetectedFace(0, 0, 10, 12, score=1.0, landmarks_px=(points @ linear.T).astype(np.float32))


@pytest.mark.parametrize(("nose_x", "score"), [(5, 1.0), (2.5, 0.5), (7.5, 0.5), (0, 0.0), (10, 0.0), (13, 0.0)])
@pytest.mark.parametrize("turn", [0.0, 0.4, -1.0])
def test_frontality_falls_with_the_way_of_the_nose_to_an_eye_whatever_the_tilt(
    nose_x: float, score: float, turn: float
) -> None:
    assert frontality_score(pointed(nose_x, turn)) == pytest.approx(score, abs=1e-6)


def test_without_points_or_with_equal_eyes_frontality_is_defined() -> None:
    assert frontality_score(DetectedFace(0, 0, 9, 9, score=1.0)) == 1.0
    assert frontality_score(DetectedFace(0, 0, 9, 9, score=1.0, landmarks_px=np.zeros((5, 2), np.float32))) == 0.0


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (9, 11)).astype(np.uint8)
    padded = np.pad(grey.astype(float), 1, mode="reflect")
    values = [
        padded[y - 1, x] + padded[y + 1, x] + padded[y, x - 1] + padded[y, x + 1] - 4 * padded[y, x]
        for y in range(1, 10)
        for x in range(1, 12)
    ]
    assert sharpness(grey) == pytest.approx(np.var(values))
    assert sharpness(np.full((5, 5), 7, np.uint8)) == 0


@pytest.mark.parametrize(("brightness", "score"), [(0, 0), (30, 0.5), (60, 1), (200, 1), (227.5, 0.5), (255, 0)])
def test_light_is_best_in_the_middle(brightness: float, score: float) -> None:
    assert light_score(brightness) == pytest.approx(score)


@pytest.mark.parametrize("seed", range(5))
def test_the_score_is_the_product_of_its_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, sharp, bright = rng.uniform(0, 300), rng.uniform(0, 200), rng.uniform(0, 255)
    front, score = rng.uniform(0, 1), rng.uniform(0, 1.2)
    light = bright / 60 if bright < 60 else (255 - bright) / 55 if bright > 200 else 1.0
    wanted = min(width / 150, 1) * min(sharp / 100, 1) ** 0.5 * (3 * front + 1) / 4 * light * min(max(score, 0.05), 1)
    found = quality_score(
        face_width_px=width, sharpness=sharp, brightness=bright, frontality=front, detector_score=score
    )
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_no_part_makes_the_score_better_by_falling(name: str) -> None:
    assert quality_score(**GOOD) == 1.0
    shares = [quality_score(**{**GOOD, name: GOOD[name] * share}) for share in (0.1, 0.3, 0.6, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 1


def test_a_profile_and_a_margin_below_zero_still_have_a_score() -> None:
    assert quality_score(**{**GOOD, "frontality": 0.0}) == pytest.approx(0.25)
    assert quality_score(**{**GOOD, "detector_score": -0.4}) == pytest.approx(0.05)


def picture() -> np.ndarray:
    """Smooth, so that a codec's chroma leaves the grey alone."""
    y, x = np.mgrid[:60, :90]
    return np.repeat((40 + x + 1.5 * y)[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray", "rgb24", "yuv420p10le", "rgba"]
)
def test_a_patch_is_the_grey_of_the_picture_in_every_format(pixels: str) -> None:
    frame = av.VideoFrame.from_ndarray(picture(), format="rgb24").reformat(format=pixels)
    patch = luma_patch(frame, box=(0.2, 0.1, 0.8, 0.9), size_px=24)
    wanted = cv2.resize(picture()[6:54, 18:72, 0], (24, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(patch.astype(int) - wanted).mean() < 3
    assert luma_plane(frame).shape == (60, 90)


def test_a_box_beyond_the_picture_is_cut_and_one_outside_is_flat() -> None:
    frame = av.VideoFrame.from_ndarray(picture(), format="rgb24").reformat(format="yuv420p")
    np.testing.assert_array_equal(
        luma_patch(frame, box=(-1, -1, 0.5, 2), size_px=16), luma_patch(frame, box=(0, 0, 0.5, 1), size_px=16)
    )
    assert sharpness(luma_patch(frame, box=(1.2, 0, 1.5, 1), size_px=16)) == 0
    assert luma_patch(frame, box=(0.5, 0.5, 0.5, 0.5), size_px=8).shape == (8, 8)
