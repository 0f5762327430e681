"""The identifier `vgg`: published counts and names, what is frozen, and where its weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError, DataError
from visavox.models.identifiers.vgg import VGGIdentifier, convolutional_layers
from visavox.registry import IDENTIFIERS

SMALL: dict[str, Any] = {"n_people": 3, "modality": "face", "face_px": 32, "hidden": [16, 8]}
CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
PLACES = {
    16: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    19: (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}
"""Where torchvision's `features` hold a convolution."""
FACE_RULE = "`face_px` of the identifier 'vgg' must be 32 or more, and is for faces only."


def small(**options: Any) -> VGGIdentifier:
    torch.manual_seed(0)
    return VGGIdentifier(**(SMALL | options))


def faces(n: int = 2) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def n_convolutional(depth: int) -> int:
    """Parameters of the convolutions by hand: (9 x inputs + 1) x outputs each."""
    counted, before = 0, 3
    for channels, n in zip((64, 128, 256, 512, 512), CONVOLUTIONS[depth], strict=True):
        for _ in range(n):
            counted += (9 * before + 1) * channels
            before = channels
    return counted


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights by the names of the hub's VGG-16, its classifier among them."""
    folder = tmp_path_factory.mktemp("vgg16")
    torch.manual_seed(3)
    modules = [module for layer in convolutional_layers(16) for module in layer]
    state = {f"features.{name}": tensor for name, tensor in torch.nn.Sequential(*modules).state_dict().items()}
    save_file(state | {"pre_logits.fc1.weight": torch.ones(2, 2)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("depth", "options", "flat", "exact"),
    [
        (16, {"modality": "voice"}, 4 * 3 * 512, 44_329_169),  # as published, of 128 x 110
        (19, {"modality": "voice"}, 4 * 3 * 512, 49_638_865),
        (16, {"modality": "face"}, 7 * 7 * 512, 121_923_793),
        (16, {"modality": "face", "face_px": 112}, 3 * 3 * 512, 38_037_713),
    ],
)
def test_parameters_are_those_counted_by_hand(depth: int, options: dict[str, Any], flat: int, exact: int) -> None:
    with torch.device("meta"):
        network = VGGIdentifier(n_people=49, depth=depth, **options)
    counted = n_convolutional(depth) + (flat + 1) * 4096 + (4096 + 1) * 1072 + (1072 + 1) * 49
    assert counted == exact == network.n_parameters == sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert network.feature_dim == 1072
    assert network.face_px == (None if options["modality"] == "voice" else options.get("face_px", 224))
    assert (n_convolutional(16), n_convolutional(19)) == (14_714_688, 20_024_384)  # Keras' include_top=False


@pytest.mark.parametrize("depth", [16, 19])
def test_convolutions_lie_where_torchvision_has_them(depth: int) -> None:
    names = {name.partition(".")[2] for name in small(depth=depth).state_dict() if name.startswith("convolutions.")}
    assert names == {f"{place}.{part}" for place in PLACES[depth] for part in ("weight", "bias")}


def test_the_forward_pass_is_the_one_by_name() -> None:
    network = small(dropout=0.5).eval()
    network.adapt([0.4, 0.5, 0.6], 0.3)
    for name, parameter in network.named_parameters():
        torch.nn.init.uniform_(parameter, -0.1, 0.1) if name.endswith("bias") else None
    w = network.state_dict()
    x = (faces() - torch.tensor([0.4, 0.5, 0.6])[:, None, None]) / 0.3
    places = iter(PLACES[16])
    for n in CONVOLUTIONS[16]:
        for place in [next(places) for _ in range(n)]:
            weight, bias = (w[f"convolutions.{place}.{part}"] for part in ("weight", "bias"))
            x = functional.conv2d(x, weight, bias, padding=1).relu()
        x = functional.max_pool2d(x, 2)
    for place in (0, 2):
        x = (x.flatten(1) @ w[f"hidden_layers.{place}.weight"].T + w[f"hidden_layers.{place}.bias"]).relu()
    with torch.no_grad():
        torch.testing.assert_close(network.features(face=faces()), x, rtol=1e-4, atol=1e-4)
        logits = network(face=faces())
        torch.testing.assert_close(logits, x @ w["last.weight"].T + w["last.bias"], rtol=1e-4, atol=1e-4)
        assert torch.equal(logits, network(face=faces()))  # no dropout in evaluation
    assert float(x.abs().max()) > 0.01 and logits.dtype == torch.float32


def test_a_voice_is_a_mel_image_of_one_channel() -> None:
    network = small(modality="voice", face_px=None)
    assert network.modalities == ("voice",) and network.face_px is None and network.hidden_layers[0].in_features == 6144
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = network(voice=torch.rand(1, 1, 128, 110))
    assert logits.shape == (1, 3) and logits.dtype == torch.float32 and bool(torch.isfinite(logits).all())
    with pytest.raises(ConfigError, match=r"^The identifier VGGIdentifier needs a voice, which is missing."):
        network(face=faces())


@pytest.mark.parametrize(
    ("depth", "n_trained", "learning"),
    [(16, 2, (28,)), (19, 3, (32, 34)), (16, 1, ()), (16, 0, ()), (16, 5, (24, 26, 28)), (16, 18, PLACES[16])],
)
def test_layers_are_counted_as_keras_does(depth: int, n_trained: int, learning: tuple[int, ...]) -> None:
    """Of block5_conv1, block5_conv2, block5_conv3, block5_pool, the last two are a convolution and the pooling."""
    network = small(depth=depth, n_trained_layers=n_trained, weights="random")
    assert tuple(place for place in PLACES[depth] if network.convolutions[place].weight.requires_grad) == learning
    assert tuple(place for place in PLACES[depth] if network.convolutions[place].bias.requires_grad) == learning
    assert network.has_frozen_part == (n_trained < 18)
    rest = [p.requires_grad for n, p in network.named_parameters() if not n.startswith("convolutions")]
    assert all(rest)


@pytest.mark.parametrize("n_trained", [None, 0, 2, 7])
def test_a_kept_frozen_part_gives_the_same_logits_and_gradients(n_trained: int | None) -> None:
    network = small(weights="random", n_trained_layers=n_trained, dropout=0.0)
    assert network.has_frozen_part is (n_trained is not None)
    logits = network(face=faces())
    logits.square().sum().backward()
    wanted = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    kept = network.frozen_features(face=faces())
    assert not kept.requires_grad and kept.shape[0] == 2
    again = network.forward_from(kept.detach().clone())
    assert torch.equal(again, logits)
    again.square().sum().backward()
    assert set(wanted) == {name for name, p in network.named_parameters() if p.requires_grad}
    assert all(torch.equal(p.grad, wanted[n]) for n, p in network.named_parameters() if p.grad is not None)
    assert all(bool(gradient.abs().sum()) for gradient in wanted.values())


def test_weights_are_read_by_the_first_forward_pass_or_when_asked(published: Path) -> None:
    state = load_file(published / "model.safetensors")
    sources = [str(published), str(published / "model.safetensors")]
    torch.save({"state_dict": state | {"classifier.0.weight": torch.ones(1)}}, published / "vgg16.pth")
    for number, source in enumerate([*sources, str(published / "vgg16.pth")]):
        network = small(weights=source, n_trained_layers=2).eval()
        assert not torch.equal(network.convolutions[0].weight, state["features.0.weight"])
        network.fill_pretrained() if number else network(face=faces())
        assert all(torch.equal(network.convolutions[p].bias, state[f"features.{p}.bias"]) for p in PLACES[16])
        assert network.convolutions[28].weight.requires_grad and not network.convolutions[26].weight.requires_grad


def test_pretrained_pictures_are_scaled_as_imagenet_was_and_others_as_adapted(published: Path) -> None:
    pretrained, random = small(weights=str(published)), small()
    for network in (pretrained, random):
        network.adapt(0.25, 0.125)
    assert pretrained.scaling.mean.tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert pretrained.scaling.std.tolist() == pytest.approx([0.229, 0.224, 0.225])
    assert random.scaling.mean.tolist() == [0.25] * 3 and random.scaling.std.tolist() == [0.125] * 3


def test_a_saved_network_needs_its_source_no_more(tmp_path: Path, published: Path) -> None:
    first = small(weights=str(published), n_trained_layers=2)
    first.fill_pretrained()
    with torch.no_grad():
        first.convolutions[28].weight.mul_(2)  # it learned
    second = torch.nn.ModuleDict({"face": small(weights=str(tmp_path / "gone"), n_trained_layers=2)})
    second.load_state_dict({f"face.{name}": tensor for name, tensor in first.state_dict().items()})
    assert torch.equal(second.eval()["face"](face=faces()), first.eval()(face=faces()))


def test_weights_that_cannot_be_had_or_are_others_are_one_line(tmp_path: Path, published: Path) -> None:
    remedy = "Give `weights` as a folder or a safetensors file, or leave them out to start at random.$"
    for source in (str(tmp_path), "no such thing"):
        with pytest.raises(DataError, match=remedy) as caught:
            small(weights=source)(face=faces())
        assert "\n" not in str(caught.value) and "'vgg'" in str(caught.value)
    with pytest.raises(DataError, match="does not fit the encoder 'vgg': it lacks 16.weight"):
        small(weights=str(published), depth=19).fill_pretrained()
    broken = tmp_path / "broken.safetensors"
    broken.write_text("no tensors")
    with pytest.raises(DataError, match=r"broken.safetensors is no whole safetensors file. Fetch it again.$"):
        small(weights=str(broken)).fill_pretrained()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 11}, "`depth` of the identifier 'vgg' must be 16 or 19. Got 11."),
        ({"hidden": []}, "`hidden` of the identifier 'vgg' must hold one width or more. Got none."),
        ({"hidden": [0]}, "`hidden` must be a list of widths, each a whole number from 1 on. Got [0]."),
        ({"dropout": 1}, "`dropout` must be 0 to below 1. Got 1."),
        ({"face_px": 31}, f"{FACE_RULE} Got 31 for a face."),
        ({"modality": "voice"}, f"{FACE_RULE} Got 32 for a voice."),
        ({"n_trained_layers": 19}, "`n_trained_layers` of VGG-16 must be 0 to 18, or null for all. Got 19."),
        ({"n_trained_layers": "two"}, "`n_trained_layers` of VGG-16 must be 0 to 18, or null for all. Got 'two'."),
        (
            {"n_trained_layers": 2},
            "`n_trained_layers` 2 would freeze random weights. Leave it out, give `weights` such as "
            "timm/vgg16.tv_in1k, or say `weights: random` to mean it.",
        ),
        ({"n_people": 1}, "`n_people` must be at least 2. Got 1."),
    ],
)
def test_bad_arguments_are_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IDENTIFIERS.build({"name": "vgg", **(SMALL | options)})
    assert str(caught.value) == words


def test_random_convolutions_pass_something_on_and_learn() -> None:
    network = small(dropout=0.0, hidden=[64, 32])
    shown, labels = faces(3) * torch.tensor([0.2, 0.6, 1.0])[:, None, None, None], torch.arange(3)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-5)
    losses = []
    for _ in range(8):
        loss = functional.cross_entropy(network(face=shown), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert 0.3 < losses[0] < 3 and losses[-1] < 0.7 * losses[0]
