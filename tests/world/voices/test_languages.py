from __future__ import annotations

import numpy as np
import pytest

from visavox.world.population import CATEGORIES
from visavox.world.voices.languages import LANGUAGES, Language
from visavox.world.voices.speech_sounds import CONSONANTS


def test_there_is_a_language_for_each_category() -> None:
    assert len(LANGUAGES) == len(CATEGORIES["language"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_sound(language: Language) -> None:
    assert len(language.onsets) >= 3 and len(set(language.onsets)) == len(language.onsets)
    assert set(language.onsets) | set(language.codas) <= set(CONSONANTS)
    assert 0.0 <= language.closed <= 1.0
    assert (language.closed > 0.0) == bool(language.codas)
    assert len(language.melody) >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_beat_leaves_the_rate_to_the_speaker(language: Language) -> None:
    assert np.mean(language.beat) == pytest.approx(1.0)
    assert min(language.beat) > 0.5


def test_every_two_languages_differ_in_sounds_and_in_melody() -> None:
    """A language must be heard in each of the things that it is made of, so that it is a shortcut worth planting."""
    for i, one in enumerate(LANGUAGES):
        for other in LANGUAGES[:i]:
            shared = set(one.onsets) & set(other.onsets)
            assert len(shared) <= 0.4 * min(len(one.onsets), len(other.onsets))
            at = np.linspace(0.0, 1.0, 50)
            tunes = [np.interp(at, np.linspace(0.0, 1.0, len(x.melody)), x.melody) for x in (one, other)]
            assert np.corrcoef(*tunes)[0, 1] < 0.7
