"""The encoder around VGG-M: its two forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.encoders.vgg_m import VGGMEncoder
from visavox.models.log_mel import full_spectrum, log_mel
from visavox.models.vgg_m_net import LEAST_FRAMES, VGGMMel, VGGMSpectrum


def voice(n_samples: int = 20_000) -> np.ndarray:
    return (np.random.default_rng(0).normal(size=n_samples) * 0.1).astype(np.float32)


def test_each_form_has_its_front_end_and_its_network() -> None:
    mel, spectrum = VGGMEncoder(), VGGMEncoder(form="spectrum512")
    assert isinstance(mel.network, VGGMMel) and isinstance(spectrum.network, VGGMSpectrum)
    np.testing.assert_array_equal(mel.prepare(voice()), log_mel(voice(), sample_scale=32768, window="hann"))
    np.testing.assert_array_equal(spectrum.prepare(voice()), full_spectrum(voice()))
    assert (mel.n_parameters, spectrum.n_parameters) == (4_295_104, 16_626_944)
    assert mel.dim == spectrum.dim == 1024
    assert mel.identifier != spectrum.identifier


def test_a_short_voice_has_the_frames_that_the_pools_need() -> None:
    for form in ("mel40", "spectrum512"):
        encoder = VGGMEncoder(form=form)  # type: ignore[arg-type]
        assert len(encoder.prepare(voice(3))) >= LEAST_FRAMES
        assert len(VGGMEncoder(form=form, length_s=1.02).prepare(voice())) >= LEAST_FRAMES  # type: ignore[arg-type]


def test_the_spectrum_form_is_blind_to_loudness_and_tells_voices_apart() -> None:
    encoder = VGGMEncoder(form="spectrum512", seed=1)
    for module in encoder.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():  # one batch, so that the statistics are those of voices
        encoder.network(*encoder.collate([encoder.prepare(voice(17_000 + n)) for n in range(2)]))
    first, louder, other = encoder.encode([voice(), 4 * voice(), voice()[::-1].copy()])
    np.testing.assert_allclose(first, louder, atol=1e-3 * np.abs(first).max())
    assert np.abs(first - other).max() > 1e-2 * np.abs(first).max()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "mel80"}, "`form` of the encoder 'vgg_m' must be 'mel40' or 'spectrum512'. Got 'mel80'"),
        ({"length_s": 0.5}, "`length_s` of the encoder 'vgg_m' must be 0, or 1.02 to 60 seconds. Got 0.5"),
        ({"length_s": 61.0}, "must be 0, or 0.1 to 60 seconds. Got 61.0"),
        ({"sample_scale": -1.0}, "`sample_scale` of the encoder 'vgg_m' must be above 0. Got -1.0"),
    ],
)
def test_an_option_outside_its_range_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VGGMEncoder(**options)  # type: ignore[arg-type]
