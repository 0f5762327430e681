"""Pose: where points of the picture go when it is tilted or turned."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.media.degrading.pose import CAMERA_PX, tilt_face, turn_face, turning


def with_spot(row: int, column: int) -> np.ndarray:
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[row - 2 : row + 3, column - 2 : column + 3] = 255
    return picture


def spot_of(picture: np.ndarray) -> tuple[float, float]:
    weights = picture[:, :, 0].astype(float)
    rows, columns = np.mgrid[:256, :256]
    return float((weights * rows).sum() / weights.sum()), float((weights * columns).sum() / weights.sum())


@pytest.mark.parametrize("angle_deg", [10.0, 45.0, 90.0, -20.0])
def test_tilting_turns_points_about_the_middle_counter_clockwise(angle_deg: float) -> None:
    row, column = spot_of(tilt_face(with_spot(60, 170), angle_deg=angle_deg))
    x, y = 170 - 127.5, 127.5 - 60  # y upwards
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    assert column == pytest.approx(127.5 + x * cosine - y * sine, abs=0.2)
    assert row == pytest.approx(127.5 - (x * sine + y * cosine), abs=0.2)


def seen(row: float, column: float, angle_deg: float) -> tuple[float, float]:
    """The pinhole camera, step by step: turn the point in space, then project it."""
    x, y = column - 127.5, row - 127.5
    depth = x * math.sin(math.radians(angle_deg))
    scale = CAMERA_PX / (CAMERA_PX + depth)
    return 127.5 + y * scale, 127.5 + x * math.cos(math.radians(angle_deg)) * scale


@pytest.mark.parametrize("angle_deg", [15.0, 60.0, -30.0])
@pytest.mark.parametrize(("row", "column"), [(60, 170), (200, 40)])
def test_turning_is_a_photo_before_a_pinhole_camera(angle_deg: float, row: int, column: int) -> None:
    found = spot_of(turn_face(with_spot(row, column), angle_deg=angle_deg))
    assert found == pytest.approx(seen(row, column, angle_deg), abs=0.4)


def test_the_far_half_becomes_smaller() -> None:
    corners = np.array([[0, 0, 1], [0, 255, 1], [255, 0, 1], [255, 255, 1]], dtype=float).T
    x, y, w = turning(45.0) @ corners
    left, right = (y / w)[1] - (y / w)[0], (y / w)[3] - (y / w)[2]
    assert right < 255 < left
    assert (x / w)[2] - (x / w)[0] < 255 * math.cos(math.radians(45)) * 1.05


def test_no_angle_changes_nothing(face: np.ndarray) -> None:
    assert np.array_equal(tilt_face(face, angle_deg=0.0), face)
    assert np.array_equal(turn_face(face, angle_deg=0.0), face)
    assert np.allclose(turning(0.0), np.eye(3))


def test_beyond_the_border_the_picture_goes_on(face: np.ndarray) -> None:
    bright = np.full((256, 256, 3), 200, np.uint8)
    assert (tilt_face(bright, angle_deg=45.0) == 200).all()
    assert (turn_face(bright, angle_deg=60.0) == 200).all()
    assert tilt_face(face, angle_deg=45.0).shape == face.shape
