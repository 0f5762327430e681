"""Occlusion: which rows are hidden."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.occlusion import EYES_ROW, GREY, hide_eyes, hide_from_below
from visavox.media.face_crop import CROP_PX, MEAN_PLACES, UNIT_PX


def hidden_rows(face: np.ndarray) -> list[int]:
    return [int(row) for row in np.flatnonzero((face == GREY).all(axis=(1, 2)))]


@pytest.mark.parametrize(("height_px", "first", "last"), [(6.0, 87, 96), (12.0, 82, 101), (24.0, 71, 112)])
def test_the_bar_lies_over_the_eyes_and_is_as_high_as_said(
    face: np.ndarray, height_px: float, first: int, last: int
) -> None:
    hidden = hide_eyes(face, height_px=height_px)
    assert hidden_rows(hidden) == list(range(first, last + 1))
    assert last - first + 1 == pytest.approx(height_px * 192 / 112, abs=1)
    shown = np.delete(np.arange(256), np.arange(first, last + 1))
    assert np.array_equal(hidden[shown], face[shown])


def test_the_eyes_are_where_the_canonical_crop_has_them() -> None:
    rows = MEAN_PLACES[:4, 1] * UNIT_PX + (CROP_PX - UNIT_PX) / 2
    assert rows.mean() == pytest.approx(EYES_ROW, abs=1)


@pytest.mark.parametrize(("share", "first"), [(0.25, 166), (0.5, 132), (0.75, 98), (0.0, 200), (1.0, 64)])
def test_a_share_of_the_face_is_hidden_from_below(face: np.ndarray, share: float, first: int) -> None:
    hidden = hide_from_below(face, share=share)
    assert hidden_rows(hidden) == list(range(first, 256))
    assert np.array_equal(hidden[:first], face[:first])


def test_half_hides_the_base_of_the_nose_and_a_quarter_does_not() -> None:
    nose = MEAN_PLACES[4, 1] * UNIT_PX + (CROP_PX - UNIT_PX) / 2
    assert 132 < nose < 166


def test_the_given_face_is_not_touched(face: np.ndarray) -> None:
    before = face.copy()
    hide_eyes(face, height_px=500.0)
    hide_from_below(face, share=1.0)
    assert np.array_equal(face, before)
