"""The fusion of outputs by numbers made by hand, and which parameters it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.identifiers.output_fusion import OutputFusionIdentifier

pytestmark = pytest.mark.usefixtures("stand_ins")

HOWS = ("add", "multiply", "concatenate")


def fused(**options: Any) -> OutputFusionIdentifier:
    branch = {"name": "dense"}
    return OutputFusionIdentifier(**({"n_people": 3, "voice": branch, "face": branch, "hidden": [5]} | options))


def with_outputs(network: OutputFusionIdentifier, voice: list[float], face: list[float]) -> Tensor:
    """What the dense layers are given when the branches answer with these features."""
    for branch, numbers in ((network.voice_branch, voice), (network.face_branch, face)):
        first: Any = branch.first
        nn.init.zeros_(first.weight)
        first.bias = nn.Parameter(torch.tensor(numbers))
    given: list[Tensor] = []
    network.dense.register_forward_pre_hook(lambda _layer, x: given.append(x[0][0]))
    network.eval()(voice=torch.zeros(1, 1, 128, 110), face=torch.zeros(1, 3, 8, 8))
    return given[0]


@pytest.mark.parametrize(
    ("how", "expected"), [("add", [5.0, 1.0]), ("multiply", [6.0, -2.0]), ("concatenate", [2.0, -1.0, 3.0, 2.0])]
)
def test_two_numbers_of_each_branch_joined_by_hand(how: str, expected: list[float]) -> None:
    branch = {"name": "dense", "dim": 2}
    found = with_outputs(fused(voice=branch, face=branch, how=how), [2.0, -1.0], [3.0, 2.0])
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize("of", ["features", "logits", "probabilities"])
@pytest.mark.parametrize("how", HOWS)
def test_each_output_and_way_is_what_the_branches_give_written_out(how: str, of: str, media: dict[str, Tensor]) -> None:
    network = fused(how=how, of=of).eval()
    outputs = []
    for branch, modality in ((network.voice_branch, "voice"), (network.face_branch, "face")):
        given = {modality: media[modality]}
        logits = branch(**given)
        outputs.append({"features": branch.features(**given), "logits": logits, "probabilities": logits.softmax(1)}[of])
    one, two = outputs
    joined = {"add": one + two, "multiply": one * two, "concatenate": torch.cat([one, two], 1)}[how]
    dense: Any = network.dense[0]
    vectors = functional.gelu(joined @ dense.weight.T + dense.bias)
    torch.testing.assert_close(network.features(**media), vectors)
    torch.testing.assert_close(network(**media), vectors @ network.last.weight.T + network.last.bias)


@pytest.mark.parametrize("how", HOWS)
def test_parameters_are_those_of_the_branches_and_of_the_dense_layers(how: str) -> None:
    network = fused(how=how)
    branches = network.voice_branch.n_parameters + network.face_branch.n_parameters
    n_in = 12 if how == "concatenate" else 6
    assert network.n_parameters == branches + (n_in + 1) * 5 + (5 + 1) * 3
    assert network.feature_dim == 5 and fused(how=how, hidden=[]).feature_dim == n_in


def test_frozen_branches_are_not_trained_and_loose_ones_are_but_for_their_unused_last_layers(
    moved_by_training: Callable[[nn.Module], set[str]],
) -> None:
    own = {"dense.0.weight", "dense.0.bias", "last.weight", "last.bias"}
    firsts = {f"{m}_branch.first.{part}" for m in ("voice", "face") for part in ("weight", "bias")}
    lasts = {f"{m}_branch.last.{part}" for m in ("voice", "face") for part in ("weight", "bias")}
    for how in HOWS:
        assert moved_by_training(fused(how=how, frozen=True)) == own
        assert moved_by_training(fused(how=how)) == own | firsts
        assert moved_by_training(fused(how=how, of="logits")) == own | firsts | lasts


def test_in_use_the_answer_repeats_and_saved_weights_give_it_again(media: dict[str, Tensor]) -> None:
    network, other = fused().eval(), fused().eval()
    found = network(**media)
    assert found.dtype == torch.float32 and torch.equal(network(**media), found)
    assert not torch.equal(other(**media), found)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(**media), found)


def test_bfloat16_autocast_gives_float32_logits_near_those_of_float32(media: dict[str, Tensor]) -> None:
    network = fused().eval()
    exact = network(**media)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(**media)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.02, rtol=0.05)


def test_outputs_of_unlike_length_are_joined_but_neither_added_nor_multiplied(media: dict[str, Tensor]) -> None:
    unlike = {"voice": {"name": "dense", "dim": 4}}
    for how in ("add", "multiply"):
        with pytest.raises(ConfigError, match=f"Outputs to {how} must have one length. The voice branch has 4, the f"):
            fused(how=how, **unlike)
    assert fused(how="add", of="logits", **unlike)(**media).shape == (3, 3)
    assert fused(how="concatenate", **unlike)(**media).shape == (3, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"how": "mean"}, "`how` .* must be add, multiply or concatenate. Got 'mean'"),
        ({"of": "tokens"}, "`of` .* must be features, logits or probabilities. Got 'tokens'"),
    ],
)
def test_unknown_ways_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fused(**options)


@pytest.mark.parametrize("how", HOWS)
def test_the_rest_of_the_frozen_part_is_the_whole_network(how: str, media: dict[str, Tensor]) -> None:
    network = fused(how=how, frozen=True).eval()
    assert network.has_frozen_part
    kept = network.frozen_features(**media)
    assert not kept.requires_grad
    torch.testing.assert_close(network.forward_from(kept), network(**media))
    assert not fused(how=how).has_frozen_part
