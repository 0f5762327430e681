"""Our pass over a whole recording equals the package's pass over one window after another."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import MissingDependencyError
from visavox.media.silero import WINDOW, load_silero


def speechlike(seconds: float, seed: int = 0) -> torch.Tensor:
    """Noise shaped in time, which moves the probability through its whole range."""
    random = np.random.default_rng(seed)
    time_s = np.arange(int(16_000 * seconds)) / 16_000
    voiced = sum(np.sin(2 * np.pi * k * 140 * time_s) / k for k in range(1, 20)) * (np.sin(9 * time_s) > 0)
    return torch.from_numpy((0.1 * voiced + 0.02 * random.standard_normal(len(time_s))).astype(np.float32))


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 16_000, 80_001])
def test_every_window_equals_that_of_the_package(n_samples: int) -> None:
    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None
    assert spec.origin is not None
    package = torch.jit.load(Path(spec.origin).parent / "data" / "silero_vad.jit")
    voice = speechlike(6.0)[:n_samples]
    padded = torch.nn.functional.pad(voice, (0, WINDOW))
    expected = [package(padded[i : i + WINDOW], 16_000).item() for i in range(0, n_samples, WINDOW)]
    ours = load_silero()(voice)
    assert ours.shape == (len(expected),)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("cuts", [[], [512], [4096, 8192], list(range(512, 40_000, 512))])
def test_blocks_give_what_one_pass_gives(speech: np.ndarray, cuts: list[int]) -> None:
    voice, network = torch.from_numpy(speech[:40_100]), load_silero()
    found, memory = [], None
    for first, last in zip([0, *cuts], [*cuts, len(voice)], strict=True):
        part, memory = network.advance(voice[first:last], memory)
        found.append(part)
    whole = network(voice)
    assert float(whole.max() - whole.min()) > 0.2
    np.testing.assert_allclose(torch.cat(found).numpy(), whole.numpy(), atol=1e-5)


def test_without_the_memory_a_block_gives_something_else(speech: np.ndarray) -> None:
    voice, network = torch.from_numpy(speech), load_silero()
    alone = network.advance(voice[16_384:])[0]
    assert float((alone - network(voice)[32:]).abs().max()) > 0.01


def test_real_speech_has_high_probability_and_silence_low(real_data: Path) -> None:
    from visavox.media.audio import read_voice

    paths = sorted((real_data / "avspeech" / "voices").glob("*.opus"))[:3]
    network = load_silero()
    for path in paths:
        assert network(torch.from_numpy(read_voice(path))).median() > 0.8
    assert network(torch.zeros(32_000)).max() < 0.2


def test_the_network_is_frozen_and_the_package_not_imported() -> None:
    network = load_silero()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert sum(p.numel() for p in network.parameters()) > 200_000


def test_without_the_package_the_error_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="pip install 'silero-vad"):
        load_silero()
