from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from visavox.world.faces.looks import GREY_HAIR, HAIR_TONES, look_of, mix, tone
from visavox.world.people import DIMENSIONS, Person, make_people

PLAIN = Person("plain", "f", (0.0,) * 6, (0.0,) * 6, (0.0,) * 8, (0.0,) * 8)


def showing(dimension: str, value: float, person: Person = PLAIN) -> Person:
    face = tuple(value if name == dimension else old for name, old in zip(DIMENSIONS, person.face, strict=True))
    return replace(person, face=face)


def numbers(person: Person) -> np.ndarray:
    return np.array([number for field in astuple(look_of(person)) for number in np.atleast_1d(field)])


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


def test_the_voice_does_not_show_in_the_face() -> None:
    other = replace(PLAIN, voice=(2.0,) * 6, voice_private=(2.0,) * 8)
    assert look_of(other) == look_of(PLAIN)


def test_even_extreme_people_keep_a_face() -> None:
    extremes = [
        replace(PLAIN, sex=sex, face=(v,) * 6, face_private=(w,) * 8) for sex in "fm" for v in (-6, 6) for w in (-6, 6)
    ]
    for person in [*make_people(300, seed=0), *extremes]:
        look = look_of(person)
        eye_edge = look.eye_x_u + look.eye_half_width_u
        assert eye_edge < look.head_half_width_u
        assert look.eye_x_u > look.eye_half_width_u
        assert look.mouth_half_width_u * 1.14 < look.jaw_half_width_u
        assert look.brow_y_u < -look.eye_half_height_u < 0.0 < look.nose_y_u
        assert look.nose_y_u < look.mouth_y_u - look.lip_height_u
        assert look.mouth_y_u + look.lip_height_u < look.chin_y_u
        assert look.chin_half_width_u < look.jaw_half_width_u < look.head_half_width_u
        assert look.hairline_y_u < look.brow_y_u - 0.1
        for share in (look.grey, look.wrinkles, look.stubble, look.hair_length, look.lashes):
            assert 0.0 <= share <= 1.0
        for colour in (look.skin, look.hair, look.iris, look.lips, look.shirt):
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
