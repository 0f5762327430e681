"""A made-up voice and a made-up face to make worse."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def voice() -> np.ndarray:
    """2 s of tones from 100 to 5,000 Hz that come and go, (32000,) float32."""
    times = np.arange(32_000) / 16_000
    tones = sum(np.sin(2 * np.pi * hertz * times + hertz) / (1 + hertz / 500) for hertz in (100, 220, 900, 2500, 5000))
    return (0.2 * tones * (1 + np.sin(2 * np.pi * 3 * times)) / 2).astype(np.float32)


@pytest.fixture
def face() -> np.ndarray:
    """Colours that change slowly, with noise, (256, 256, 3) uint8."""
    rows, columns = np.mgrid[:256, :256] / 256
    slow = np.stack([100 + 80 * rows, 90 + 70 * columns, 120 + 60 * np.sin(6 * rows * columns)], axis=2)
    return (slow + np.random.default_rng(0).normal(0, 8, slow.shape)).clip(0, 255).astype(np.uint8)
