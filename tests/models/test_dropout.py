"""Dropout with a generator of its own."""

from __future__ import annotations

import pytest
import torch

from visavox.models.dropout import drop


def test_the_share_is_dropped_and_the_mean_stays() -> None:
    x = drop(torch.ones(400, 500), 0.25, torch.Generator().manual_seed(0), training=True)
    assert (x == 0).float().mean().item() == pytest.approx(0.25, abs=0.005)
    assert torch.unique(x).tolist() == pytest.approx([0.0, 4 / 3])
    assert x.mean().item() == pytest.approx(1.0, abs=0.01)


def test_nothing_is_dropped_outside_training_or_at_rate_zero() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    assert drop(x, 0.9, training=False) is x
    assert drop(x, 0.0, training=True) is x


def test_what_is_dropped_follows_the_generator() -> None:
    def run(seed: int) -> torch.Tensor:
        return drop(torch.ones(50), 0.5, torch.Generator().manual_seed(seed), training=True)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
