from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from visavox.errors import ConfigError
from visavox.media.speech import SpeechDetector, speech_seconds
from visavox.world.people import Session, Sex, Shown, make_people
from visavox.world.population import DIMENSIONS
from visavox.world.voices.source_filter import SAMPLE_RATE, Samples, loudness
from visavox.world.voices.speakers import manner_of, tract_of
from visavox.world.voices.synthetic_voices import Take, microphone_response, random_take, speak

PLAIN = Shown("m", (0.0,) * 6, (0.0,) * 8, 0, 0)
QUIET_ROOM = Take(duration_s=3.0, noise_db=-90.0, echo=0.0)
AT_HOME = Session(picture=0.0, sound=0.0)


def sounding(dimension: str, value: float, sex: Sex = "m") -> Shown:
    return replace(PLAIN, sex=sex, shared=tuple(value if name == dimension else 0.0 for name in DIMENSIONS))


def decibels(signal: np.ndarray) -> float:
    return float(20.0 * np.log10(np.sqrt(np.mean(signal.astype(float) ** 2)) + 1e-12))


def random_takes(n: int, session: Session = AT_HOME) -> list[Take]:
    return [random_take(session, np.random.default_rng([1, i]), np.random.default_rng([2, i])) for i in range(n)]


@pytest.mark.parametrize("level_db", [-30.0, -18.0])
@pytest.mark.parametrize("colour", [-2.0, 0.0, 2.0])
def test_the_loudness_is_the_one_asked_for(level_db: float, colour: float) -> None:
    voice = speak(PLAIN, replace(QUIET_ROOM, level_db=level_db, colour=colour), np.random.default_rng(0))
    assert 20.0 * np.log10(loudness(voice)) == pytest.approx(level_db, abs=0.3)


def test_no_sample_is_beyond_full_scale_and_none_is_cut_off() -> None:
    """Far too loud a take is turned down as a whole: one peak reaches the limit, not a row of samples."""
    for index, person in enumerate(make_people(6, seed=3)):
        voice = speak(person.voice, replace(QUIET_ROOM, level_db=-6.0), np.random.default_rng(index))
        assert np.abs(voice).max() == pytest.approx(0.98, abs=1e-4)
        assert (np.abs(voice) > 0.979).sum() <= 2


@pytest.mark.parametrize("colour", [-1.5, 0.0, 1.5])
def test_the_noise_is_as_loud_as_asked(colour: float) -> None:
    take = replace(QUIET_ROOM, noise_db=-50.0, colour=colour)
    voice = speak(PLAIN, take, np.random.default_rng(0))
    assert decibels(voice[:600]) == pytest.approx(-50.0, abs=2.0)  # before the first syllable


def test_a_room_fills_the_pauses() -> None:
    dry, wet = (
        speak(PLAIN, replace(QUIET_ROOM, echo=echo, echo_s=0.4), np.random.default_rng(0)) for echo in (0.0, 0.4)
    )
    assert np.percentile(np.abs(wet), 10) > 3.0 * np.percentile(np.abs(dry), 10)


@pytest.mark.parametrize("echo", [0.1, 0.3, 0.5])
def test_the_room_has_its_share_of_what_is_heard(echo: float) -> None:
    """What is left of a wet recording when its best copy of the dry one is taken away is the room's part."""
    dry, wet = (speak(PLAIN, replace(QUIET_ROOM, echo=e), np.random.default_rng(0)).astype(float) for e in (0.0, echo))
    room = wet - dry * (wet @ dry) / (dry @ dry)
    assert np.linalg.norm(room) / np.linalg.norm(wet) == pytest.approx(echo / np.hypot(echo, 1.0 - echo), rel=0.25)


