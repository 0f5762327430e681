"""The thin ResNet-34 against its published names and shapes, and against a forward pass written from them alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from visavox.models.attentive_pooling import Pooling
from visavox.models.thin_resnet import FRONT_END_CONSTANTS, ThinResNet34


def shuffled(pooling: Pooling = "sap") -> ThinResNet34:
    """A network in evaluation mode whose normalisations do something."""
    torch.manual_seed(3)
    network = ThinResNet34(pooling=pooling)
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
        elif ".bn" in name or name.startswith("bn") or "downsample.1" in name:
            tensor.copy_(torch.empty(tensor.shape).uniform_(0.5, 1.5)) if tensor.ndim else None
    return network.eval()


def manifest(pooling: Pooling) -> dict[str, tuple[int, ...]]:
    """Names and shapes of ResNetSE34L with 512 numbers, written out of the public code layer by layer."""
    found: dict[str, tuple[int, ...]] = {"conv1.weight": (16, 1, 7, 7)}

    def norm(name: str, n: int) -> None:
        found.update({f"{name}.{part}": (n,) for part in ("weight", "bias", "running_mean", "running_var")})
        found[f"{name}.num_batches_tracked"] = ()

    norm("bn1", 16)
    before = 16
    for layer, (n, blocks) in enumerate([(16, 3), (32, 4), (64, 6), (128, 3)], start=1):
        for block in range(blocks):
            at = f"layer{layer}.{block}"
            found[f"{at}.conv1.weight"] = (n, before, 3, 3)
            found[f"{at}.conv2.weight"] = (n, n, 3, 3)
            norm(f"{at}.bn1", n)
            norm(f"{at}.bn2", n)
            found |= {f"{at}.se.fc.0.weight": (n // 8, n), f"{at}.se.fc.0.bias": (n // 8,)}
            found |= {f"{at}.se.fc.2.weight": (n, n // 8), f"{at}.se.fc.2.bias": (n,)}
            if before != n:
                found[f"{at}.downsample.0.weight"] = (n, before, 1, 1)
                norm(f"{at}.downsample.1", n)
            before = n
    found |= {"sap_linear.weight": (128, 128), "sap_linear.bias": (128,), "attention": (128, 1)}
    return found | {"fc.weight": (512, 256 if pooling == "asp" else 128), "fc.bias": (512,)}


@pytest.mark.parametrize(("pooling", "n_parameters"), [("sap", 1_437_078), ("asp", 1_502_614)])
def test_names_and_shapes_are_those_of_the_published_checkpoints(pooling: Pooling, n_parameters: int) -> None:
    network = ThinResNet34(pooling=pooling)
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == manifest(pooling)
    counted = sum(int(np.prod(s)) for n, s in manifest(pooling).items() if not n.endswith(("_mean", "_var", "tracked")))
    assert counted == n_parameters == sum(p.numel() for p in network.parameters())
    assert FRONT_END_CONSTANTS == ("torchfb.spectrogram.window", "torchfb.mel_scale.fb")


def norm(w: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    mean, var, weight, bias = (w[f"{at}.{p}"][:, None, None] for p in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def by_name(w: dict[str, Tensor], frames: Tensor) -> Tensor:
    """The published forward pass of one voice (n_frames, 40), in float64, from names and formulas."""
    x = frames.T
    x = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    x = norm(w, "bn1", functional.conv2d(x[None, None], w["conv1.weight"], stride=(2, 1), padding=3)).relu()
    for layer, (blocks, stride) in enumerate([(3, 1), (4, 2), (6, 2), (3, 1)], start=1):
        for block in range(blocks):
            at, step = f"layer{layer}.{block}", stride if block == 0 else 1
            y = functional.conv2d(x, w[f"{at}.conv1.weight"], stride=step, padding=1).relu()
            y = norm(w, f"{at}.bn1", y)
            y = norm(w, f"{at}.bn2", functional.conv2d(y, w[f"{at}.conv2.weight"], padding=1))
            squeezed = y.mean((2, 3))[0]
            inner = (w[f"{at}.se.fc.0.weight"] @ squeezed + w[f"{at}.se.fc.0.bias"]).relu()
            y = y * torch.sigmoid(w[f"{at}.se.fc.2.weight"] @ inner + w[f"{at}.se.fc.2.bias"])[:, None, None]
            if f"{at}.downsample.0.weight" in w:
                x = norm(w, f"{at}.downsample.1", functional.conv2d(x, w[f"{at}.downsample.0.weight"], stride=step))
            x = (x + y).relu()
    x = x.mean(2)[0].T  # (places, 128)
    score = torch.tanh(x @ w["sap_linear.weight"].T + w["sap_linear.bias"]) @ w["attention"]
    weight = score.exp() / score.exp().sum()
    pooled = (x * weight).sum(0)
    if w["fc.weight"].shape[1] == 256:
        pooled = torch.cat([pooled, ((x**2 * weight).sum(0) - pooled**2).clamp_min(1e-5).sqrt()])
    return w["fc.weight"] @ pooled + w["fc.bias"]


@pytest.mark.parametrize("pooling", ["sap", "asp"])
def test_each_voice_of_a_batch_equals_the_forward_pass_by_name(pooling: Pooling) -> None:
    network = shuffled(pooling)
    weights = {name: t.double() for name, t in network.state_dict().items()}
    voices = [torch.randn(n, 40, generator=torch.Generator().manual_seed(n)) * 3 + 9 for n in (90, 61, 40, 1)]
    batch = torch.zeros(4, 90, 40)
    for row, voice in enumerate(voices):
        batch[row, : len(voice)] = voice
    with torch.no_grad():
        found = network(batch, torch.tensor([90, 61, 40, 1]))
        np.testing.assert_allclose(network(batch[:1])[0], found[0], atol=1e-4)
    wanted = torch.stack([by_name(weights, voice.double()) for voice in voices])
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)
    assert (wanted[0] - wanted[1]).abs().max() > 0.1


def test_what_lies_behind_a_voice_is_not_looked_at() -> None:
    network = shuffled()
    batch = torch.randn(2, 50, 40, generator=torch.Generator().manual_seed(0))
    other = batch.clone()
    other[1, 30:] = 99
    with torch.no_grad():
        first, second = (network(x, torch.tensor([50, 30])) for x in (batch, other))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_the_input_gets_no_gradient_and_every_parameter_does() -> None:
    torch.manual_seed(4)
    network = ThinResNet34()
    voices = torch.randn(3, 30, 40, requires_grad=True)
    network(voices).square().mean().backward()
    assert voices.grad is None
    dead = [n for n, p in network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum())]
    assert [n for n in dead if ".se.fc." not in n] == []  # two of its units may both be below zero by chance
    assert len(dead) < 12
