"""Masks against the same layers run on each voice alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.models.frame_masks import instance_norm, masked_layers, shortened, time_mask


def test_a_mask_by_hand() -> None:
    found = time_mask(torch.tensor([0, 2, 3]), 3)
    assert found.tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (1, 2, 0), (3, 2, 0), (7, 2, 2), (5, 2, 1)]
)
def test_lengths_are_those_that_torch_gives(size: int, stride: int, padding: int) -> None:
    layer = nn.Conv1d(1, 1, size, stride=stride, padding=padding)
    for n in range(size, 40):
        wanted = layer(torch.zeros(1, 1, n)).shape[2]
        assert shortened(torch.tensor([n]), size=size, stride=stride, padding=padding).tolist() == [wanted]
    assert shortened(torch.tensor([0]), size=9, stride=1, padding=0).tolist() == [0]


def plain_norm(x: np.ndarray, eps: float) -> np.ndarray:
    out = np.zeros_like(x)
    for band in range(len(x)):
        mean = sum(x[band]) / len(x[band])
        variance = sum((v - mean) ** 2 for v in x[band]) / len(x[band])
        out[band] = (x[band] - mean) / max((variance + eps) ** 0.5, 1e-12)
    return out


@pytest.mark.parametrize("eps", [1e-5, 0.0])
def test_the_norm_is_over_each_voice_s_own_frames(eps: float) -> None:
    x = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(1)) * 1e-2 + 5
    lengths = [9, 4, 1]
    found = instance_norm(x, torch.tensor(lengths), eps=eps)
    for row, n in enumerate(lengths):
        np.testing.assert_allclose(found[row, :, :n], plain_norm(x[row, :, :n].double().numpy(), eps), atol=1e-3)
        assert found[row, :, n:].abs().sum() == 0
    np.testing.assert_allclose(
        instance_norm(x, None, eps=eps), instance_norm(x, torch.tensor([9, 9, 9]), eps=eps), atol=1e-6
    )


def test_the_norm_is_torch_s_own_by_default_and_of_no_scale_without_eps() -> None:
    x = torch.randn(2, 4, 30, generator=torch.Generator().manual_seed(1)) * 1e-2
    np.testing.assert_allclose(instance_norm(x, None), nn.InstanceNorm1d(4)(x), atol=1e-5)
    np.testing.assert_allclose(instance_norm(x, None, eps=0.0), instance_norm(1000 * x, None, eps=0.0), atol=1e-5)
    assert (instance_norm(x, None) - instance_norm(1000 * x, None)).abs().max() > 0.01
    assert instance_norm(torch.ones(1, 2, 3), None, eps=0.0).tolist() == [[[0, 0, 0], [0, 0, 0]]]


def layers() -> nn.Sequential:
    torch.manual_seed(2)
    found = nn.Sequential(
        nn.Conv2d(1, 3, (3, 5), stride=(1, 2), padding=(1, 2)),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d((1, 3), stride=(1, 2)),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
    for layer in found:
        if isinstance(layer, nn.BatchNorm2d):  # so that zeros do not stay zeros
            nn.init.uniform_(layer.bias, 0.5, 1)
            nn.init.uniform_(layer.running_mean, -1, 1)  # type: ignore[arg-type]
    return found.eval()


def test_every_voice_of_a_batch_comes_out_as_if_alone() -> None:
    network = layers()
    voices = [torch.randn(1, 6, n, generator=torch.Generator().manual_seed(n)) for n in (40, 23, 24, 17)]
    batch: Tensor = torch.zeros(4, 1, 6, 40)
    for row, voice in enumerate(voices):
        batch[row, :, :, : voice.shape[2]] = voice
    found, lengths = masked_layers(network, batch, torch.tensor([v.shape[2] for v in voices]))
    assert lengths is not None
    for row, voice in enumerate(voices):
        alone, none = masked_layers(network, voice[None], None)
        assert none is None and alone.shape[3] == lengths[row]
        np.testing.assert_allclose(found[row, :, :, : lengths[row]].detach(), alone[0].detach(), atol=1e-6)
        assert found[row, :, :, lengths[row] :].abs().sum() == 0
    np.testing.assert_allclose(alone.detach(), network(voices[-1][None]).detach())
