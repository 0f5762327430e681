"""The encoder around the thin ResNet-34: what it hears of a voice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.encoders.thin_resnet34 import ThinResNet34Encoder
from visavox.models.log_mel import log_mel


def voice(n_samples: int) -> np.ndarray:
    return (np.random.default_rng(n_samples).normal(size=n_samples) * 0.1).astype(np.float32)


def test_a_voice_is_repeated_to_ten_seconds_and_cut_there() -> None:
    """As in Seeking the Shape of Sound, whose audio is 160,000 samples."""
    encoder = ThinResNet34Encoder()
    short, long = voice(50_000), voice(200_000)
    tiled = np.tile(short, 4)[:160_000]
    for given, wanted in ((short, tiled), (long, long[:160_000])):
        found = encoder.prepare(given)
        assert found.shape == (1001, 40) and found.dtype == np.float32
        np.testing.assert_array_equal(found, log_mel(wanted, sample_scale=32768))
    assert ThinResNet34Encoder(length_s=0).prepare(short).shape == (313, 40)
    assert ThinResNet34Encoder(length_s=2.5).prepare(short).shape == (251, 40)


def test_options_of_the_front_end_reach_it() -> None:
    encoder = ThinResNet34Encoder(length_s=0, sample_scale=1, preemphasis=0.97)
    wanted = log_mel(voice(5000), sample_scale=1, preemphasis=0.97)
    np.testing.assert_array_equal(encoder.prepare(voice(5000)), wanted)


def test_an_encoding_is_the_network_on_what_is_prepared() -> None:
    encoder = ThinResNet34Encoder(length_s=1.0, pooling="asp", seed=2)
    assert encoder.n_parameters == 1_502_614 and encoder.dim == 512
    encoder.network.eval()
    with torch.no_grad():
        wanted = encoder.network(torch.from_numpy(encoder.prepare(voice(9000)))[None])
    np.testing.assert_allclose(encoder.encode([voice(9000)]), wanted, atol=1e-4)


def test_it_learns() -> None:
    encoder = ThinResNet34Encoder(length_s=0.5, seed=1)
    batch = encoder.collate([encoder.prepare(voice(n)) for n in (8000, 8001, 8002, 8003)])
    wanted = torch.randn(4, 512, generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(6):
        loss = (encoder.network(*batch) - wanted).square().mean()
        gradients = torch.autograd.grad(loss, list(encoder.network.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(encoder.network.parameters(), gradients, strict=True):
                parameter -= 0.5 * gradient
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pooling": "mean"}, "`pooling` of the encoder 'thin_resnet34' must be 'sap' or 'asp'. Got 'mean'"),
        ({"sample_scale": 0.0}, "`sample_scale` of the encoder 'thin_resnet34' must be above 0. Got 0.0"),
        ({"sample_scale": float("nan")}, "must be above 0. Got nan"),
        ({"preemphasis": 1.0}, "`preemphasis` of the encoder 'thin_resnet34' must be 0 to below 1. Got 1.0"),
        ({"preemphasis": -0.1}, "Got -0.1"),
        ({"length_s": 99.0}, "must be 0, or 0.1 to 60 seconds. Got 99.0"),
    ],
)
def test_an_option_outside_its_range_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ThinResNet34Encoder(**options)  # type: ignore[arg-type]
