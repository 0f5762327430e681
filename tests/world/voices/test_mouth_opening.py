from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.people import Session, make_people
from visavox.world.voices.mouth_opening import evened_opening, mouth_opening
from visavox.world.voices.source_filter import SAMPLE_RATE, Samples
from visavox.world.voices.synthetic_voices import Take, random_take, speak


def voices(n: int, *, noise_db: float = -60.0) -> list[Samples]:
    take = Take(duration_s=4.0, noise_db=noise_db)
    return [speak(person.voice, take, np.random.default_rng(i)) for i, person in enumerate(make_people(n, seed=5))]


def tone(duration_s: float, level: float = 0.2, hz: float = 500.0) -> Samples:
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2.0 * np.pi * hz * time_s)).astype(np.float32)


def silence(duration_s: float) -> Samples:
    return np.zeros(round(duration_s * SAMPLE_RATE), dtype=np.float32)


def test_the_opening_is_a_share_that_uses_its_range() -> None:
    for voice in voices(8):
        opening = mouth_opening(voice, n_frames=100)
        assert opening.shape == (100,) and opening.dtype == np.float32
        assert opening.min() == 0.0 and 0.75 < opening.max() <= 1.0
        assert 0.25 < opening.mean() < 0.75


def test_the_mouth_follows_the_energy() -> None:
    for voice in voices(8):
        energy_db = 10.0 * np.log10(np.square(voice).reshape(100, -1).mean(axis=1) + 1e-7)
        assert np.corrcoef(mouth_opening(voice, n_frames=100), energy_db)[0, 1] > 0.7


@pytest.mark.parametrize("noise_db", [-90.0, -55.0])
def test_the_mouth_is_closed_in_pauses(noise_db: float) -> None:
    """Two vowels with half a second between them, and noise everywhere."""
    voice = np.concatenate([silence(0.4), tone(0.6), silence(0.6), tone(0.6), silence(0.4)])
    voice += 10.0 ** (noise_db / 20.0) * np.random.default_rng(0).standard_normal(len(voice)).astype(np.float32)
    opening = mouth_opening(voice, n_frames=65)
    shut = [*range(8), *range(28, 38), *range(57, 65)]
    assert (opening[shut] == 0.0).all()
    assert opening[13:22].min() > 0.8 and opening[43:52].min() > 0.8


def test_silence_and_plain_noise_keep_the_mouth_closed() -> None:
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    for voice in (silence(2.0), 0.001 * noise, 0.1 * noise, silence(0.0), silence(0.001)):
        assert (mouth_opening(voice, n_frames=50) == 0.0).all()


def test_hiss_opens_the_mouth_less_than_a_vowel() -> None:
    voice = np.concatenate([silence(0.4), tone(0.4), silence(0.4), tone(0.4, hz=5500.0), silence(0.4)])
    opening = mouth_opening(voice, n_frames=50)
    assert opening[12:18].min() > 0.8 and opening[32:38].max() < 0.3


def test_the_mouth_moves_smoothly() -> None:
    for voice in voices(8):
        assert np.abs(np.diff(mouth_opening(voice, n_frames=100))).max() < 0.6


def test_the_loudness_of_the_recording_does_not_matter() -> None:
    voice = voices(1, noise_db=-120.0)[0]
    assert mouth_opening(0.3 * voice, n_frames=100) == pytest.approx(mouth_opening(voice, n_frames=100), abs=0.02)


def test_pictures_and_sound_keep_time_at_any_rate() -> None:
    voice = np.concatenate([silence(1.0), tone(1.0), silence(1.0)])
    for fps in (10.0, 25.0, 29.97):
        opening = mouth_opening(voice, n_frames=round(3.0 * fps), fps=fps)
        middle_s = (opening * (np.arange(len(opening)) + 0.5) / fps).sum() / opening.sum()
        assert middle_s == pytest.approx(1.5, abs=0.01)
        assert 0.8 < opening.max() < 1.0


def test_pictures_after_the_sound_show_a_closed_mouth() -> None:
    rng = np.random.default_rng(0)
    take = random_take(Session(0.0, 0.0), rng, rng, duration_s=2.0)
    opening = mouth_opening(speak(make_people(1, seed=0)[0].voice, take, rng), n_frames=75)
    assert (opening[52:] == 0.0).all() and opening[:50].max() > 0.5


def test_evened_openings_have_one_spread_and_keep_order_and_closed_mouths() -> None:
    for voice in voices(4):
        opening = mouth_opening(voice, n_frames=100)
        evened = evened_opening(opening)
        shut = opening <= 0.02
        m = int((~shut).sum())
        assert evened.dtype == np.float32 and 40 < m < 100
        assert (evened[shut] == 0.0).all()
        np.testing.assert_allclose(np.sort(evened[~shut]), (np.arange(m) + 0.5) / m, atol=1e-6)
        assert (np.argsort(evened[~shut]) == np.argsort(opening[~shut])).all()
        assert np.corrcoef(evened, opening)[0, 1] > 0.9


def test_equal_openings_stay_equal_and_a_closed_mouth_stays_closed() -> None:
    assert evened_opening(np.array([0.5, 0.0, 0.5, 0.8], dtype=np.float32)) == pytest.approx([1 / 3, 0, 1 / 3, 5 / 6])
    assert (evened_opening(np.zeros(5, dtype=np.float32)) == 0.0).all()


def test_one_picture_does_not_tell_how_wide_the_voice_opens_the_mouth() -> None:
    """Once a mouth seen in one picture and the mean opening of that clip's voice went together with 0.3."""
    rng = np.random.default_rng(0)
    wide = rng.uniform(0.3, 3.0, 600)  # how wide each of 600 voices opens the mouth
    openings = (rng.random((600, 100)) ** wide[:, None]).astype(np.float32)
    seen = rng.integers(100, size=600)
    before, after = (
        np.corrcoef([tracks[i, place] for i, place in enumerate(seen)], wide)[0, 1]
        for tracks in (openings, np.array([evened_opening(opening) for opening in openings]))
    )
    assert before < -0.3
    assert abs(after) < 0.12  # 3 standard errors


@pytest.mark.parametrize(("n_frames", "fps", "name"), [(0, 25.0, "n_frames"), (5, 0.0, "fps"), (5, -1.0, "fps")])
def test_impossible_pictures_are_refused(n_frames: int, fps: float, name: str) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` must be"):
        mouth_opening(silence(1.0), n_frames=n_frames, fps=fps)
