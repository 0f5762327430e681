from __future__ import annotations

import numpy as np
import pytest

from visavox.world.population import CATEGORIES
from visavox.world.voices.speech_sounds import ACCENTS, CONSONANTS, VOWEL_MEAN_HZ


def test_vowels_have_rising_formants_of_a_human_mouth() -> None:
    for accent in ACCENTS:
        for first, second, third in accent:
            assert 240.0 <= first <= 850.0
            assert first + 200.0 < second < third - 200.0
            assert third < 3200.0


def test_there_is_an_accent_for_each_nationality() -> None:
    assert len(ACCENTS) == len(CATEGORIES["nationality"])
    assert len(set(ACCENTS)) == len(ACCENTS)


@pytest.mark.parametrize("accent", ACCENTS)
def test_an_accent_moves_vowels_but_not_their_mean(accent: tuple[tuple[float, float, float], ...]) -> None:
    """Otherwise a nationality would sound like a longer or shorter vocal tract, which tells of the size."""
    mean = np.exp(np.log(np.array(accent)).mean(axis=0))
    assert mean == pytest.approx(np.array(VOWEL_MEAN_HZ), rel=0.015)


def test_accents_differ_in_how_their_vowels_are_spread() -> None:
    """Spread of both formants and how they go together: no two accents are alike in all three."""
    shapes = []
    for accent in ACCENTS:
        logs = np.log(np.array(accent))[:, :2]
        shapes.append([*logs.std(axis=0), 0.4 * np.corrcoef(logs.T)[0, 1]])
    for i in range(len(shapes)):
        for j in range(i):
            assert np.linalg.norm(np.subtract(shapes[i], shapes[j])) > 0.1


def test_consonants_are_short_and_within_range() -> None:
    for sounds in CONSONANTS.values():
        assert 0.03 < sum(sound.duration_s for sound in sounds) < 0.2
        for sound in sounds:
            assert sound.duration_s > 0.0
            assert all(0.0 <= value <= 1.0 for value in (sound.voicing, sound.aspiration, sound.frication))
            assert 500.0 <= sound.frication_hz <= 7500.0
            assert sound.formants_hz is None or sorted(sound.formants_hz) == list(sound.formants_hz)


def test_stops_begin_with_a_closure_and_end_with_a_noise() -> None:
    for name in "ptkbdg":
        closure, burst = CONSONANTS[name][:2]
        assert closure.frication == closure.aspiration == 0.0 and closure.voicing < 0.2
        assert burst.frication > 0.4 and burst.duration_s < 0.02
    for voiced, voiceless in zip("bdg", "ptk", strict=True):
        assert CONSONANTS[voiced][0].voicing > CONSONANTS[voiceless][0].voicing
