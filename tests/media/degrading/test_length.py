"""Length: so many seconds of speech, no more, and no clip that has less."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading import length
from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.length import cut_to_speech, first_speech
from visavox.media.speech import SpeechSegment

VOICE = np.arange(80_000, dtype=np.float32)  # 5 s whose samples say where they were
SPEECH = [SpeechSegment(0.5, 1.5), SpeechSegment(2.0, 4.0)]


@pytest.mark.parametrize(
    ("speech_s", "first_s", "end_s"), [(0.25, 0.5, 0.75), (1.0, 0.5, 1.5), (1.5, 0.5, 2.5), (3.0, 0.5, 4.0)]
)
def test_the_cut_begins_at_the_first_word_and_ends_when_enough_was_heard(
    speech_s: float, first_s: float, end_s: float
) -> None:
    part = cut_to_speech(VOICE, SPEECH, speech_s=speech_s)
    assert part[0] == 16_000 * first_s
    assert part[-1] == 16_000 * end_s - 1
    assert len(part) == 16_000 * (end_s - first_s)


def test_a_cut_is_a_copy() -> None:
    part = cut_to_speech(VOICE, SPEECH, speech_s=1.0)
    part[:] = 0
    assert VOICE[8000] == 8000


@pytest.mark.parametrize("segments", [[], SPEECH[:1], SPEECH])
def test_clips_with_less_speech_are_left_out(segments: list[SpeechSegment]) -> None:
    with pytest.raises(CannotDegradeError, match="it holds less speech"):
        cut_to_speech(VOICE, segments, speech_s=3.01)


def test_a_billionth_of_a_second_does_not_matter() -> None:
    assert len(cut_to_speech(VOICE, SPEECH, speech_s=3.0 + 1e-10)) == 56_000


def test_the_detector_says_where_speech_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Detector:
        def segments(self, voice: np.ndarray) -> list[SpeechSegment]:
            assert voice is VOICE
            return SPEECH

    monkeypatch.setattr(length, "_detector", Detector)
    assert first_speech(VOICE, speech_s=1.0)[[0, -1]].tolist() == [8000.0, 23_999.0]


def test_silence_holds_no_speech() -> None:
    with pytest.raises(CannotDegradeError, match="it holds less speech"):
        first_speech(np.zeros(16_000, np.float32), speech_s=0.5)
