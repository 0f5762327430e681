"""The identifier `mobilevit`: its published size, what it takes and refuses, and that it learns, saves and loads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.identifiers.mobilevit import MobileViTIdentifier
from visavox.registry import IDENTIFIERS


def tiny(modality: str = "face", **options: Any) -> MobileViTIdentifier:
    torch.manual_seed(0)
    return MobileViTIdentifier(
        **({"n_people": 3, "modality": modality, "picture_px": 64, "head_channels": 16} | options)
    )


def faces(n: int = 2, px: int = 64, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, px, px, generator=torch.Generator().manual_seed(1))


def voices(n: int = 2) -> Tensor:
    return torch.rand(n, 1, 128, 110, generator=torch.Generator().manual_seed(2))


def test_a_pair_for_49_people_has_the_published_2_7_million_parameters_and_no_more() -> None:
    """The trunk is counted part by part in tests/models/test_mobile_vit.py."""
    pair = [IDENTIFIERS.build({"name": "mobilevit", "n_people": 49, "modality": m}) for m in ("voice", "face")]
    for network in pair:
        assert network.n_parameters == 1_322_096 + (512 + 1) * 49 == 1_347_233
        assert network.feature_dim == 512
    running = sum(b.numel() for network in pair for name, b in network.named_buffers() if "running" in name)
    assert sum(network.n_parameters for network in pair) == 2_694_466
    assert 2_694_466 + running == 2_699_554 <= 2_700_000  # as Keras counts


def test_a_voice_and_a_face_each_get_a_logit_for_everybody_from_their_features() -> None:
    for network, given in ((tiny("voice"), {"voice": voices()}), (tiny("face"), {"face": faces()})):
        network.eval()
        logits, vectors = network(**given), network.features(**given)
        assert logits.shape == (2, 3) and vectors.shape == (2, network.feature_dim) and logits.dtype == torch.float32
        torch.testing.assert_close(logits, network.last(vectors))
        assert torch.equal(network(**given), logits)
    assert (tiny("voice").face_px, tiny().face_px) == (None, 64)
    assert (tiny("voice").modalities, tiny().modalities) == (("voice",), ("face",))


def test_pictures_of_another_size_are_resized_and_a_voice_fills_three_channels() -> None:
    network = tiny("voice").eval()
    resized = functional.interpolate(voices(), size=(64, 64), mode="bilinear").repeat(1, 3, 1, 1)
    torch.testing.assert_close(network.features(voice=voices()), network.trunk(resized))


def test_a_joined_picture_of_four_channels_is_taken_where_it_is_asked_for() -> None:
    network = tiny(in_channels=4).eval()
    assert network(face=faces(channels=4)).shape == (2, 3)
    assert network.n_parameters == tiny().n_parameters + 9 * 16


def test_bfloat16_autocast_gives_float32_logits_near_those_of_float32() -> None:
    network = tiny().eval()
    with torch.no_grad():
        exact = network(face=faces())
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(face=faces())
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)


def test_it_learns_three_faces_in_bfloat16() -> None:
    network, people = tiny(dropout=0.1).train(), torch.tensor([0, 1, 2] * 2)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", torch.bfloat16):
            loss = functional.cross_entropy(network(face=faces(6)), people)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        assert all(p.grad is not None for p in network.parameters())
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_saved_weights_give_the_same_logits() -> None:
    network = tiny()
    network(face=faces(4))  # moves the running statistics
    other = MobileViTIdentifier(n_people=3, modality="face", picture_px=64, head_channels=16)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(face=faces()), network.eval()(face=faces()))
    assert all(tensor.is_contiguous() for tensor in network.state_dict().values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"picture_px": 100}, r"`picture_px` .* must be a multiple of 64, .* Got 100\. Take 256"),
        ({"picture_px": 0}, "must be a multiple of 64"),
        ({"head_channels": 0}, "`head_channels` .* must be 1 or more. Got 0"),
        ({"in_channels": 0}, "`in_channels` .* must be 1 or more"),
        ({"dropout": 1.0}, "`dropout` .* must be 0 to below 1. Got 1.0"),
        ({"modality": "gait"}, "must be voice or face. Got 'gait'"),
        ({"n_people": 1}, "`n_people` must be at least 2"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        tiny(**options)


def test_a_missing_face_is_one_line() -> None:
    with pytest.raises(ConfigError, match="needs a face, which is missing"):
        tiny()(voice=voices())
