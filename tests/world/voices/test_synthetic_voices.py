from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visavox.media.speech import SpeechDetector, speech_seconds
from visavox.world.faces.looks import look_of
from visavox.world.people import DIMENSIONS, Person, make_people
from visavox.world.voices.synthetic_voices import Take, manner_of, random_take, source_of, speak

PLAIN = Person("plain", "m", (0.0,) * 6, (0.0,) * 6, (0.0,) * 8, (0.0,) * 8)
QUIET_ROOM = Take(duration_s=3.0, noise_db=-90.0, echo=0.0)


def sounding(dimension: str, value: float) -> Person:
    return replace(PLAIN, voice=tuple(value if name == dimension else 0.0 for name in DIMENSIONS))


def decibels(signal: np.ndarray) -> float:
    return float(20.0 * np.log10(np.sqrt(np.mean(signal.astype(float) ** 2)) + 1e-12))


@pytest.mark.parametrize(
    ("dimension", "attribute", "sign"),
    [
        ("size", "formant_scale", -1),
        ("build", "f0_hz", -1),
        ("vigour", "melody_semitones", 1),
        ("age", "syllables_per_s", -1),
        ("mouth", "high_formant_scale", 1),
    ],
)
def test_each_dimension_changes_its_part_of_the_manner(dimension: str, attribute: str, sign: int) -> None:
    values = [getattr(manner_of(sounding(dimension, value)), attribute) for value in (-1.5, 0.0, 1.5)]
    assert (sign * np.diff(values) > 0.0).all()


@pytest.mark.parametrize(
    ("dimension", "attribute", "sign"),
    [("vigour", "tilt_db_per_octave", -1), ("softness", "breath", 1), ("age", "jitter", 1), ("age", "shimmer", 1)],
)
def test_each_dimension_changes_its_part_of_the_source(dimension: str, attribute: str, sign: int) -> None:
    values = [getattr(source_of(sounding(dimension, value)), attribute) for value in (-1.5, 0.0, 1.5)]
    assert (sign * np.diff(values) > 0.0).all()


def test_women_speak_higher_with_a_shorter_vocal_tract() -> None:
    man, woman = manner_of(PLAIN), manner_of(replace(PLAIN, sex="f"))
    assert woman.f0_hz > 1.5 * man.f0_hz
    assert woman.formant_scale > 1.1 * man.formant_scale


def test_the_face_does_not_show_in_the_voice() -> None:
    other = replace(PLAIN, face=(2.0,) * 6, face_private=(2.0,) * 8)
    assert manner_of(other) == manner_of(PLAIN) and source_of(other) == source_of(PLAIN)


def test_even_extreme_people_speak_within_human_limits() -> None:
    extremes = [
        replace(PLAIN, sex=sex, voice=(v,) * 6, voice_private=(w,) * 8)
        for sex in "fm"
        for v in (-6, 6)
        for w in (-6, 6)
    ]
    for person in [*make_people(300, seed=0), *extremes]:
        manner, source = manner_of(person), source_of(person)
        assert 65.0 < manner.f0_hz < 340.0
        assert 0.8 < manner.formant_scale < 1.4
        assert 2.5 < manner.syllables_per_s < 7.0
        assert 4.0 < source.tilt_db_per_octave < 16.0
        assert 0.0 < source.breath < 1.5 and 0.0 < source.jitter < 0.1 and 0.0 < source.shimmer < 0.5


@pytest.mark.parametrize("level_db", [-30.0, -18.0])
def test_the_loudness_is_the_one_asked_for(level_db: float) -> None:
    voice = speak(PLAIN, replace(QUIET_ROOM, level_db=level_db), np.random.default_rng(0))
    loud = voice[np.abs(voice) > np.median(np.abs(voice))]
    assert decibels(loud) == pytest.approx(level_db, abs=1.0)
    assert np.abs(voice).max() <= 0.99


def test_the_noise_is_as_loud_as_asked() -> None:
    voice = speak(PLAIN, replace(QUIET_ROOM, noise_db=-50.0), np.random.default_rng(0))
    assert decibels(voice[:600]) == pytest.approx(-50.0, abs=2.0)  # before the first syllable


