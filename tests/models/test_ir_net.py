"""IR-50 and IR-SE-50 against published names and shapes, and against a forward pass written from them alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from visavox.models.ir_net import STAGES, IRNet50


def units() -> list[tuple[int, int, int]]:
    """Channels in, channels out and stride of the 24 units."""
    found = []
    for n_in, n_out, n in ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3)):
        found += [(n_in, n_out, 2)] + [(n_out, n_out, 1)] * (n - 1)
    return found


def manifest(squeeze_excitation: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of face.evoLVe's IR_50 and IR_SE_50 for 112 px, written out of the public code."""
    found: dict[str, tuple[int, ...]] = {"input_layer.0.weight": (64, 3, 3, 3), "input_layer.2.weight": (64,)}

    def norm(name: str, n: int) -> None:
        found.update({f"{name}.{part}": (n,) for part in ("weight", "bias", "running_mean", "running_var")})
        found[f"{name}.num_batches_tracked"] = ()

    norm("input_layer.1", 64)
    for number, (n_in, n_out, _) in enumerate(units()):
        at = f"body.{number}"
        if n_in != n_out:
            found[f"{at}.shortcut_layer.0.weight"] = (n_out, n_in, 1, 1)
            norm(f"{at}.shortcut_layer.1", n_out)
        norm(f"{at}.res_layer.0", n_in)
        found |= {f"{at}.res_layer.1.weight": (n_out, n_in, 3, 3), f"{at}.res_layer.2.weight": (n_out,)}
        found[f"{at}.res_layer.3.weight"] = (n_out, n_out, 3, 3)
        norm(f"{at}.res_layer.4", n_out)
        if squeeze_excitation:
            found[f"{at}.res_layer.5.fc1.weight"] = (n_out // 16, n_out, 1, 1)
            found[f"{at}.res_layer.5.fc2.weight"] = (n_out, n_out // 16, 1, 1)
    norm("output_layer.0", 512)
    found |= {"output_layer.3.weight": (512, 25_088), "output_layer.3.bias": (512,)}
    norm("output_layer.4", 512)
    return found


@pytest.mark.parametrize(("excitation", "n_parameters"), [(False, 43_574_976), (True, 43_797_696)])
def test_names_and_shapes_are_those_of_the_published_checkpoints(excitation: bool, n_parameters: int) -> None:
    with torch.device("meta"):
        network = IRNet50(squeeze_excitation=excitation)
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == manifest(excitation)
    counted = sum(
        int(np.prod(s)) for n, s in manifest(excitation).items() if not n.endswith(("_mean", "_var", "tracked"))
    )
    assert counted == n_parameters == sum(p.numel() for p in network.parameters())
    assert sum(n for *_, n in STAGES) == 24


def norm(w: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, var, weight, bias = (w[f"{at}.{p}"].view(shape) for p in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def leaky(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x > 0, x, slope[:, None, None] * x)


def by_name(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published forward pass on BGR pictures in [-1, 1], from names and formulas."""
    x = leaky(
        norm(w, "input_layer.1", functional.conv2d(x, w["input_layer.0.weight"], padding=1)), w["input_layer.2.weight"]
    )
    for number, (_, _, stride) in enumerate(units()):
        at = f"body.{number}"
        shortcut = x[:, :, ::stride, ::stride]
        if f"{at}.shortcut_layer.0.weight" in w:
            shortcut = norm(
                w, f"{at}.shortcut_layer.1", functional.conv2d(shortcut, w[f"{at}.shortcut_layer.0.weight"])
            )
        y = functional.conv2d(norm(w, f"{at}.res_layer.0", x), w[f"{at}.res_layer.1.weight"], padding=1)
        y = functional.conv2d(
            leaky(y, w[f"{at}.res_layer.2.weight"]), w[f"{at}.res_layer.3.weight"], stride=stride, padding=1
        )
        y = norm(w, f"{at}.res_layer.4", y)
        if f"{at}.res_layer.5.fc1.weight" in w:
            means = y.mean((2, 3))
            inner = (means @ w[f"{at}.res_layer.5.fc1.weight"][:, :, 0, 0].T).relu()
            y = y * torch.sigmoid(inner @ w[f"{at}.res_layer.5.fc2.weight"][:, :, 0, 0].T)[:, :, None, None]
        x = y + shortcut
    x = norm(w, "output_layer.0", x).flatten(1)
    return norm(w, "output_layer.4", x @ w["output_layer.3.weight"].T + w["output_layer.3.bias"])


@pytest.mark.parametrize("excitation", [False, True])
def test_the_network_equals_the_forward_pass_by_name(excitation: bool) -> None:
    torch.manual_seed(1)
    network = IRNet50(squeeze_excitation=excitation).eval()
    weights = network.state_dict()
    for name, tensor in weights.items():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(".2.weight"):
            tensor.uniform_(0.1, 0.4)  # slopes, each channel its own
    faces = torch.rand(2, 3, 112, 112)
    with torch.no_grad():
        found = network(faces)
        wanted = by_name(weights, torch.stack([faces[:, c] for c in (2, 1, 0)], dim=1) * 2 - 1)
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.std()))
        np.testing.assert_allclose(network(faces[1:])[0], found[1], atol=1e-4 * float(wanted.std()))
        assert (wanted[0] - wanted[1]).abs().max() > 0.01 * wanted.std()
        if not excitation:
            network.channels = "rgb"
            turned = network(faces.flip(1))
            np.testing.assert_allclose(turned, found, atol=1e-5 * float(wanted.std()))
