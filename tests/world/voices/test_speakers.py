from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visavox.world.people import Shown, make_people
from visavox.world.population import CATEGORIES, DIMENSIONS
from visavox.world.voices.babble import Manner
from visavox.world.voices.source_filter import Source, Tract
from visavox.world.voices.speakers import manner_of, source_of, tract_of

PLAIN = Shown("m", (0.0,) * 6, (0.0,) * 8, 0, 0)


def sounding(dimension: str, value: float) -> Shown:
    return replace(PLAIN, shared=tuple(value if name == dimension else 0.0 for name in DIMENSIONS))


def everything_of(voice: Shown) -> tuple[Manner, Source, Tract]:
    return manner_of(voice), source_of(voice), tract_of(voice)


@pytest.mark.parametrize(
    ("dimension", "attribute", "sign"),
    [
        ("size", "formant_scale", -1),
        ("build", "f0_hz", -1),
        ("vigour", "melody_semitones", 1),
        ("vigour", "vowel_space", 1),
        ("age", "syllables_per_s", -1),
        ("age", "tremor", 1),
        ("mouth", "third_formant_scale", 1),
        ("vigour", "tilt_db_per_octave", -1),
        ("softness", "breath", 1),
        ("softness", "openness_db", 1),
        ("age", "jitter", 1),
        ("age", "shimmer", 1),
        ("age", "damping", 1),
    ],
)
def test_each_dimension_has_places_of_its_own(dimension: str, attribute: str, sign: int) -> None:
    """It moves the number steadily, and no other dimension moves it at all."""

    def number(voice: Shown) -> float:
        return float(next(getattr(part, attribute) for part in everything_of(voice) if hasattr(part, attribute)))

    assert (sign * np.diff([number(sounding(dimension, value)) for value in (-3.0, -1.0, 0.0, 1.0, 3.0)]) > 0.0).all()
    for other in set(DIMENSIONS) - {dimension}:
        assert number(sounding(other, 1.5)) == number(PLAIN)


def test_size_moves_all_high_formants_and_mouth_the_fourth_alone() -> None:
    plain = np.array(tract_of(PLAIN).high_formants_hz)
    tall = np.array(tract_of(sounding("size", 1.0)).high_formants_hz) / plain
    wide = np.array(tract_of(sounding("mouth", 1.0)).high_formants_hz) / plain
    assert tall == pytest.approx(np.full(3, tall[0])) and tall[0] < 0.96
    assert wide[0] > 1.04 and wide[1:] == pytest.approx([1.0, 1.0])
    assert tall[0] == pytest.approx(manner_of(sounding("size", 1.0)).formant_scale / manner_of(PLAIN).formant_scale)


def test_women_speak_higher_with_a_shorter_vocal_tract() -> None:
    man, woman = manner_of(PLAIN), manner_of(replace(PLAIN, sex="f"))
    assert woman.f0_hz > 1.5 * man.f0_hz
    assert woman.formant_scale > 1.1 * man.formant_scale


def test_nationality_shows_in_the_vowels_and_language_in_the_rest_alone() -> None:
    foreign, speaking = manner_of(replace(PLAIN, nationality=2)), manner_of(replace(PLAIN, language=3))
    plain = manner_of(PLAIN)
    assert foreign.vowels_hz != plain.vowels_hz and replace(foreign, vowels_hz=plain.vowels_hz) == plain
    assert speaking.language != plain.language and replace(speaking, language=plain.language) == plain
    assert len({manner_of(replace(PLAIN, nationality=i)).vowels_hz for i in range(4)}) == len(CATEGORIES["nationality"])


def test_even_extreme_people_speak_within_human_limits() -> None:
    extremes = [
        replace(PLAIN, sex=sex, shared=(v,) * 6, private=(w,) * 8) for sex in "fm" for v in (-6.0, 6.0) for w in (-6, 6)
    ]
    for voice in [*(person.voice for person in make_people(300, seed=0)), *extremes]:
        manner, source, tract = everything_of(voice)
        assert 70.0 < manner.f0_hz < 300.0
        assert 0.85 < manner.formant_scale < 1.35
        assert 3.0 < manner.syllables_per_s < 7.5
        assert 0.7 < manner.vowel_space < 1.4 and 0.0 < manner.tremor < 0.9
        assert 4.0 < source.tilt_db_per_octave < 15.0 and -12.0 < source.openness_db < 12.0
        assert 0.0 < source.breath < 0.5 and 0.0 < source.jitter < 0.06 and 0.0 < source.shimmer < 0.3
        assert 0.65 < tract.damping < 3.0
        high = tract.high_formants_hz
        assert manner.formant_scale * 3000.0 < high[0] + 600.0 and high[0] < high[1] < high[2] < 7700.0


def test_private_numbers_move_the_voice_little() -> None:
    """They tell the person apart from others of the same kind, and must not hide what is shared."""
    plain = manner_of(PLAIN)
    for index in range(8):
        private = tuple(1.0 if i == index else 0.0 for i in range(8))
        manner = manner_of(replace(PLAIN, private=private))
        assert manner.f0_hz / plain.f0_hz == pytest.approx(1.0, abs=0.03)
        assert manner.formant_scale / plain.formant_scale == pytest.approx(1.0, abs=0.01)
        assert manner.syllables_per_s / plain.syllables_per_s == pytest.approx(1.0, abs=0.05)
