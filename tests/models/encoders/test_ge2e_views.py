"""Views of a voice by hand-made signals, and the encoder as GE2E on each of them."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.models.encoders.ge2e import GE2EEncoder
from visavox.models.encoders.ge2e_views import (
    EMPHASIS,
    RMS,
    SPREADS,
    VIEWS,
    GE2EViewsEncoder,
    backwards,
    bright_band,
    denoised,
    emphasised,
    faster,
    spectrum_figures,
)
from visavox.models.log_mel import log_mel

RATE = 16_000


def tone(frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def talk(seed: int = 0, seconds: float = 2.0) -> np.ndarray:
    """A buzz that comes and goes over noise."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    time_s = np.arange(n) / RATE
    buzz = sum(np.sin(2 * np.pi * 110 * (k + seed % 3 * 0.1) * time_s) / k for k in range(1, 20))
    gate = (np.sin(2 * np.pi * 3 * time_s) > 0).astype(np.float64)
    return (0.1 * gate * buzz + 0.003 * rng.standard_normal(n)).astype(np.float32)


def loudest_hz(voice: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(voice)).argmax() * RATE / len(voice))


def test_a_faster_voice_is_shorter_and_its_pitch_rises_with_it() -> None:
    found = faster(tone(1000.0), 10, 11)
    assert len(found) == -(-RATE * 10 // 11)
    assert loudest_hz(found) == pytest.approx(1100.0, abs=2)
    assert loudest_hz(faster(tone(1000.0), 5, 6)) == pytest.approx(1200.0, abs=2)


def test_backwards_twice_is_the_voice() -> None:
    voice = talk()
    assert np.array_equal(backwards(backwards(voice)), voice)
    assert backwards(np.array([1.0, 2.0, 3.0], np.float32)).tolist() == [3.0, 2.0, 1.0]


def test_emphasis_subtracts_the_sample_before_by_hand() -> None:
    found = emphasised(np.array([1.0, 2.0, 4.0], np.float32))
    assert found.tolist() == pytest.approx([1.0, 2.0 - EMPHASIS, 4.0 - 2 * EMPHASIS])


def test_the_bright_band_loses_hum_and_keeps_a_whistle() -> None:
    assert np.abs(bright_band(tone(60.0))[RATE // 2 :]).max() < 0.003
    assert np.abs(bright_band(tone(2000.0))[RATE // 2 :]).max() == pytest.approx(0.29, rel=0.06)


def test_steady_noise_is_turned_down_and_what_comes_and_goes_stays() -> None:
    rng = np.random.default_rng(0)
    noise = (0.01 * rng.standard_normal(2 * RATE)).astype(np.float32)
    assert denoised(noise).std() < 0.8 * noise.std()
    loud = talk()
    assert denoised(loud).std() == pytest.approx(loud.std(), rel=0.1)
    assert denoised(noise[:100]).shape == (100,)


def test_silence_stays_silent_and_has_figures_of_zero() -> None:
    silence = np.zeros(RATE, np.float32)
    assert not denoised(silence).any()
    assert np.abs(spectrum_figures(silence)).max() < 1e-4


def test_figures_of_the_spectrum_against_a_slow_loop() -> None:
    voice = talk()
    frames = log_mel(
        (voice * np.float32(RMS / np.sqrt(np.mean(voice.astype(np.float64) ** 2)))), n_mels=40, preemphasis=0.97
    )
    order = sorted(float(np.mean(frame)) for frame in frames)
    place = 0.65 * (len(order) - 1)
    low = order[int(place)] + (place - int(place)) * (order[int(place) + 1] - order[int(place)])
    loud = [i for i in range(len(frames)) if float(np.mean(frames[i])) >= low - 1e-7]
    expected = []
    for band in range(40):
        expected.append(np.mean([frames[i][band] for i in loud]))
    expected = list(np.array(expected) - np.mean(expected))
    expected = [value / (SPREADS[0] * np.sqrt(3)) for value in expected]
    expected += [np.std([frames[i][band] for i in loud]) / (SPREADS[1] * np.sqrt(3)) for band in range(40)]
    found = spectrum_figures(voice)
    assert found.shape == (120,)
    assert found[:80] == pytest.approx(np.array(expected), abs=1e-4)


def test_figures_do_not_depend_on_loudness() -> None:
    assert spectrum_figures(talk() * np.float32(0.1)) == pytest.approx(spectrum_figures(talk()), abs=1e-3)


def test_each_view_is_ge2e_of_the_changed_voice() -> None:
    voice = talk()
    names = ("plain", "backwards", "bright_band")
    found = GE2EViewsEncoder(views=names, spectrum_gain=0.0).encode([voice])
    plain = GE2EEncoder()
    expected = np.concatenate([plain.encode([VIEWS[name](voice)]) for name in names], axis=1)
    assert found.shape == (1, 768)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_figures_follow_the_views_with_their_gain() -> None:
    voice = talk()
    encoder = GE2EViewsEncoder(views=("plain",), spectrum_gain=0.5)
    assert encoder.dim == 376
    np.testing.assert_allclose(encoder.encode([voice])[0, 256:], 0.5 * spectrum_figures(voice), rtol=1e-6)


def test_a_batch_is_one_by_one_and_may_be_empty() -> None:
    encoder = GE2EViewsEncoder(views=("plain", "faster"))
    voices = [talk(0), talk(1, 0.7)]
    together, alone = encoder.encode(voices), np.concatenate([encoder.encode([voice]) for voice in voices])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_by_default_all_views_are_there() -> None:
    assert GE2EViewsEncoder().dim == 10 * 256 + 120
    assert GE2EViewsEncoder(views=("plain",)).identifier != GE2EViewsEncoder().identifier


@pytest.mark.parametrize("views", [(), ("plain", "plain")])
def test_no_view_or_one_twice_is_refused(views: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="`views` of the encoder 'ge2e_views' must be different names"):
        GE2EViewsEncoder(views=views)


def test_an_unknown_view_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'backward'.*backwards"):
        GE2EViewsEncoder(views=("backward",))


@pytest.mark.parametrize("gain", [-0.1, float("nan"), float("inf")])
def test_a_gain_below_zero_is_refused(gain: float) -> None:
    with pytest.raises(ConfigError, match="`spectrum_gain` of the encoder 'ge2e_views' must be 0 or more"):
        GE2EViewsEncoder(spectrum_gain=gain)


def test_a_voice_that_cannot_be_encoded_is_named_by_its_place() -> None:
    with pytest.raises(DataError, match="Voice 1: "):
        GE2EViewsEncoder(views=("plain",)).encode([talk(), np.array([np.nan], np.float32)])