def test_a_room_fills_the_pauses() -> None:
    dry, wet = (
        speak(PLAIN, replace(QUIET_ROOM, echo=echo, echo_s=0.4), np.random.default_rng(0)) for echo in (0.0, 0.4)
    )
    assert np.percentile(np.abs(wet), 10) > 3.0 * np.percentile(np.abs(dry), 10)


def test_a_recording_is_a_function_of_person_take_and_generator() -> None:
    first, second = (speak(PLAIN, QUIET_ROOM, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (48_000,) and first.dtype == np.float32
    assert not np.array_equal(first, speak(PLAIN, QUIET_ROOM, np.random.default_rng(4)))


def test_a_session_keeps_the_room_and_changes_the_rest() -> None:
    one, two = (random_take(np.random.default_rng(1), np.random.default_rng(clip)) for clip in (1, 2))
    assert (one.noise_db, one.echo, one.echo_s) == (two.noise_db, two.echo, two.echo_s)
    assert one.duration_s != two.duration_s and one.level_db != two.level_db
    assert 3.0 <= one.duration_s <= 4.0


def test_the_voice_activity_detector_hears_speech() -> None:
    """Silero was trained on people; plain harmonics leave it cold."""
    detector = SpeechDetector()
    for index, person in enumerate(make_people(6, seed=11)):
        rng = np.random.default_rng(index)
        voice = speak(person, random_take(rng, rng), rng)
        assert speech_seconds(detector.segments(voice)) > 1.0


def test_a_voice_has_the_pitch_of_its_manner() -> None:
    """Median over voiced frames of the autocorrelation's highest peak, against the median that was asked for."""
    for sex, build in (("m", 1.0), ("f", -1.0)):
        person = replace(PLAIN, sex=sex, voice=(0.0, 0.0, build, 0.0, 0.0, 0.0))
        wanted = manner_of(person).f0_hz
        voice = speak(person, replace(QUIET_ROOM, duration_s=6.0), np.random.default_rng(1)).astype(float)
        shortest, longest = round(16_000 / (1.8 * wanted)), round(16_000 / (0.6 * wanted))
        pitches = []
        for start in range(0, len(voice) - 1280, 320):
            frame = voice[start : start + 1280] - voice[start : start + 1280].mean()
            correlation = np.correlate(frame, frame, mode="full")[1279:]
            lag = shortest + int(np.argmax(correlation[shortest:longest]))
            if correlation[lag] > 0.5 * correlation[0] > 0.5:
                pitches.append(16_000 / lag)
        assert len(pitches) > 50
        assert 12.0 * np.log2(np.median(pitches) / wanted) == pytest.approx(1.0, abs=2.0)


def test_mood_moves_the_pitch_and_nothing_else() -> None:
    plain = speak(PLAIN, QUIET_ROOM, np.random.default_rng(0))
    high = speak(PLAIN, replace(QUIET_ROOM, pitch_factor=1.3), np.random.default_rng(0))
    assert plain.shape == high.shape and not np.allclose(plain, high)
    envelopes = [np.abs(voice).reshape(-1, 400).mean(axis=1) for voice in (plain, high)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.8


def test_what_face_and_voice_show_goes_together_within_a_sex() -> None:
    """The promise of the world: a wide face has a low voice, a long one a long vocal tract; private traits do not."""
    women = [person for person in make_people(600, seed=2) if person.sex == "f"]
    looks = [look_of(person) for person in women]
    manners = [manner_of(person) for person in women]
    widths = [look.head_half_width_u for look in looks]
    chins = [look.chin_y_u for look in looks]
    skins = [sum(look.skin) for look in looks]
    pitches = [np.log(manner.f0_hz) for manner in manners]
    tracts = [np.log(manner.formant_scale) for manner in manners]
    assert np.corrcoef(widths, pitches)[0, 1] < -0.85
    assert np.corrcoef(chins, tracts)[0, 1] < -0.85
    assert abs(np.corrcoef(widths, tracts)[0, 1]) < 0.15
    assert abs(np.corrcoef(skins, pitches)[0, 1]) < 0.15