def test_a_recording_is_a_function_of_person_take_and_generator() -> None:
    first, second = (speak(PLAIN, QUIET_ROOM, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (48_000,) and first.dtype == np.float32
    assert not np.array_equal(first, speak(PLAIN, QUIET_ROOM, np.random.default_rng(4)))


def test_a_session_keeps_room_and_microphone_and_changes_the_rest() -> None:
    session = Session(picture=0.3, sound=-1.2)
    one, two = (random_take(session, np.random.default_rng(1), np.random.default_rng(clip)) for clip in (1, 2))
    assert (one.noise_db, one.echo, one.echo_s, one.colour) == (two.noise_db, two.echo, two.echo_s, -1.2)
    assert one.duration_s != two.duration_s and one.level_db != two.level_db


def test_a_take_lasts_from_3_to_6_s_or_as_long_as_asked() -> None:
    assert all(3.0 <= take.duration_s <= 6.0 for take in random_takes(50))
    fixed, free = (
        random_take(AT_HOME, np.random.default_rng(1), np.random.default_rng(2), duration_s=duration_s)
        for duration_s in (4.25, None)
    )
    assert fixed == replace(free, duration_s=4.25)  # the length does not move the other draws
    assert len(speak(PLAIN, fixed, np.random.default_rng(0))) == 68_000


@pytest.mark.parametrize("duration_s", [0.4, 0.0, -3.0, float("nan")])
def test_too_short_a_take_is_refused(duration_s: float) -> None:
    with pytest.raises(ConfigError, match=r"`duration_s` must be at least 0\.5 s"):
        random_take(AT_HOME, np.random.default_rng(1), np.random.default_rng(2), duration_s=duration_s)


def test_the_microphone_turns_bass_and_treble_against_each_other() -> None:
    gain_db = 20.0 * np.log10(microphone_response(1.0, np.array([50.0, 1000.0, 7900.0])))
    assert gain_db == pytest.approx([-2.4, 0.0, 2.6], abs=0.3)
    assert microphone_response(0.0, np.array([0.0, 8000.0])).tolist() == [1.0, 1.0]
    other = 20.0 * np.log10(microphone_response(-1.0, np.array([50.0, 1000.0, 7900.0])))
    assert other == pytest.approx(-gain_db)


def test_the_colour_of_the_session_lies_over_voice_and_noise() -> None:
    """Ratio of treble to bass, in the pause before the first syllable and in the whole recording."""

    def treble_db(signal: Samples) -> float:
        power = np.abs(np.fft.rfft(signal.astype(float))) ** 2
        hz = np.fft.rfftfreq(len(signal), 1.0 / SAMPLE_RATE)
        return float(10.0 * np.log10(power[hz > 5500.0].sum() / power[hz < 200.0].sum()))

    take = replace(QUIET_ROOM, noise_db=-55.0)
    dull, sharp = (speak(PLAIN, replace(take, colour=c), np.random.default_rng(0)) for c in (-1.0, 1.0))
    expected = 9.6  # dB: about 2.4 in the bass and 2.4 in the treble, both ways
    assert treble_db(sharp) - treble_db(dull) == pytest.approx(expected, abs=3.0)
    assert treble_db(sharp[:640]) - treble_db(dull[:640]) == pytest.approx(expected, abs=4.0)


def test_the_voice_activity_detector_hears_speech() -> None:
    """Silero was trained on people; plain harmonics leave it cold."""
    detector = SpeechDetector()
    for index, person in enumerate(make_people(12, seed=11)):
        rng = np.random.default_rng(index)
        take = random_take(Session(0.0, 1.5 * (-1) ** index), rng, rng, duration_s=3.0)
        assert speech_seconds(detector.segments(speak(person.voice, take, rng))) > 1.0


@pytest.mark.parametrize("category", range(4))
def test_every_language_and_accent_is_heard_as_speech(category: int) -> None:
    voice = replace(PLAIN, sex="f", nationality=category, language=category)
    heard = SpeechDetector().segments(speak(voice, QUIET_ROOM, np.random.default_rng(category)))
    assert speech_seconds(heard) > 1.5


@pytest.mark.parametrize(("sex", "build"), [("m", 1.5), ("m", 0.0), ("f", 0.0), ("f", -1.5)])
def test_a_voice_has_the_pitch_of_its_manner(sex: Sex, build: float) -> None:
    """Mean over voiced frames of the autocorrelation's highest peak, against the middle that was asked for."""
    voice = sounding("build", build, sex)
    wanted = manner_of(voice).f0_hz
    sound = speak(voice, replace(QUIET_ROOM, duration_s=6.0), np.random.default_rng(1)).astype(float)
    shortest, longest = round(SAMPLE_RATE / (1.6 * wanted)), round(SAMPLE_RATE / (0.65 * wanted))
    pitches = []
    for start in range(0, len(sound) - 1280, 320):
        frame = sound[start : start + 1280] - sound[start : start + 1280].mean()
        correlation = np.correlate(frame, frame, mode="full")[1279:]
        lag = shortest + int(np.argmax(correlation[shortest:longest]))
        if correlation[lag] > 0.5 * correlation[0] > 0.25:
            pitches.append(SAMPLE_RATE / lag)
    assert len(pitches) > 50
    assert 12.0 * np.log2(np.array(pitches) / wanted).mean() == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize(("dimension", "value"), [("size", -1.5), ("size", 1.5), ("mouth", -1.5), ("mouth", 1.5)])
def test_the_fourth_formant_of_a_voice_is_that_of_its_tract(dimension: str, value: float) -> None:
    """By linear prediction over loud frames of the whole recording: text moves the low formants, not this one."""
    clear = {"age": -1.5, "vigour": 1.5, dimension: value}  # narrow formants, bright pulses
    voice = replace(PLAIN, language=1, shared=tuple(clear.get(name, 0.0) for name in DIMENSIONS))
    sound = speak(voice, replace(QUIET_ROOM, duration_s=6.0), np.random.default_rng(2)).astype(float)
    emphasised = lfilter([1.0, -0.97], [1.0], sound)
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, 512)[::256] * np.hanning(512)
    power = np.square(frames).sum(axis=1)
    vowels = frames[power > np.percentile(power, 40)]
    spectra = np.abs(np.fft.rfft(vowels, 2048)) ** 2
    mean = np.fft.irfft((spectra / spectra.sum(axis=1, keepdims=True)).mean(axis=0))[:25]
    poles = np.roots(np.concatenate([[1.0], -solve_toeplitz(mean[:-1], mean[1:])]))
    found = np.angle(poles[(poles.imag > 0.0) & (np.abs(poles) > 0.85)]) * SAMPLE_RATE / (2.0 * np.pi)
    wanted = tract_of(voice).high_formants_hz[0]
    assert np.abs(found - wanted).min() < 0.04 * wanted


def test_mood_moves_the_pitch_and_nothing_else() -> None:
    plain = speak(PLAIN, QUIET_ROOM, np.random.default_rng(0))
    high = speak(PLAIN, replace(QUIET_ROOM, pitch_factor=1.2), np.random.default_rng(0))
    assert plain.shape == high.shape and not np.allclose(plain, high)
    envelopes = [np.abs(voice).reshape(-1, 400).mean(axis=1) for voice in (plain, high)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.8


@pytest.mark.parametrize("dimension", [name for name in DIMENSIONS if name != "build"])
def test_every_dimension_but_the_pitch_can_be_heard_in_the_spectrum(dimension: str) -> None:
    """The same text by two people who differ in one dimension: the level of some band differs."""

    def heard(value: float, seed: int) -> np.ndarray:
        voice = speak(sounding(dimension, value), QUIET_ROOM, np.random.default_rng(seed))
        frames = np.lib.stride_tricks.sliding_window_view(voice, 512)[::256] * np.hanning(512)
        power = np.abs(np.fft.rfft(frames)) ** 2
        return (10.0 * np.log10(power[:, 2:242].reshape(len(power), 24, 10).mean(axis=2) + 1e-7)).mean(axis=0)

    assert np.abs(heard(-1.5, 0) - heard(1.5, 0)).max() > 3.0
