from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from visavox.world.voices.source_filter import Tracks
from visavox.world.voices.speech_sounds import CONSONANTS, FRAME_S, VOWELS_HZ, Manner, babble


def spoken(manner: Manner | None = None, seed: int = 0, duration_s: float = 20.0) -> Tracks:
    return babble(duration_s, manner or Manner(), np.random.default_rng(seed))


def n_runs(flags: np.ndarray) -> int:
    return int(np.sum(np.diff(flags.astype(int)) == 1))


@pytest.mark.parametrize("duration_s", [0.5, 1.0, 3.217, 8.0])
def test_tracks_have_the_asked_length_and_legal_values(duration_s: float) -> None:
    tracks = spoken(duration_s=duration_s)
    n = round(duration_s / FRAME_S)
    for field in fields(tracks):
        track = getattr(tracks, field.name)
        assert len(track) == n
        assert np.isfinite(track).all()
    for amplitude in (tracks.voicing, tracks.aspiration, tracks.frication):
        assert amplitude.min() >= 0.0 and amplitude.max() <= 1.0 + 1e-12
    assert tracks.f0_hz.min() >= 55.0 and tracks.f0_hz.max() <= 480.0
    assert (np.diff(tracks.formants_hz, axis=1) >= 0.0).mean() > 0.999


def test_speech_has_syllables_pauses_and_noises() -> None:
    tracks = spoken()
    assert 2.0 < n_runs(tracks.voicing > 0.45) / 20.0 < 8.0
    silent = (tracks.voicing + tracks.aspiration + tracks.frication) < 0.02
    assert 0.08 < silent.mean() < 0.45
    assert n_runs(tracks.frication > 0.2) > 10
    assert n_runs(tracks.aspiration > 0.2) > 3


def test_it_begins_and_ends_in_silence() -> None:
    tracks = spoken(duration_s=3.0)
    assert tracks.voicing[0] == tracks.voicing[-1] == 0.0
    assert tracks.frication[-1] == 0.0


def test_formants_move_as_in_speech() -> None:
    formants = spoken().formants_hz
    assert (formants[:, 0].std() / formants[:, 0].mean()) > 0.2
    assert (formants[:, 1].std() / formants[:, 1].mean()) > 0.2
    assert np.abs(np.diff(np.log(formants), axis=0)).max() < 0.35


def test_the_middle_of_the_pitch_is_the_speakers() -> None:
    for f0_hz in (100.0, 210.0):
        found = np.median([np.median(spoken(Manner(f0_hz=f0_hz), seed).f0_hz) for seed in range(5)])
        assert 12.0 * np.log2(found / f0_hz) == pytest.approx(1.0, abs=2.0)  # accents lift it a little


def test_a_livelier_melody_moves_the_pitch_more() -> None:
    flat, lively = (np.log2(spoken(Manner(melody_semitones=m)).f0_hz).std() for m in (0.5, 5.0))
    assert lively > 1.4 * flat


def test_the_vocal_tract_scales_every_formant() -> None:
    plain, small = spoken().formants_hz, spoken(Manner(formant_scale=1.15)).formants_hz
    assert small / plain == pytest.approx(np.full(plain.shape, 1.15))


def test_the_other_scales_touch_their_formants_only() -> None:
    plain = spoken().formants_hz
    assert (spoken(Manner(high_formant_scale=1.1)).formants_hz / plain)[0].tolist() == pytest.approx(
        [1, 1, 1.1, 1.1, 1.1]
    )
    assert (spoken(Manner(front_scale=1.1)).formants_hz / plain)[0].tolist() == pytest.approx([1, 1.1, 1, 1, 1])


def test_a_wider_vowel_space_spreads_the_vowels() -> None:
    narrow, wide = (spoken(Manner(vowel_space=space)).formants_hz[:, 1].std() for space in (0.7, 1.3))
    assert wide > 1.3 * narrow


def test_a_faster_speaker_says_more() -> None:
    slow, fast = (n_runs(spoken(Manner(syllables_per_s=rate), duration_s=60.0).voicing > 0.45) for rate in (3.0, 6.5))
    assert fast > 1.5 * slow


def test_the_text_comes_from_the_generator() -> None:
    assert np.array_equal(spoken(seed=1).f0_hz, spoken(seed=1).f0_hz)
    assert not np.array_equal(spoken(seed=1).f0_hz, spoken(seed=2).f0_hz)
    faster = replace(Manner(), f0_hz=200.0)
    assert np.array_equal(spoken(faster, 1).voicing, spoken(seed=1).voicing)


def test_the_inventory_is_sound() -> None:
    assert all(low < mid < high for low, mid, high in VOWELS_HZ)
    for consonant in CONSONANTS:
        assert 0.03 < sum(sound.duration_s for sound in consonant) < 0.2
