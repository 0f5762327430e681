from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from visavox.world.voices.babble import FRAME_S, Manner, babble
from visavox.world.voices.languages import LANGUAGES, Language
from visavox.world.voices.source_filter import Tracks
from visavox.world.voices.speech_sounds import ACCENTS


def spoken(manner: Manner | None = None, seed: int = 0, duration_s: float = 20.0) -> Tracks:
    return babble(duration_s, manner or Manner(), np.random.default_rng(seed))


def n_runs(flags: np.ndarray) -> int:
    return int(np.sum(np.diff(flags.astype(int)) == 1))


@pytest.mark.parametrize("duration_s", [0.5, 1.0, 3.217, 8.0])
@pytest.mark.parametrize("language", LANGUAGES)
def test_tracks_have_the_asked_length_and_legal_values(duration_s: float, language: Language) -> None:
    tracks = spoken(Manner(language=language), duration_s=duration_s)
    n = round(duration_s / FRAME_S)
    for field in fields(tracks):
        track = getattr(tracks, field.name)
        assert len(track) == n
        assert np.isfinite(track).all()
    for amplitude in (tracks.voicing, tracks.aspiration, tracks.frication):
        assert amplitude.min() >= 0.0 and amplitude.max() <= 1.0 + 1e-12
    assert tracks.f0_hz.min() >= 55.0 and tracks.f0_hz.max() <= 480.0
    assert (np.diff(tracks.formants_hz, axis=1) > 0.0).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_speech_has_syllables_pauses_and_noises(language: Language) -> None:
    tracks = spoken(Manner(language=language), duration_s=30.0)
    assert 1.0 < n_runs(tracks.voicing > 0.6) / 30.0 < 8.0
    silent = (tracks.voicing + tracks.aspiration + tracks.frication) < 0.02
    assert 0.05 < silent.mean() < 0.45
    assert n_runs(tracks.frication > 0.1) > 10


def test_it_begins_and_ends_in_silence() -> None:
    tracks = spoken(duration_s=3.0)
    assert tracks.voicing[0] == tracks.voicing[-1] == 0.0
    assert tracks.frication[-1] == 0.0


def test_formants_move_as_in_speech() -> None:
    formants = spoken().formants_hz
    assert (formants[:, 0].std() / formants[:, 0].mean()) > 0.2
    assert (formants[:, 1].std() / formants[:, 1].mean()) > 0.2
    assert np.abs(np.diff(np.log(formants), axis=0)).max() < 0.35


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("f0_hz", [100.0, 210.0])
def test_the_middle_of_the_pitch_is_the_speakers_in_every_language(f0_hz: float, language: Language) -> None:
    tracks = spoken(Manner(f0_hz=f0_hz, language=language), duration_s=60.0)
    voiced = tracks.f0_hz[tracks.voicing > 0.3]
    assert 12.0 * np.log2(voiced / f0_hz).mean() == pytest.approx(0.0, abs=0.6)


def test_only_the_shape_of_a_melody_counts() -> None:
    tunes = [(0.0, 1.0, 0.0, 2.0), (5.0, 8.0, 5.0, 11.0)]
    low, high = (spoken(Manner(language=replace(LANGUAGES[0], melody=tune))).f0_hz for tune in tunes)
    assert low == pytest.approx(high)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_spread_of_the_pitch_is_the_speakers_in_every_language(language: Language) -> None:
    """Smoothing over syllables takes a little away, alike for all."""
    tracks = spoken(Manner(melody_semitones=3.0, language=language), duration_s=60.0)
    voiced = tracks.f0_hz[tracks.voicing > 0.3]
    assert 12.0 * np.log2(voiced).std() == pytest.approx(2.8, abs=0.5)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rate", [3.5, 6.0])
def test_phrases_take_as_long_as_their_syllables_in_every_language(rate: float, language: Language) -> None:
    """From the end of one pause to the start of the next: 5 to 9 syllables, the last of them longer."""
    tracks = spoken(Manner(syllables_per_s=rate, language=language), duration_s=150.0)
    loud = tracks.voicing + tracks.aspiration + tracks.frication > 0.02
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    pace = 4.8 / rate
    silences = [(a, b) for a, b in zip(edges[1::2], edges[2::2], strict=False) if (b - a) * FRAME_S > 0.12 * pace]
    phrases_s = [(b[0] - a[1]) * FRAME_S for a, b in pairwise(silences)]
    assert np.mean(phrases_s) == pytest.approx(pace * (7 * 0.20 + 0.06), rel=0.12)


def test_a_livelier_melody_moves_the_pitch_more() -> None:
    flat, lively = (np.log2(spoken(Manner(melody_semitones=m)).f0_hz).std() for m in (0.5, 5.0))
    assert lively > 4.0 * flat


def test_the_vocal_tract_scales_every_formant() -> None:
    plain, small = spoken().formants_hz, spoken(Manner(formant_scale=1.15)).formants_hz
    assert small / plain == pytest.approx(np.full(plain.shape, 1.15))


def test_the_other_scales_touch_their_formants_only() -> None:
    plain = spoken().formants_hz
    third = spoken(Manner(third_formant_scale=1.1)).formants_hz / plain
    second = spoken(Manner(front_scale=1.1)).formants_hz / plain
    assert third == pytest.approx(np.tile([1.0, 1.0, 1.1], (len(plain), 1)))
    assert second == pytest.approx(np.tile([1.0, 1.1, 1.0], (len(plain), 1)))


def test_a_wider_vowel_space_spreads_the_vowels() -> None:
    narrow, wide = (spoken(Manner(vowel_space=space)).formants_hz[:, 1].std() for space in (0.7, 1.3))
    assert wide > 1.3 * narrow


def test_the_vowels_are_those_of_the_accent() -> None:
    """Second formant: widely spread in a triangle, hardly in a column."""
    triangle, column = (np.log(spoken(Manner(vowels_hz=accent)).formants_hz[:, 1]).std() for accent in ACCENTS[:2])
    assert triangle > 2.0 * column


def test_the_consonants_are_those_of_the_language() -> None:
    hissing, flowing = (spoken(Manner(language=LANGUAGES[index])).frication.mean() for index in (2, 1))
    assert hissing > 5.0 * flowing


def test_a_tremor_shakes_the_loudness_at_its_rate() -> None:
    steady, shaken = (spoken(Manner(tremor=depth, tremor_hz=9.0)).voicing for depth in (0.0, 0.6))
    loud = steady > 0.3
    ratio = shaken[loud] / steady[loud]
    assert ratio.min() == pytest.approx(0.4, abs=0.01) and ratio.max() == pytest.approx(1.0, abs=0.01)
    ratio = np.divide(shaken, steady, out=np.full(len(steady), 0.7), where=loud) - 0.7
    power = np.abs(np.fft.rfft(ratio)) ** 2
    assert np.argmax(power) * (1.0 / (len(ratio) * FRAME_S)) == pytest.approx(9.0, abs=0.1)


def test_the_text_comes_from_the_generator() -> None:
    assert np.array_equal(spoken(seed=1).f0_hz, spoken(seed=1).f0_hz)
    assert not np.array_equal(spoken(seed=1).f0_hz, spoken(seed=2).f0_hz)
    higher = replace(Manner(), f0_hz=200.0)
    assert np.array_equal(spoken(higher, 1).voicing, spoken(seed=1).voicing)
