"""VGG-M against published names and shapes, and against a forward pass written from them alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models.vgg_m_net import LEAST_FRAMES, SPEAKER_CLASSIFIER, WIDTHS, VGGMMel, VGGMSpectrum

MEL = {
    0: (96, 1, 5, 7),
    4: (256, 96, 5, 5),
    8: (384, 256, 3, 3),
    11: (256, 384, 3, 3),
    14: (256, 256, 3, 3),
    18: (512, 256, 4, 1),
}
SPECTRUM = {
    "conv1": (96, 1, 7, 7),
    "conv2": (256, 96, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (256, 384, 3, 3),
    "conv5": (256, 256, 3, 3),
    "fc6": (4096, 256, 9, 1),
}


def with_norm(convolution: str, norm: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    parts = {f"{norm}.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
    return {
        f"{convolution}.weight": shape,
        f"{convolution}.bias": shape[:1],
        **parts,
        f"{norm}.num_batches_tracked": (),
    }


def mel_manifest() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for number, shape in MEL.items():
        found |= with_norm(f"netcnn.{number}", f"netcnn.{number + 1}", shape)
    found |= {"sap_linear.weight": (512, 512), "sap_linear.bias": (512,), "attention": (512, 1)}
    return found | {"fc.weight": (1024, 512), "fc.bias": (1024,)}


def spectrum_manifest() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in SPECTRUM.items():
        found |= with_norm(f"features.{name}", f"features.bn{name[-1]}", shape)
    return found | {"classifier.fc7.weight": (1024, 4096), "classifier.fc7.bias": (1024,)}


@pytest.mark.parametrize(
    ("kind", "wanted", "n_parameters"),
    [(VGGMMel, mel_manifest(), 4_295_104), (VGGMSpectrum, spectrum_manifest(), 16_626_944)],
)
def test_names_and_shapes_are_those_of_the_published_checkpoints(
    kind: type[nn.Module], wanted: dict[str, tuple[int, ...]], n_parameters: int
) -> None:
    network = kind()
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == wanted
    counted = sum(int(np.prod(s)) for n, s in wanted.items() if not n.endswith(("_mean", "_var", "tracked")))
    assert counted == n_parameters == sum(p.numel() for p in network.parameters())
    assert WIDTHS == {"mel40": 40, "spectrum512": 512}
    assert SPEAKER_CLASSIFIER == ("classifier.fc8.weight", "classifier.fc8.bias")


def layer(w: dict[str, Tensor], convolution: str, norm: str, x: Tensor, stride: object, padding: object) -> Tensor:
    x = functional.conv2d(x, w[f"{convolution}.weight"], w[f"{convolution}.bias"], stride=stride, padding=padding)  # type: ignore[arg-type]
    mean, var, weight, bias = (
        w[f"{norm}.{p}"][:, None, None] for p in ("running_mean", "running_var", "weight", "bias")
    )
    return ((x - mean) / (var + 1e-5).sqrt() * weight + bias).relu()


def normalised(frames: Tensor, eps: float) -> Tensor:
    x = frames.T
    return ((x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + eps).sqrt())[None, None]


def mel_by_name(w: dict[str, Tensor], frames: Tensor) -> Tensor:
    x = layer(w, "netcnn.0", "netcnn.1", normalised(frames, 1e-5), (1, 2), 2)
    x = layer(w, "netcnn.4", "netcnn.5", functional.max_pool2d(x, (1, 3), (1, 2)), 2, 1)
    x = functional.max_pool2d(x, 3, 2)
    for number in (8, 11, 14):
        x = layer(w, f"netcnn.{number}", f"netcnn.{number + 1}", x, 1, 1)
    x = layer(w, "netcnn.18", "netcnn.19", functional.max_pool2d(x, 3, 2), 1, 0)[0, :, 0].T
    score = torch.tanh(x @ w["sap_linear.weight"].T + w["sap_linear.bias"]) @ w["attention"]
    return w["fc.weight"] @ (x * torch.softmax(score, 0)).sum(0) + w["fc.bias"]


def spectrum_by_name(w: dict[str, Tensor], frames: Tensor) -> Tensor:
    x = layer(w, "features.conv1", "features.bn1", normalised(frames, 0.0), 2, 1)
    x = layer(w, "features.conv2", "features.bn2", functional.max_pool2d(x, 3, 2), 2, 1)
    x = functional.max_pool2d(x, 3, 2)
    for number in (3, 4, 5):
        x = layer(w, f"features.conv{number}", f"features.bn{number}", x, 1, 1)
    x = layer(w, "features.fc6", "features.bn6", functional.max_pool2d(x, (5, 3), (3, 2)), 1, 0)
    return w["classifier.fc7.weight"] @ x.mean((0, 2, 3)) + w["classifier.fc7.bias"]


@pytest.mark.parametrize(
    ("kind", "by_name", "width"), [(VGGMMel, mel_by_name, 40), (VGGMSpectrum, spectrum_by_name, 512)]
)
def test_each_voice_of_a_batch_equals_the_forward_pass_by_name(
    kind: type[nn.Module], by_name: object, width: int
) -> None:
    torch.manual_seed(2)
    network = kind()
    lengths = [160, 133, LEAST_FRAMES]
    batch = torch.randn(3, 160, width).abs()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # statistics of this very batch, under which half of the ReLUs let through
    with torch.no_grad():
        network(batch)
        network.eval()
        found = network(batch, torch.tensor(lengths))
        weights = network.state_dict()
        wanted = torch.stack([by_name(weights, batch[row, :n]) for row, n in enumerate(lengths)])  # type: ignore[operator]
        np.testing.assert_allclose(network(batch[:1]), found[:1], atol=1e-5)
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2
