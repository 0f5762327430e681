"""The telephone: what passes, what does not, and the levels of mu-law."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.media.degrading.telephone import companded, over_telephone


def gain_db(hertz: float) -> float:
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(32_000) / 16_000).astype(np.float32)
    middle = over_telephone(tone)[4000:28_000].astype(float)
    return float(10 * np.log10(np.mean(middle**2) / np.mean(tone[4000:28_000].astype(float) ** 2)))


@pytest.mark.parametrize("hertz", [350, 1000, 2000, 3300])
def test_the_band_passes(hertz: float) -> None:
    assert gain_db(hertz) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("hertz", [50, 200, 250, 3500, 5000, 7000])
def test_what_lies_outside_is_gone(hertz: float) -> None:
    assert gain_db(hertz) < -40


def test_the_energy_of_noise_outside_the_band_is_gone() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(over_telephone(noise).astype(float))) ** 2
    hertz = np.fft.rfftfreq(64_000, 1 / 16_000)
    inside = (hertz > 260) & (hertz < 3440)
    assert spectrum[~inside].sum() / spectrum.sum() < 1e-3
    assert spectrum[inside].mean() == pytest.approx((np.abs(np.fft.rfft(noise)) ** 2)[inside].mean(), rel=0.05)


def test_nothing_is_late_and_the_length_stays() -> None:
    tone = (np.sin(2 * np.pi * 1000 * np.arange(16_001) / 16_000) / 2).astype(np.float32)
    heard = over_telephone(tone)
    assert heard.shape == tone.shape
    assert heard.dtype == np.float32
    assert np.abs(heard - tone)[1000:-1000].max() < 0.02
    assert over_telephone(np.zeros(37, np.float32)).shape == (37,)


def test_mu_law_is_that_of_the_formula() -> None:
    for x in (-1.0, -0.3, -0.001, 0.0, 0.02, 0.5, 0.99):
        level = round(math.copysign(math.log(1 + 255 * abs(x)) / math.log(256), x) * 127) / 127
        expected = math.copysign((256 ** abs(level) - 1) / 255, level)
        assert float(companded(np.array([x]))[0]) == pytest.approx(expected, abs=1e-12)
    assert companded(np.array([-3.0, 3.0])).tolist() == pytest.approx([-1.0, 1.0])
    assert len(np.unique(companded(np.linspace(-1, 1, 50_001)))) == 255


def test_mu_law_errs_in_proportion_to_loudness() -> None:
    rng = np.random.default_rng(0)
    for loudness in (0.5, 0.05):
        x = rng.uniform(-loudness, loudness, 20_000)
        error_db = 10 * np.log10(np.mean(x**2) / np.mean((companded(x) - x) ** 2))
        assert 30 < error_db < 42  # about 37 dB, whatever the loudness


def test_mu_law_adds_its_own_error(voice: np.ndarray) -> None:
    band, coded = over_telephone(voice), over_telephone(voice, mu_law=True)
    loss_db = 10 * np.log10(np.mean(band.astype(float) ** 2) / np.mean((coded - band).astype(float) ** 2))
    assert 25 < loss_db < 45
