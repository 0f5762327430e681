"""What is drawn of a crop, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import ConfigError, DataError
from visavox.media.drawn_frame import FRAME_PX, crop_of_picture, drawn_picture
from visavox.media.face_crop import dlib_chip


def crop(seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return np.repeat(np.repeat(small, 32, axis=0), 32, axis=1)


def test_the_drawn_square_is_what_dlibs_chip_shows() -> None:
    chip = dlib_chip(crop()).astype(int)
    drawn = drawn_picture(crop(), chip.shape[0]).astype(int)
    assert np.abs(chip - drawn).mean() < 4


def test_at_its_own_size_it_is_a_cut() -> None:
    assert (drawn_picture(crop(), FRAME_PX) == crop()[32:224, 32:224]).all()


@given(px=st.integers(8, 512), shade=st.integers(0, 255))
@settings(max_examples=25, deadline=None)
def test_an_even_picture_stays_even_there_and_back(px: int, shade: int) -> None:
    drawn = drawn_picture(np.full((256, 256, 3), shade, np.uint8), px)
    assert drawn.shape == (px, px, 3)
    assert (crop_of_picture(drawn) == shade).all()


def test_there_and_back_at_its_own_size_keeps_the_square() -> None:
    back = crop_of_picture(drawn_picture(crop(), FRAME_PX))
    assert (back[32:224, 32:224] == crop()[32:224, 32:224]).all()


def test_about_the_square_its_border_is_repeated() -> None:
    back = crop_of_picture(drawn_picture(crop(), FRAME_PX))
    assert (back[:32, 100] == back[32, 100]).all()
    assert (back[100, 224:] == back[100, 223]).all()


@pytest.mark.parametrize("px", [0, 7, 513])
def test_a_size_that_nobody_can_look_at_is_refused(px: int) -> None:
    with pytest.raises(ConfigError, match=f"8 to 512 pixels wide. Got {px}"):
        drawn_picture(crop(), px)


@pytest.mark.parametrize("wrong", [np.zeros((255, 256, 3), np.uint8), np.zeros((256, 256, 3), np.float32)])
def test_what_is_no_crop_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be \\(256, 256, 3\\) uint8"):
        drawn_picture(wrong, 64)


@pytest.mark.parametrize("wrong", [np.zeros((64, 32, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be \\(px, px, 3\\) uint8"):
        crop_of_picture(wrong)
