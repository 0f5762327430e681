"""What a degradation says of itself, and the two small measures of voices."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.base import CannotDegradeError, Degradation, Means, in_range, power


def made(**changes: object) -> Degradation:
    usual: dict[str, object] = {"name": "white_noise", "condition": "noise", "modality": "voice", "unit": "dB"}
    usual |= {"levels": (20.0, 0.5), "run": lambda media, level, means: media * level, "about": "Noise."}
    return Degradation(**{**usual, **changes})  # type: ignore[arg-type]


def test_levels_are_written_with_their_unit_and_names_as_they_are() -> None:
    assert [made().label(level) for level in (20.0, 0.5)] == ["20 dB", "0.5 dB"]
    assert made(unit="").label(50.0) == "50"
    assert made().label("mu-law") == "mu-law"


def test_title_and_axis_come_from_the_name_unless_the_quantity_is_named() -> None:
    assert made().title == "White noise"
    assert made(name="mp3").title == "MP3"
    assert made().axis == "white noise, dB"
    assert made(quantity="signal-to-noise ratio").axis == "signal-to-noise ratio, dB"
    assert made(unit="").axis == "white noise"


def test_levels_have_an_order_only_when_all_are_numbers() -> None:
    assert made().is_ordered
    assert not made(levels=("a", 2.0)).is_ordered


def test_running_gives_the_function_the_level_and_the_means() -> None:
    means = Means(np.random.default_rng(0))
    assert means.others == ()
    assert made().run(np.array([4.0]), 0.5, means).tolist() == [2.0]


def test_a_voice_above_full_scale_is_turned_down_whole_and_others_are_kept() -> None:
    loud = in_range(np.array([0.5, -2.0, 1.0]))
    assert loud.dtype == np.float32
    assert loud.tolist() == [0.25, -1.0, 0.5]
    assert in_range(np.array([1.0, -0.5])).tolist() == [1.0, -0.5]
    assert in_range(np.empty(0)).shape == (0,)


def test_power_is_the_mean_square() -> None:
    assert power(np.array([1.0, -3.0])) == 5.0
    assert power(np.empty(0)) == 0.0
    assert power(np.full(4, 1e-30, np.float32)) > 0  # in double precision


def test_what_cannot_be_degraded_says_why() -> None:
    with pytest.raises(CannotDegradeError, match=r"^too quiet$"):
        raise CannotDegradeError("too quiet")
