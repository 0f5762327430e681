"""Attentive pooling against a loop over frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from visavox.models.attentive_pooling import Pooling, attend


def plain(x: np.ndarray, w: np.ndarray, b: np.ndarray, a: np.ndarray, pooling: str) -> np.ndarray:
    """One voice (places, channels), from the equations."""
    scores = [sum(math.tanh(float(w[k] @ frame + b[k])) * float(a[k, 0]) for k in range(len(b))) for frame in x]
    total = sum(math.exp(s) for s in scores)
    weights = [math.exp(s) / total for s in scores]
    mean = sum(v * frame for v, frame in zip(weights, x, strict=True))
    if pooling == "sap":
        return np.asarray(mean)
    variance = sum(v * frame**2 for v, frame in zip(weights, x, strict=True)) - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 1e-5))])


@pytest.mark.parametrize("pooling", ["sap", "asp"])
def test_pooling_equals_a_loop_over_the_frames_of_each_voice(pooling: Pooling) -> None:
    torch.manual_seed(0)
    linear, attention = nn.Linear(4, 4), torch.randn(4, 1) * 2
    x = torch.randn(3, 6, 4)
    lengths = [6, 3, 1]
    found = attend(x, linear, attention, pooling, torch.tensor(lengths)).detach().numpy()
    w, b, a = linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy(), attention.double().numpy()
    for row, n in enumerate(lengths):
        np.testing.assert_allclose(found[row], plain(x[row, :n].double().numpy(), w, b, a, pooling), atol=1e-5)
    whole = attend(x, linear, attention, pooling, None).detach().numpy()
    np.testing.assert_allclose(whole[0], found[0], atol=1e-6)
    assert np.abs(whole[1] - found[1]).max() > 1e-2


def test_without_attention_it_is_the_plain_mean_and_deviation() -> None:
    x = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])
    found = attend(x, nn.Linear(2, 2), torch.zeros(2, 1), "asp", None)
    np.testing.assert_allclose(
        found.detach(), [[2, 5, 1, math.sqrt(1e-5)]], atol=1e-6
    )  # what never moves has the floor
