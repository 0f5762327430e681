from __future__ import annotations

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest

from visavox.world.faces.looks import GREY_HAIR, HAIR_TONES, SHIRT_TONES, WALLS, look_of, mix, tone
from visavox.world.people import Shown, make_people
from visavox.world.population import CATEGORIES, DIMENSIONS

PLAIN = Shown("f", (0.0,) * 6, (0.0,) * 8, 0, 0)


def showing(dimension: str, value: float, face: Shown = PLAIN) -> Shown:
    shared = tuple(value if name == dimension else old for name, old in zip(DIMENSIONS, face.shared, strict=True))
    return replace(face, shared=shared)


def numbers(face: Shown) -> np.ndarray:
    return np.array([number for field in astuple(look_of(face)) for number in np.atleast_1d(field)])


@pytest.mark.parametrize(
    ("dimension", "attribute"),
    [
        ("age", "grey"),
        ("age", "wrinkles"),
        ("size", "chin_y_u"),
        ("size", "jaw_half_width_u"),
        ("build", "head_half_width_u"),
        ("vigour", "eye_half_height_u"),
        ("vigour", "brow_thickness_u"),
        ("softness", "hair_volume_u"),
        ("softness", "nose_half_width_u"),
        ("mouth", "lip_height_u"),
        ("mouth", "mouth_half_width_u"),
        ("mouth", "rosiness"),
        ("softness", "hair_length"),
    ],
)
def test_each_dimension_grows_what_it_stands_for(dimension: str, attribute: str) -> None:
    values = [getattr(look_of(showing(dimension, value)), attribute) for value in (-1.5, -0.5, 0.5, 1.5)]
    assert np.all(np.diff(values) > 0.0)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_looks_change_smoothly(dimension: str) -> None:
    steps = [numbers(showing(dimension, value)) for value in np.linspace(-3.0, 3.0, 121)]
    assert np.abs(np.diff(steps, axis=0)).max() < 0.04
    assert np.abs(steps[0] - steps[-1]).max() > 0.05


def test_the_sexes_look_different() -> None:
    woman, man = look_of(PLAIN), look_of(replace(PLAIN, sex="m"))
    assert man.jaw_half_width_u > woman.jaw_half_width_u
    assert man.brow_thickness_u > woman.brow_thickness_u
    assert woman.hair_length > man.hair_length
    assert woman.stubble == 0.0


@pytest.mark.parametrize("number", range(8))
def test_looks_change_smoothly_with_the_private_numbers(number: int) -> None:
    steps = []
    for value in np.linspace(-3.0, 3.0, 121):
        private = tuple(value if index == number else 0.0 for index in range(8))
        steps.append(numbers(replace(PLAIN, sex="m", private=private)))
    assert np.abs(np.diff(steps, axis=0)).max() < 0.05


def test_a_nationality_shows_in_skin_and_hair_and_a_language_in_clothes_and_wall() -> None:
    n = len(CATEGORIES["nationality"])
    assert n == len(CATEGORIES["language"]) == len(WALLS) == len(SHIRT_TONES)
    nations = [look_of(replace(PLAIN, nationality=index)) for index in range(n)]
    languages = [look_of(replace(PLAIN, language=index)) for index in range(n)]
    for first in range(n):
        for second in range(first):
            assert np.abs(np.subtract(nations[first].skin, nations[second].skin)).max() > 0.08
            assert np.abs(np.subtract(languages[first].wall, languages[second].wall)).max() > 0.08
            assert np.abs(np.subtract(languages[first].shirt, languages[second].shirt)).max() > 0.15
    assert (
        len({(look.shirt, look.wall) for look in nations}) == len({(look.skin, look.hair) for look in languages}) == 1
    )


def test_people_of_one_nationality_are_nearer_in_skin_than_those_of_two() -> None:
    """Even the palest and the darkest of one range, so that a planted shortcut can be seen."""
    ends = [
        [look_of(replace(PLAIN, nationality=index, private=(value,) + (0.0,) * 7)).skin[0] for value in (-3.0, 3.0)]
        for index in range(4)
    ]
    for (_, darkest), (palest, _) in pairwise(ends):
        assert darkest > palest


def test_even_extreme_people_keep_a_face() -> None:
    extremes = [
        Shown(sex, (v,) * 6, (w,) * 8, n, n)
        for sex in ("f", "m")
        for v in (-6.0, 6.0)
        for w in (-6.0, 6.0)
        for n in range(4)
    ]
    for face in [*(person.face for person in make_people(300, seed=0)), *extremes]:
        look = look_of(face)
        eye_edge = look.eye_x_u + look.eye_half_width_u
        assert eye_edge < look.head_half_width_u
        assert look.eye_x_u > look.eye_half_width_u
        assert look.mouth_half_width_u * 1.12 < look.jaw_half_width_u
        assert look.brow_y_u < -look.eye_half_height_u < 0.0 < look.nose_y_u
        assert look.nose_y_u < look.mouth_y_u - look.lip_height_u
        assert look.mouth_y_u + look.lip_height_u < look.chin_y_u
        assert look.chin_half_width_u < look.jaw_half_width_u < look.head_half_width_u
        assert look.hairline_y_u < look.brow_y_u - 0.1
        for share in (look.grey, look.wrinkles, look.stubble, look.hair_length, look.lashes, look.rosiness):
            assert 0.0 <= share <= 1.0
        for colour in (look.skin, look.hair, look.iris, look.lips, look.shirt, look.wall, look.blush):
            assert all(0.0 <= channel <= 1.0 for channel in colour)


def test_old_people_are_grey() -> None:
    hair = look_of(showing("age", 3.0)).hair
    assert np.abs(np.subtract(hair, GREY_HAIR)).max() < 0.12


def test_a_tone_runs_from_the_first_colour_to_the_last() -> None:
    assert tone(HAIR_TONES, 0.0) == HAIR_TONES[0]
    assert tone(HAIR_TONES, 1.0) == pytest.approx(HAIR_TONES[-1])
    assert tone(HAIR_TONES, 2.0) == tone(HAIR_TONES, 1.0)
    assert tone(((0.0, 0.0, 0.0), (1.0, 0.5, 0.0)), 0.5) == pytest.approx((0.5, 0.25, 0.0))


def test_mix_blends_channel_by_channel() -> None:
    assert mix((0.0, 1.0, 0.5), (1.0, 0.0, 0.5), 0.25) == pytest.approx((0.25, 0.75, 0.5))
