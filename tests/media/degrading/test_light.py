"""Light: stops on the sRGB curve."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.light import expose_face


def exposed(value: int, stops: float) -> int:
    """One value, step by step."""
    v = value / 255
    light = v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
    light = min(1.0, light * 2**stops)
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("stops", [-4.0, -1.0, 0.0, 1.0, 3.0])
def test_every_value_is_that_of_the_curve(stops: float) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    found = expose_face(ramp, stops=stops)
    assert found.dtype == np.uint8
    assert found[:, :, 0].ravel().tolist() == [exposed(value, stops) for value in range(256)]


def test_no_stop_changes_nothing_and_darkness_stays_dark(face: np.ndarray) -> None:
    assert np.array_equal(expose_face(face, stops=0.0), face)
    assert not expose_face(np.zeros((4, 4, 3), np.uint8), stops=3.0).any()


def test_one_stop_down_and_up_again_is_the_same_but_for_rounding(face: np.ndarray) -> None:
    again = expose_face(expose_face(face, stops=-1.0), stops=1.0)
    assert np.abs(again.astype(int) - face).max() <= 2
    assert expose_face(face, stops=8.0).min() == 255
