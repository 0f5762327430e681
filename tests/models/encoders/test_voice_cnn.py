"""What the voice network hears, whatever the company and the length. The rest is in test_trainable.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.models.encoders import voice_cnn
from visavox.models.encoders.voice_cnn import DIM, VoiceCNN, VoiceCNNEncoder
from visavox.models.voice_bands import N_BANDS


@pytest.fixture(scope="module")
def encoder() -> VoiceCNNEncoder:
    return VoiceCNNEncoder(seed=1)


@pytest.fixture(scope="module")
def trained_network() -> VoiceCNN:
    """A network whose normalisations shift: only then would zeros that fill a batch up be heard."""
    torch.manual_seed(0)
    network = VoiceCNN()
    for _ in range(20):
        network(2 * torch.randn(4, 60, N_BANDS) - 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    return network.eval()


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=round(16_000 * seconds))).astype(np.float32)


def test_frames_that_fill_a_batch_up_are_never_heard(trained_network: VoiceCNN) -> None:
    for n_frames in (1, 3, 4, 5, 17, 60):
        alone = 2 * torch.randn(1, n_frames, N_BANDS) - 3
        padded = torch.cat([alone, torch.full((1, 41, N_BANDS), 9.0)], dim=1)
        with torch.inference_mode():
            wanted = trained_network(alone)
            assert torch.allclose(trained_network(padded, torch.tensor([n_frames])), wanted, atol=1e-5)
            assert not torch.allclose(trained_network(padded), wanted, atol=1e-2)
            assert torch.allclose(trained_network(alone, torch.tensor([n_frames])), wanted, atol=1e-6)


def test_the_vector_is_made_of_mean_and_deviation_over_time() -> None:
    x = torch.tensor([[[1.0, 3.0, 5.0, 99.0]]])
    found = voice_cnn._statistics(x, torch.tensor([[[1.0, 1.0, 1.0, 0.0]]]))
    assert found[0].tolist() == pytest.approx([3.0, (8 / 3 + 1e-4) ** 0.5])
    everything = voice_cnn._statistics(x, None)
    assert everything[0].tolist() == pytest.approx([27.0, float(np.sqrt(x.numpy().var() + 1e-4))])


@pytest.mark.parametrize("seconds", [0.3, 0.31, 1.0, 7.7])
def test_any_length_has_a_vector_and_gradients_stay_finite(encoder: VoiceCNNEncoder, seconds: float) -> None:
    vectors = encoder.encode([voice(seconds)])
    assert vectors.shape == (1, DIM) and np.isfinite(vectors).all()
    bands, lengths = encoder.collate([encoder.prepare(voice(seconds)), encoder.prepare(np.zeros(4800, np.float32))])
    network = VoiceCNN()
    network(bands, lengths).square().sum().backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in network.parameters())  # type: ignore[union-attr]


def test_one_sample_and_silence_have_finite_vectors(encoder: VoiceCNNEncoder) -> None:
    assert np.isfinite(encoder.encode([np.zeros(1, np.float32), np.zeros(9000, np.float32)])).all()


def test_loudness_is_not_heard(encoder: VoiceCNNEncoder) -> None:
    found = encoder.encode([voice(1.0), 0.01 * voice(1.0), voice(1.0, seed=1)])
    assert np.abs(found[0] - found[1]).max() < 0.01 * np.abs(found[0]).max() < np.abs(found[0] - found[2]).max()


def test_voices_of_many_lengths_go_through_in_groups_of_bounded_size(
    encoder: VoiceCNNEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = [encoder.prepare(voice(seconds)) for seconds in (0.4, 2.0, 0.3, 1.0, 0.9)]
    whole = encoder.encode_prepared(prepared)
    monkeypatch.setattr(voice_cnn, "_MAX_FRAMES", 210)
    groups = list(encoder._groups(prepared))
    assert groups == [[1], [3, 4], [0, 2]]
    assert np.abs(encoder.encode_prepared(prepared) - whole).max() < 1e-5


def test_a_batch_is_filled_up_with_zeros_behind_each_voice(encoder: VoiceCNNEncoder) -> None:
    short, long = (np.full((n, N_BANDS), -1.5, np.float16) for n in (2, 5))
    bands, lengths = encoder.collate([short, long])
    assert bands.shape == (2, 5, N_BANDS) and bands.dtype == torch.float32
    assert lengths.tolist() == [2, 5]
    assert bands[0, 2:].abs().sum() == 0 and (bands[0, :2] == -1.5).all()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros(0, np.float32), "one sample or more"),
        (np.zeros((2, 9), np.float32), "one sample or more"),
        (np.array([0.0, np.nan, np.inf], np.float32), "2 nan or infinite samples"),
    ],
)
def test_a_voice_that_cannot_be_heard_is_refused(encoder: VoiceCNNEncoder, bad: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        encoder.prepare(bad)
