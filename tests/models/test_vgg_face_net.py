"""VGG-Face's network: its size, its layers written out, and what it does with colours."""

from __future__ import annotations

import pytest
import torch

from visavox.models.vgg_face_net import BLOCKS, DIM, MEAN_RGB, VGGFaceNet


def small(seed: int = 0, channels: str = "bgr") -> VGGFaceNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VGGFaceNet(channels=channels, channel_factor=1 / 32)  # type: ignore[arg-type]


def faces(n: int = 2, seed: int = 0) -> torch.Tensor:
    return 255 * torch.rand(n, 3, 224, 224, generator=torch.Generator().manual_seed(seed))


def test_it_has_the_parameters_of_vgg_16_without_its_last_layer() -> None:
    with torch.device("meta"):
        network = VGGFaceNet()
    convolutions = sum(p.numel() for name, p in network.named_parameters() if name.startswith("conv"))
    assert convolutions == 14_714_688
    assert sum(p.numel() for p in network.parameters()) == 134_260_544
    assert sum(p.numel() for p in network.parameters()) + 2622 * 4096 + 2622 == 145_002_878  # with fc8
    assert network.fc6.in_features == 512 * 7 * 7 and network.fc7.out_features == DIM == 4096


def test_its_names_are_those_of_the_published_conversions() -> None:
    names = [name for name, _ in small().named_parameters() if name.endswith("weight")]
    wanted = [f"conv{b}_{i}.weight" for b, block in enumerate(BLOCKS, 1) for i in range(1, len(block) + 1)]
    assert names == [*wanted, "fc6.weight", "fc7.weight"]
    assert sorted(small().state_dict()) == sorted(n.replace("weight", k) for n in names for k in ("weight", "bias"))


def test_the_network_is_the_one_written_out() -> None:
    network = small(seed=2)
    x = faces()
    with torch.no_grad():
        found = network(x)
        x = torch.stack([x[:, c] - MEAN_RGB[c] for c in (2, 1, 0)], dim=1)  # blue first
        for number, n in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)):
            for place in range(1, n + 1):
                layer = network.get_submodule(f"conv{number}_{place}")
                padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
                size = x.shape[-1]
                total = layer.bias.view(1, -1, 1, 1)  # type: ignore[operator,union-attr]
                for dy in range(3):
                    for dx in range(3):
                        part = padded[:, :, dy : dy + size, dx : dx + size]
                        total = total + torch.einsum("nchw,oc->nohw", part, layer.weight[:, :, dy, dx])  # type: ignore
                x = total.clamp_min(0)
            x = x.reshape(*x.shape[:2], size // 2, 2, size // 2, 2).amax(dim=(3, 5))
        flat = x.reshape(len(x), -1)
        hidden = (flat @ network.fc6.weight.T + network.fc6.bias).clamp_min(0)
        expected = (hidden @ network.fc7.weight.T + network.fc7.bias).clamp_min(0)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert found.shape == (2, 4096) and bool((found >= 0).all()) and bool(found.any())


def test_a_face_of_the_mean_colours_is_zero_at_the_first_layer() -> None:
    network = small()
    grey = torch.tensor(MEAN_RGB).view(1, 3, 1, 1).expand(1, 3, 224, 224)
    seen = []
    network.conv1_1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[operator]
    with torch.no_grad():
        network(grey)
    assert float(seen[0].abs().max()) < 1e-4


@pytest.mark.parametrize(("channels", "first"), [("bgr", 2), ("rgb", 0)])
def test_the_order_of_colours_is_a_choice(channels: str, first: int) -> None:
    network = small(channels=channels)
    seen = []
    network.conv1_1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[operator]
    x = faces(1)
    with torch.no_grad():
        network(x)
    torch.testing.assert_close(seen[0][:, 0], x[:, first] - MEAN_RGB[first])


def test_pictures_are_left_as_they_were_and_every_weight_learns() -> None:
    network, x = small(seed=3), faces()
    before = x.clone()
    network(x).sum().backward()
    assert x.equal(before)
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())
